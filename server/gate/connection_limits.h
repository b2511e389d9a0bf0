// What one connection may do, judged by the frames that pass: how many calls it has open, how many it takes back, how
// long its headers are, how many frames it sends that ask for nothing.
//
// gRPC 1.51 bounds none of these: a call that is reset no longer counts as a stream while its work is still queued,
// the size of headers is counted from zero in each CONTINUATION frame, and SETTINGS_MAX_CONCURRENT_STREAMS holds only
// for those who acknowledge it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/gate/frame_walk.h"

namespace suppressd {

// Headers of one call, as sent.
inline constexpr uint32_t kHeaderBlockMaxBytes = 64 << 10;
// CONTINUATION frames of one call's headers.
inline constexpr int kContinuationsMax = 16;
// Calls that a client takes back before they are answered: so many at once, and so many a second ever after. A client
// whose deadlines pass does that too: each call that is answered allows one more, up to the burst, and what gathers
// while nothing is received (this server stood still, perhaps) comes on top of it, for so long.
inline constexpr double kResetsBurst = 2'000;
inline constexpr double kResetsPerSecond = 200;
inline constexpr absl::Duration kResetsGapMax = absl::Seconds(10);
// Frames that ask for nothing (PING, SETTINGS, empty DATA and the like): so many at once, so many a second, and one
// more for each call begun and each frame of an answer.
inline constexpr double kIdleFramesBurst = 10'000;
inline constexpr double kIdleFramesPerSecond = 1'000;
// Calls beyond the announced limit before the connection is cut: those that were under way when it was announced.
inline constexpr size_t kCallsSlack = 100;

// Why a connection is cut; kNone: it goes on, or was not let in.
enum class CutReason { kNone, kNoHttp2, kHeaders, kCalls, kResets, kIdleFrames, kAllCalls, kAllResets, kPlaintext };
inline constexpr int kCutReasons = 9;
absl::string_view CutReasonName(CutReason reason);

// So many at once, and then so many a second. Not thread-safe.
class Allowance {
 public:
  Allowance(double burst, double per_second) : burst_(burst), per_second_(per_second), left_(burst) {}

  // Takes one; false when none is left.
  bool Take(absl::Duration now);
  // Adds what the time since the last Take or Refill gives, as Take does, but up to `above_burst_max` of it above the
  // burst.
  void Refill(absl::Duration now, absl::Duration above_burst_max);
  // Gives one back, up to the burst.
  void Earn() { left_ = std::max(left_, std::min(burst_, left_ + 1)); }
  // Of the burst.
  double used() const { return std::max(0.0, burst_ - left_); }

 private:
  const double burst_;
  const double per_second_;
  double left_;
  absl::Duration at_ = -absl::InfiniteDuration();
};

// One connection of a client. Not thread-safe.
class ConnectionLimits {
 public:
  explicit ConnectionLimits(size_t calls_max) : calls_max_(calls_max) {}

  // Takes what came from the client, at this time of a clock that never goes back.
  CutReason Received(absl::string_view bytes, absl::Duration now);
  // Takes a message of what is below the frames, that asks for nothing: it counts as such a frame.
  CutReason ReceivedIdle(absl::Duration now) { return Idle(now); }
  // Takes what the system has taken of what goes to the client.
  void Sent(absl::string_view bytes);

  // Calls that were neither taken back nor answered to the end.
  size_t open_calls() const { return open_.size(); }
  // The newest call that was begun; zero: none.
  uint32_t last_stream() const { return last_stream_; }
  // Calls taken back, those of long ago left out.
  double recent_resets() const { return resets_.used(); }
  // Resets since the last call of this.
  int TakeNewResets() { return std::exchange(new_resets_, 0); }
  // The client was told to begin no more calls here.
  bool goaway_sent() const { return goaway_sent_; }
  // It was, none is open, and the last frame to the client went out whole.
  bool idle() const { return goaway_sent_ && open_.empty() && sent_.between_frames(); }

 private:
  CutReason OnFrame(const Frame& frame, absl::Duration now);
  CutReason OnHeaders(const Frame& frame, absl::Duration now);
  CutReason Idle(absl::Duration now) { return idle_frames_.Take(now) ? CutReason::kNone : CutReason::kIdleFrames; }

  const size_t calls_max_;
  FrameWalk received_{true};
  FrameWalk sent_{false};
  absl::flat_hash_set<uint32_t> open_;
  uint32_t last_stream_ = 0;
  uint32_t header_block_bytes_ = 0;
  int continuations_ = 0;
  int new_resets_ = 0;
  bool goaway_sent_ = false;
  Allowance resets_{kResetsBurst, kResetsPerSecond};
  Allowance idle_frames_{kIdleFramesBurst, kIdleFramesPerSecond};
};

}  // namespace suppressd
