#include "client/internal/channel.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/internal/options.h"
#include "common/channel_arguments.h"

namespace suppressd::client_internal {
namespace {

constexpr int kMessageBytesMax = 16 << 20;
// A socket of this host costs nobody anything; a server that is down has many clients.
constexpr absl::Duration kReconnectMaxLocal = absl::Milliseconds(200);
constexpr absl::Duration kReconnectMax = absl::Seconds(1);
constexpr size_t kPemMaxBytes = 1 << 20;

absl::StatusOr<std::string> ReadPem(const std::string& path, absl::string_view option, absl::string_view marker) {
  if (path.empty()) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::string text(kPemMaxBytes + 1, '\0');
  if (!file) return absl::NotFoundError(absl::StrCat("client option tls.", option, ": cannot read ", path));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kPemMaxBytes || !absl::StrContains(text, marker)) {
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
  grpc::ChannelArguments arguments =
      ChannelArguments(kMessageBytesMax, IsLocalTarget(options.target) ? kReconnectMaxLocal : kReconnectMax);
  arguments.SetUserAgentPrefix("suppressd-client");
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

}  // namespace suppressd::client_internal
