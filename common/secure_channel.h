// A channel to a suppressd with TLS and a bearer token whose files are replaced while the process runs: with another
// certificate the channel is another one, too. Calls under way end on the one they began on.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/channel_arguments.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/tls_files.h"
#include "common/token_file.h"

namespace suppressd {

// How the other end is known, and we to it.
struct ChannelSecurity {
  bool tls = false;  // else plaintext
  // Of TLS: what is trusted (`ca`; empty: what the system trusts), and our certificate with its key (empty: none).
  TlsPaths files;
  // Of TLS: the name that the server's certificate must carry. Empty: the host of the target.
  std::string server_name;
  // A file that holds the bearer token of each call. Empty: none.
  std::string token_file;
};

// Thread-safe.
class SecureChannel {
 public:
  // A target as gRPC has it. Connects at the first call. Errors as of ReadTls and TokenFile::Open.
  static absl::StatusOr<std::unique_ptr<SecureChannel>> Open(std::string target, const ChannelSecurity& security,
                                                             grpc::ChannelArguments arguments);

  // The channel to begin a call on. The files are looked at once a second at most, by whoever comes first; what cannot
  // be used is passed over.
  std::shared_ptr<grpc::Channel> Get();
  // Adds the token to a call that is about to begin.
  void AddToken(grpc::ClientContext* context) const;

 private:
  SecureChannel(std::string target, const ChannelSecurity& security, grpc::ChannelArguments arguments);
  void Make() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string target_;
  const bool tls_;
  const grpc::ChannelArguments arguments_;
  std::unique_ptr<TlsFiles> files_;
  std::unique_ptr<TokenFile> token_;
  std::atomic<int64_t> look_at_nanos_{0};
  absl::Mutex mutex_;
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mutex_);
};

// The stub of one service on a SecureChannel. Thread-safe.
template <typename Service>
class SecureStub {
 public:
  using Stub = typename Service::StubInterface;

  explicit SecureStub(SecureChannel* channel) : channel_(channel) {}

  // For one call to begin; the call may outlive it.
  std::shared_ptr<Stub> Get() {
    std::shared_ptr<grpc::Channel> channel = channel_->Get();
    absl::MutexLock lock(&mutex_);
    if (stub_ == nullptr || channel != of_) {
      stub_ = Service::NewStub(channel);
      of_ = std::move(channel);
    }
    return stub_;
  }

 private:
  SecureChannel* const channel_;
  absl::Mutex mutex_;
  std::shared_ptr<grpc::Channel> of_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Stub> stub_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppressd
