#include "server/app/tls_serving.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "server/app/reloads.h"
#include "server/base/log.h"

namespace suppressd {
namespace {

grpc_ssl_client_certificate_request_type AskFor(const ServerOptions& options) {
  if (options.tls_client_ca_file.empty()) return GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
  if (options.tls_client_certs == "optional") return GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
  return GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
}

TlsPaths PathsOf(const ServerOptions& options) {
  return {options.tls_client_ca_file, options.tls_cert_file, options.tls_key_file};
}

std::string TextOf(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

}  // namespace

// gRPC's C++ has no credentials whose certificates change as one; its C core asks for the newest at each connection.
class TlsServing::Credentials final : public grpc::ServerCredentials {
 public:
  Credentials(const TlsFiles* files, grpc_ssl_client_certificate_request_type ask) : files_(files) {
    credentials_ = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(ask, &Credentials::Fetch, this));
  }
  ~Credentials() override { grpc_server_credentials_release(credentials_); }

  // Who may call is decided in server/rpc.
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  // Called at the start and before each greeting, by any thread.
  static grpc_ssl_certificate_config_reload_status Fetch(void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<Credentials*>(self)->FetchNewest(config);
  }
  grpc_ssl_certificate_config_reload_status FetchNewest(grpc_ssl_server_certificate_config** config) {
    std::shared_ptr<const TlsTexts> newest = files_->current();
    absl::MutexLock lock(&mutex_);
    if (newest == served_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const grpc_ssl_pem_key_cert_pair pair{newest->key.c_str(), newest->cert.c_str()};
    // gRPC insists on certificates to trust, also where clients are not asked for theirs.
    const std::string& trusted = newest->ca.empty() ? newest->cert : newest->ca;
    *config = grpc_ssl_server_certificate_config_create(trusted.c_str(), &pair, 1);
    served_ = std::move(newest);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const TlsFiles* const files_;
  grpc_server_credentials* credentials_;
  absl::Mutex mutex_;
  std::shared_ptr<const TlsTexts> served_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::unique_ptr<TlsServing>> TlsServing::Open(const ServerOptions& options) {
  absl::StatusOr<std::unique_ptr<TlsFiles>> files = TlsFiles::Open(PathsOf(options), absl::Now);
  if (!files.ok()) return WrongOption("tls_cert_file, tls_key_file, tls_client_ca_file", files.status());
  if (const absl::Status valid = (*files)->current()->ValidAt(absl::Now()); !valid.ok()) {
    LogError("tls_certificate_not_valid", {{"error", std::string(valid.message())}});
  }
  std::unique_ptr<TlsServing> serving(new TlsServing(*std::move(files)));
  serving->credentials_ = std::make_shared<Credentials>(serving->files_.get(), AskFor(options));
  return serving;
}

absl::Status CheckTlsFiles(const ServerOptions& options) {
  if (!ServesTls(options)) return absl::OkStatus();
  const absl::StatusOr<TlsTexts> texts = ReadTls(PathsOf(options));
  return texts.ok() ? absl::OkStatus() : WrongOption("tls_cert_file, tls_key_file, tls_client_ca_file", texts.status());
}

TlsServing::~TlsServing() = default;

void TlsServing::Look() {
  const TlsFiles::Change change = files_->Look();
  if (change.replaced || !change.refused.ok()) Reloads::Get().Note(files_->paths().cert, change.refused.ok());
  if (change.replaced) LogInfo("tls_certificate_replaced", {{"not_after", TextOf(not_after())}});
  if (!change.refused.ok()) LogError("tls_files_refused", {{"error", std::string(change.refused.message())}});
}

}  // namespace suppressd
