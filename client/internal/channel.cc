#include "client/internal/channel.h"

#include <grpcpp/support/channel_arguments.h>

#include "absl/strings/str_cat.h"
#include "client/internal/options.h"
#include "common/channel_arguments.h"

namespace suppressd::client_internal {
namespace {

constexpr int kMessageBytesMax = 16 << 20;
// A socket of this host costs nobody anything; a server that is down has many clients.
constexpr absl::Duration kReconnectMaxLocal = absl::Milliseconds(200);
constexpr absl::Duration kReconnectMax = absl::Seconds(1);

ChannelSecurity SecurityOf(const ClientOptions& options) {
  ChannelSecurity security;
  security.token_file = options.token_file;
  if (!options.tls.has_value()) return security;
  security.tls = true;
  security.files = {options.tls->ca_file, options.tls->cert_file, options.tls->key_file};
  security.server_name = options.tls->server_name;
  return security;
}

grpc::ChannelArguments MakeArguments(const ClientOptions& options) {
  grpc::ChannelArguments arguments =
      ChannelArguments(kMessageBytesMax, IsLocalTarget(options.target) ? kReconnectMaxLocal : kReconnectMax);
  arguments.SetUserAgentPrefix("suppressd-client");
  return arguments;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SecureChannel>> MakeChannel(const ClientOptions& options) {
  absl::StatusOr<std::unique_ptr<SecureChannel>> channel =
      SecureChannel::Open(options.target, SecurityOf(options), MakeArguments(options));
  if (channel.ok()) return channel;
  return absl::Status(channel.status().code(), absl::StrCat("client options of TLS: ", channel.status().message()));
}

}  // namespace suppressd::client_internal
