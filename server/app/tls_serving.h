// TLS on the server's TCP addresses, with certificates that are replaced while it serves: each new connection is
// greeted with the newest pair that could be used.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/tls_files.h"
#include "grpcpp/security/server_credentials.h"
#include "server/app/options.h"

namespace suppressd {

// Whether the files can be used that --tls_cert_file and its neighbours name; OK without them. Errors as of
// TlsServing::Open.
absl::Status CheckTlsFiles(const ServerOptions& options);

// Thread-safe. Must outlive the gRPC server that serves with its credentials.
class TlsServing {
 public:
  // Reads the files that the options name. INVALID_ARGUMENT, in one sentence, when they cannot be used. A certificate
  // that is not valid now is served all the same, and the log says so: Unix sockets need none.
  static absl::StatusOr<std::unique_ptr<TlsServing>> Open(const ServerOptions& options);
  ~TlsServing();

  // TLS 1.2 or 1.3. A client's certificate is asked for when there is --tls_client_ca_file, and then always verified.
  std::shared_ptr<grpc::ServerCredentials> credentials() const { return credentials_; }
  // Takes files that have changed, and logs that, or why not. Call it once a second.
  void Look();
  // The last moment at which the certificate is valid.
  absl::Time not_after() const { return files_->current()->not_after; }

 private:
  class Credentials;
  explicit TlsServing(std::unique_ptr<TlsFiles> files) : files_(std::move(files)) {}

  const std::unique_ptr<TlsFiles> files_;
  std::shared_ptr<grpc::ServerCredentials> credentials_;
};

}  // namespace suppressd
