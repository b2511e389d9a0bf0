#include "server/sidecar/upstream.h"

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "protos/error.h"
#include "server/grpc_status.h"

namespace suppression {
namespace {

constexpr int kKeepaliveMillis = 30'000;  // as often as the server allows
constexpr int kKeepaliveTimeoutMillis = 10'000;
constexpr int kReconnectMillisMin = 100;
constexpr int kReconnectMillisMax = 2'000;  // how often to try is decided by whoever calls
constexpr int kMessageOctetsMax = 64 << 20;

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMillis);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMillis);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMillisMin);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kReconnectMillisMax);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMillisMax);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A channel of its own: a connection shared with others of the process would share their backoff.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(kMessageOctetsMax);
  return arguments;
}

}  // namespace

absl::Status CentreStatus(const grpc::Status& status) {
  const absl::Status made = FromGrpcStatus(status);
  if (made.ok() || HasErrorInfo(made)) return made;
  return MakeError(absl::StatusCode::kUnavailable, v1::CENTRE_UNREACHABLE,
                   absl::StrCat("the centre gives no answer (",
                                absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code())), ": ",
                                absl::string_view(status.error_message()).substr(0, 200), ")"));
}

bool IsAnswer(const absl::Status& status) {
  return !absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status);
}

Upstream::Upstream(const std::string& target) : target_(target) {
  const auto channel = grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), Arguments());
  list_ = v1::SuppressionService::NewStub(channel);
  replication_ = v1::ReplicationService::NewStub(channel);
}

}  // namespace suppression
