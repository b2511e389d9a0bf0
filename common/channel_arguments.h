// What every channel to a suppressd has.
#pragma once

#include <grpcpp/support/channel_arguments.h>

#include "absl/time/time.h"

namespace suppressd {

// Keepalive every 30 s (the server refuses more), gRPC's own retries off, messages up to `message_bytes_max`. A lost
// connection is tried again after 100 ms, and after `reconnect_max` at most: gRPC's own 2 min would outlast every
// deadline and hide a server that is back.
grpc::ChannelArguments ChannelArguments(int message_bytes_max, absl::Duration reconnect_max);

}  // namespace suppressd
