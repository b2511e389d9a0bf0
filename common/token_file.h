// A bearer token in a file that is replaced while the process runs, as Kubernetes does with service account tokens.
#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace suppressd {

// Longest token, in bytes: what one header may hold.
inline constexpr size_t kTokenBytesMax = 8 << 10;

// Thread-safe.
class TokenFile {
 public:
  // Reads the token: the file's only line. NOT_FOUND: the file cannot be read. FAILED_PRECONDITION: it holds no token,
  // that is printable ASCII without spaces, or one longer than kTokenBytesMax.
  static absl::StatusOr<std::unique_ptr<TokenFile>> Open(std::string path);

  // The token.
  std::shared_ptr<const std::string> current() const {
    absl::MutexLock lock(&mutex_);
    return current_;
  }
  // Reads the file again when it has changed; what cannot be used is passed over, and the token stays.
  void Look();

 private:
  explicit TokenFile(std::string path) : path_(std::move(path)) {}

  const std::string path_;
  absl::Mutex looking_;
  std::string looked_at_ ABSL_GUARDED_BY(looking_);
  mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(looking_);
  std::shared_ptr<const std::string> current_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppressd
