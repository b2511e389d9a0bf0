// Short name for the messages of protos/suppressd/storage/v1, and conversions of their times.
#pragma once

#include <cstdint>

#include "google/protobuf/timestamp.pb.h"
#include "suppressd/storage/v1/storage.pb.h"

namespace suppressd {

namespace stored = ::suppressd::storage::v1;

inline constexpr int64_t kMicrosPerSecond = 1'000'000;
inline constexpr int64_t kMicrosPerDay = 86'400 * kMicrosPerSecond;

// Microseconds since 1970; finer parts are cut off. Any valid Timestamp fits.
inline int64_t ToMicros(const google::protobuf::Timestamp& time) {
  return time.seconds() * kMicrosPerSecond + time.nanos() / 1000;
}

// The reverse of ToMicros.
inline google::protobuf::Timestamp FromMicros(int64_t micros) {
  google::protobuf::Timestamp time;
  int64_t seconds = micros / kMicrosPerSecond;
  int64_t rest = micros % kMicrosPerSecond;
  if (rest < 0) {
    --seconds;
    rest += kMicrosPerSecond;
  }
  time.set_seconds(seconds);
  time.set_nanos(static_cast<int32_t>(rest * 1000));
  return time;
}

}  // namespace suppressd
