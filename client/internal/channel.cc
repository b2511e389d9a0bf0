#include "client/internal/channel.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/internal/options.h"

namespace suppression::client_internal {
namespace {

constexpr int kKeepaliveMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
constexpr int kMaxReceiveOctets = 16 << 20;
// gRPC's own reconnect backoff (1 s to 2 min) would outlast our deadlines and hide a server that is back. gRPC takes
// nothing below 100 ms. A socket of this host costs nobody anything; a centre that is down has many clients.
constexpr int kReconnectInitialMs = 100;
constexpr int kReconnectMaxLocalMs = 200;
constexpr int kReconnectMaxMs = 1'000;
constexpr size_t kPemMaxOctets = 1 << 20;

absl::StatusOr<std::string> ReadPem(const std::string& path, absl::string_view option, absl::string_view marker) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::string text(kPemMaxOctets + 1, '\0');
  if (!file) return absl::NotFoundError(absl::StrCat("client option tls.", option, ": cannot read ", path));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kPemMaxOctets || !absl::StrContains(text, marker)) {
    return absl::FailedPreconditionError(
        absl::StrCat("client option tls.", option, ": ", path, " is not a PEM file with ", marker, ", or over 1 MiB"));
  }
  return text;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(const ClientOptions& options) {
  if (!options.tls.has_value()) return grpc::InsecureChannelCredentials();
  absl::StatusOr<std::string> ca = ReadPem(options.tls->ca_file, "ca_file", "BEGIN CERTIFICATE");
  if (!ca.ok()) return ca.status();
  absl::StatusOr<std::string> cert = ReadPem(options.tls->cert_file, "cert_file", "BEGIN CERTIFICATE");
  if (!cert.ok()) return cert.status();
  absl::StatusOr<std::string> key = ReadPem(options.tls->key_file, "key_file", "PRIVATE KEY");
  if (!key.ok()) return key.status();
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = *std::move(ca);
  ssl.pem_cert_chain = *std::move(cert);
  ssl.pem_private_key = *std::move(key);
  return grpc::SslCredentials(ssl);
}

grpc::ChannelArguments MakeArguments(const ClientOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  // A Watch sends nothing after its request; without this gRPC stops pinging after two pings.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetMaxReceiveMessageSize(kMaxReceiveOctets);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectInitialMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
                   IsLocalTarget(options.target) ? kReconnectMaxLocalMs : kReconnectMaxMs);
  arguments.SetUserAgentPrefix("suppression-client");
  if (options.tls.has_value() && !options.tls->server_name.empty()) {
    arguments.SetSslTargetNameOverride(options.tls->server_name);
  }
  return arguments;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const ClientOptions& options) {
  const auto credentials = MakeCredentials(options);
  if (!credentials.ok()) return credentials.status();
  return grpc::CreateCustomChannel(options.target, *credentials, MakeArguments(options));
}

}  // namespace suppression::client_internal
