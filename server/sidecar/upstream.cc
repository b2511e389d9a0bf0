#include "server/sidecar/upstream.h"

#include "absl/strings/str_cat.h"
#include "common/channel_arguments.h"
#include "common/error.h"
#include "common/from_grpc.h"
#include "server/rpc/grpc_status.h"

namespace suppressd {
namespace {

constexpr int kMessageBytesMax = 64 << 20;
constexpr absl::Duration kReconnectMax = absl::Seconds(2);  // how often to try is decided by whoever calls

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments = ChannelArguments(kMessageBytesMax, kReconnectMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, static_cast<int>(absl::ToInt64Milliseconds(kReconnectMax)));
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A channel of its own: a connection shared with others of the process would share their backoff.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

}  // namespace

absl::Status UpstreamStatus(const grpc::Status& status) {
  const absl::Status made = FromGrpc(status);
  if (made.ok() || HasErrorInfo(made)) return made;
  return MakeError(absl::StatusCode::kUnavailable, v1::UPSTREAM_UNREACHABLE,
                   absl::StrCat("the server gives no answer (",
                                absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code())), ": ",
                                absl::string_view(status.error_message()).substr(0, 200), ")"));
}

bool IsAnswer(const absl::Status& status) {
  return !absl::IsUnavailable(status) && !absl::IsDeadlineExceeded(status);
}

absl::StatusOr<std::unique_ptr<Upstream>> Upstream::Open(const std::string& target, const ChannelSecurity& security) {
  absl::StatusOr<std::unique_ptr<SecureChannel>> channel = SecureChannel::Open(target, security, Arguments());
  if (!channel.ok()) return channel.status();
  return std::unique_ptr<Upstream>(new Upstream(target, *std::move(channel)));
}

Upstream::Upstream(const std::string& target, std::unique_ptr<SecureChannel> channel)
    : target_(target), channel_(std::move(channel)), list_(channel_.get()), replication_(channel_.get()) {}

}  // namespace suppressd
