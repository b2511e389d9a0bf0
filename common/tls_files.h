// Certificates and keys in files that are replaced while the process runs: read together, checked together, and the
// last good ones kept until better ones are there.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace suppressd {

// Largest file, in bytes; most certificates in one.
inline constexpr size_t kPemBytesMax = 1 << 20;
inline constexpr int kPemCertificatesMax = 10'000;

// Paths of PEM files; empty: none. A certificate and its key need each other.
struct TlsPaths {
  std::string ca;    // certificates to trust
  std::string cert;  // our certificate, then those between it and a trusted one
  std::string key;   // its private key, not encrypted

  bool empty() const { return ca.empty() && cert.empty() && key.empty(); }
};

// What they hold.
struct TlsTexts {
  std::string ca;
  std::string cert;
  std::string key;
  // When our certificate is valid; always, when there is none.
  absl::Time not_before = absl::InfinitePast();
  absl::Time not_after = absl::InfiniteFuture();

  // OK, or FAILED_PRECONDITION: our certificate is not valid at this time.
  absl::Status ValidAt(absl::Time now) const;
};

// Reads and checks the files: PEM, every certificate readable, key and certificate a pair. NOT_FOUND: a file cannot be
// read. FAILED_PRECONDITION: it holds something else. INVALID_ARGUMENT: a certificate without key, or a key without
// certificate. The error names the file, never what is in it. Whether the certificate is valid now is not looked at.
absl::StatusOr<TlsTexts> ReadTls(const TlsPaths& paths);

// What the file system tells of files, so that any change to one shows: also one by a new symbolic link, as Kubernetes
// makes it. Equal states of a file that is being written may differ in what was read in between.
std::string StateOfFiles(const std::vector<std::string>& paths);

// Files that are looked at again and again. Thread-safe.
class TlsFiles {
 public:
  // What became of a look at the files.
  struct Change {
    bool replaced = false;  // current() is another now
    absl::Status refused;   // the files have changed, and cannot be used; told once. What was current stays
  };

  // Errors as of ReadTls. A certificate that is not valid now is taken: ValidAt tells.
  static absl::StatusOr<std::unique_ptr<TlsFiles>> Open(TlsPaths paths, std::function<absl::Time()> clock);

  const TlsPaths& paths() const { return paths_; }
  std::shared_ptr<const TlsTexts> current() const {
    absl::MutexLock lock(&mutex_);
    return current_;
  }
  // Looks at the files. They are taken when they can be read, are a pair, did not change meanwhile, and the certificate
  // is valid now or the current one is not either. Cheap when nothing has changed: three stat calls.
  Change Look();

 private:
  TlsFiles(TlsPaths paths, std::function<absl::Time()> clock) : paths_(std::move(paths)), clock_(std::move(clock)) {}
  std::string State() const { return StateOfFiles({paths_.ca, paths_.cert, paths_.key}); }

  const TlsPaths paths_;
  const std::function<absl::Time()> clock_;
  absl::Mutex looking_;
  std::string looked_at_ ABSL_GUARDED_BY(looking_);    // the state that was taken or refused
  absl::Time try_again_at_ ABSL_GUARDED_BY(looking_);  // a certificate that was refused becomes valid
  mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(looking_);
  std::shared_ptr<const TlsTexts> current_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppressd
