#include "common/token_file.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/tls_files.h"

namespace suppressd {
namespace {

absl::StatusOr<std::string> ReadToken(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  std::string text(kTokenBytesMax + 3, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  text.resize(static_cast<size_t>(file.gcount()));
  absl::StripTrailingAsciiWhitespace(&text);
  const bool is_token =
      !text.empty() && text.size() <= kTokenBytesMax &&
      std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); });
  if (is_token) return text;
  return absl::FailedPreconditionError(
      absl::StrCat(path, " holds no token: one line of printable ASCII without spaces, of at most 8 KiB"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenFile>> TokenFile::Open(std::string path) {
  std::unique_ptr<TokenFile> file(new TokenFile(std::move(path)));
  absl::MutexLock looking(&file->looking_);
  file->looked_at_ = StateOfFiles({file->path_});
  absl::StatusOr<std::string> token = ReadToken(file->path_);
  if (!token.ok()) return token.status();
  absl::MutexLock lock(&file->mutex_);
  file->current_ = std::make_shared<const std::string>(*std::move(token));
  return file;
}

void TokenFile::Look() {
  absl::MutexLock looking(&looking_);
  std::string before = StateOfFiles({path_});
  if (before == looked_at_) return;
  absl::StatusOr<std::string> token = ReadToken(path_);
  if (StateOfFiles({path_}) != before) return;  // somebody writes; the next look sees the rest
  looked_at_ = std::move(before);
  if (!token.ok()) return;
  absl::MutexLock lock(&mutex_);
  current_ = std::make_shared<const std::string>(*std::move(token));
}

}  // namespace suppressd
