#include "common/secure_channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace suppressd {
namespace {

// How often files are looked at.
constexpr int64_t kLookNanos = 1'000'000'000;

int64_t SteadyNanos() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

grpc::ChannelArguments WithServerName(grpc::ChannelArguments arguments, const std::string& name) {
  if (!name.empty()) arguments.SetSslTargetNameOverride(name);
  return arguments;
}

}  // namespace

SecureChannel::SecureChannel(std::string target, const ChannelSecurity& security, grpc::ChannelArguments arguments)
    : target_(std::move(target)),
      tls_(security.tls),
      arguments_(WithServerName(std::move(arguments), security.tls ? security.server_name : "")) {}

absl::StatusOr<std::unique_ptr<SecureChannel>> SecureChannel::Open(std::string target, const ChannelSecurity& security,
                                                                   grpc::ChannelArguments arguments) {
  std::unique_ptr<SecureChannel> made(new SecureChannel(std::move(target), security, std::move(arguments)));
  if (security.tls) {
    absl::StatusOr<std::unique_ptr<TlsFiles>> files = TlsFiles::Open(security.files, absl::Now);
    if (!files.ok()) return files.status();
    made->files_ = *std::move(files);
  }
  if (!security.token_file.empty()) {
    absl::StatusOr<std::unique_ptr<TokenFile>> token = TokenFile::Open(security.token_file);
    if (!token.ok()) return token.status();
    made->token_ = *std::move(token);
  }
  made->look_at_nanos_ = SteadyNanos() + kLookNanos;
  absl::MutexLock lock(&made->mutex_);
  made->Make();
  return made;
}

void SecureChannel::Make() {
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (tls_) {
    const std::shared_ptr<const TlsTexts> texts = files_->current();
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = texts->ca;
    options.pem_cert_chain = texts->cert;
    options.pem_private_key = texts->key;
    credentials = grpc::SslCredentials(options);
  }
  channel_ = grpc::CreateCustomChannel(target_, credentials, arguments_);
}

std::shared_ptr<grpc::Channel> SecureChannel::Get() {
  bool replaced = false;
  if (files_ != nullptr || token_ != nullptr) {
    int64_t look_at = look_at_nanos_.load(std::memory_order_relaxed);
    const int64_t now = SteadyNanos();
    if (now >= look_at && look_at_nanos_.compare_exchange_strong(look_at, now + kLookNanos)) {
      if (files_ != nullptr) replaced = files_->Look().replaced;
      if (token_ != nullptr) token_->Look();
    }
  }
  absl::MutexLock lock(&mutex_);
  if (replaced) Make();
  return channel_;
}

void SecureChannel::AddToken(grpc::ClientContext* context) const {
  if (token_ != nullptr) context->AddMetadata("authorization", absl::StrCat("Bearer ", *token_->current()));
}

}  // namespace suppressd
