#include "common/tls_files.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <ctime>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace suppressd {
namespace {

// So often files are read at most that somebody replaces meanwhile.
constexpr int kReadsMax = 5;

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

absl::Status Bad(const std::string& path, absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(path, " ", what));
}

absl::StatusOr<std::string> Read(const std::string& path) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  std::string text(kPemBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return Bad(path, "is no file that can be read");
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kPemBytesMax) return Bad(path, "is larger than 1 MiB");
  return text;
}

// A key is never asked for a passphrase.
int NoPassphrase(char*, int, int, void*) {
  return -1;
}

Bio BioOf(const std::string& text) {
  return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free};
}

// The certificates of a file; an error when there is none, or one cannot be read.
absl::StatusOr<std::vector<Certificate>> Certificates(const std::string& path, const std::string& text) {
  const Bio bio = BioOf(text);
  std::vector<Certificate> found;
  ERR_clear_error();
  while (X509* const one = PEM_read_bio_X509(bio.get(), nullptr, &NoPassphrase, nullptr)) {
    found.emplace_back(one, &X509_free);
    if (found.size() > kPemCertificatesMax) return Bad(path, "holds more than 10,000 certificates");
  }
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (!at_end) return Bad(path, "holds a certificate that cannot be read");
  if (found.empty()) return Bad(path, "holds no PEM certificate (-----BEGIN CERTIFICATE-----)");
  return found;
}

absl::StatusOr<Key> PrivateKey(const std::string& path, const std::string& text) {
  const Bio bio = BioOf(text);
  ERR_clear_error();
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassphrase, nullptr), &EVP_PKEY_free);
  ERR_clear_error();
  if (key != nullptr) return key;
  return Bad(path, "holds no PEM private key that can be read without a passphrase");
}

absl::Time TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

absl::Status CheckPair(const TlsPaths& paths, TlsTexts* texts) {
  const absl::StatusOr<std::vector<Certificate>> chain = Certificates(paths.cert, texts->cert);
  if (!chain.ok()) return chain.status();
  const absl::StatusOr<Key> key = PrivateKey(paths.key, texts->key);
  if (!key.ok()) return key.status();
  X509* const ours = chain->front().get();
  const bool is_pair = X509_check_private_key(ours, key->get()) == 1;
  ERR_clear_error();
  if (!is_pair) {
    return Bad(paths.key, absl::StrCat("is not the key of the first certificate in ", paths.cert));
  }
  texts->not_before = TimeOf(X509_get0_notBefore(ours));
  texts->not_after = TimeOf(X509_get0_notAfter(ours));
  return absl::OkStatus();
}

}  // namespace

absl::Status TlsTexts::ValidAt(absl::Time now) const {
  const auto say = [](absl::Time time) { return absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", time, absl::UTCTimeZone()); };
  if (now < not_before) {
    return absl::FailedPreconditionError(absl::StrCat("the certificate is not valid before ", say(not_before)));
  }
  if (now > not_after) {
    return absl::FailedPreconditionError(absl::StrCat("the certificate has expired on ", say(not_after)));
  }
  return absl::OkStatus();
}

namespace {

absl::StatusOr<TlsTexts> ReadOnce(const TlsPaths& paths) {
  TlsTexts texts;
  for (const auto& [path, text] :
       {std::pair(&paths.ca, &texts.ca), std::pair(&paths.cert, &texts.cert), std::pair(&paths.key, &texts.key)}) {
    absl::StatusOr<std::string> read = Read(*path);
    if (!read.ok()) return read.status();
    *text = *std::move(read);
  }
  if (!paths.ca.empty()) {
    if (const auto trusted = Certificates(paths.ca, texts.ca); !trusted.ok()) return trusted.status();
  }
  if (!paths.cert.empty()) {
    if (absl::Status status = CheckPair(paths, &texts); !status.ok()) return status;
  }
  return texts;
}

}  // namespace

absl::StatusOr<TlsTexts> ReadTls(const TlsPaths& paths) {
  if (paths.cert.empty() != paths.key.empty()) {
    return absl::InvalidArgumentError("a certificate and its key need each other, and one of the two is not given");
  }
  const std::vector<std::string> files = {paths.ca, paths.cert, paths.key};
  for (int tries = 1;; ++tries) {
    const std::string before = StateOfFiles(files);
    absl::StatusOr<TlsTexts> texts = ReadOnce(paths);
    // Where they were replaced meanwhile, one may be of before and another of after.
    if (StateOfFiles(files) == before || tries == kReadsMax) return texts;
  }
}

std::string StateOfFiles(const std::vector<std::string>& paths) {
  std::string state;
  for (const std::string& path : paths) {
    struct stat found {};
    if (path.empty() || stat(path.c_str(), &found) != 0) {
      state += "-;";
      continue;
    }
    absl::StrAppend(&state, found.st_dev, " ", found.st_ino, " ", found.st_size, " ", found.st_mtim.tv_sec, ".",
                    found.st_mtim.tv_nsec, " ", found.st_ctim.tv_sec, ".", found.st_ctim.tv_nsec, ";");
  }
  return state;
}

absl::StatusOr<std::unique_ptr<TlsFiles>> TlsFiles::Open(TlsPaths paths, std::function<absl::Time()> clock) {
  std::unique_ptr<TlsFiles> files(new TlsFiles(std::move(paths), std::move(clock)));
  absl::MutexLock looking(&files->looking_);
  files->looked_at_ = files->State();
  files->try_again_at_ = absl::InfiniteFuture();
  absl::StatusOr<TlsTexts> texts = ReadTls(files->paths_);
  if (!texts.ok()) return texts.status();
  absl::MutexLock lock(&files->mutex_);
  files->current_ = std::make_shared<const TlsTexts>(*std::move(texts));
  return files;
}

TlsFiles::Change TlsFiles::Look() {
  absl::MutexLock looking(&looking_);
  const absl::Time now = clock_();
  std::string before = State();
  if (before == looked_at_ && now < try_again_at_) return {};
  absl::StatusOr<TlsTexts> texts = ReadTls(paths_);
  if (State() != before) return {};  // somebody writes; the next look sees the rest
  looked_at_ = std::move(before);
  try_again_at_ = absl::InfiniteFuture();
  if (!texts.ok()) return {false, texts.status()};
  absl::MutexLock lock(&mutex_);
  if (texts->ca == current_->ca && texts->cert == current_->cert && texts->key == current_->key) return {};
  if (absl::Status valid = texts->ValidAt(now); !valid.ok() && current_->ValidAt(now).ok()) {
    if (now < texts->not_before) try_again_at_ = texts->not_before;
    return {false, Bad(paths_.cert, absl::StrCat("is not taken: ", valid.message()))};
  }
  current_ = std::make_shared<const TlsTexts>(*std::move(texts));
  return {true, absl::OkStatus()};
}

}  // namespace suppressd
