#include "server/gate/connection_limits.h"

#include <algorithm>

namespace suppressd {

absl::string_view CutReasonName(CutReason reason) {
  switch (reason) {
    case CutReason::kNone:
      return "too many connections";
    case CutReason::kNoHttp2:
      return "not HTTP/2";
    case CutReason::kHeaders:
      return "headers too long";
    case CutReason::kCalls:
      return "too many calls on one connection";
    case CutReason::kResets:
      return "too many calls taken back";
    case CutReason::kIdleFrames:
      return "too many frames that ask for nothing";
    case CutReason::kAllCalls:
      return "most calls when there were too many in all";
    case CutReason::kAllResets:
      return "calls taken back when there were too many in all";
    case CutReason::kPlaintext:
      return "plaintext where TLS is spoken";
  }
  return "";
}

void Allowance::Refill(absl::Duration now, absl::Duration above_burst_max) {
  if (now <= at_) return;
  if (at_ != -absl::InfiniteDuration()) {
    const absl::Duration since = now - at_;
    const double left_max = burst_ + absl::ToDoubleSeconds(std::min(since, above_burst_max)) * per_second_;
    left_ = std::max(left_, std::min(left_max, left_ + absl::ToDoubleSeconds(since) * per_second_));
  }
  at_ = now;
}

bool Allowance::Take(absl::Duration now) {
  Refill(now, absl::ZeroDuration());
  if (left_ < 1) return false;
  left_ -= 1;
  return true;
}

CutReason ConnectionLimits::Received(absl::string_view bytes, absl::Duration now) {
  resets_.Refill(now, kResetsGapMax);
  CutReason reason = CutReason::kNone;
  const bool goes_on = received_.Take(bytes, [&](const Frame& frame) {
    reason = OnFrame(frame, now);
    return reason == CutReason::kNone;
  });
  return goes_on || reason != CutReason::kNone ? reason : CutReason::kNoHttp2;
}

CutReason ConnectionLimits::OnFrame(const Frame& frame, absl::Duration now) {
  switch (frame.type) {
    case FrameType::kHeaders:
      return OnHeaders(frame, now);
    case FrameType::kContinuation:
      header_block_bytes_ = std::min(header_block_bytes_ + frame.bytes, kHeaderBlockMaxBytes + 1);
      if (header_block_bytes_ > kHeaderBlockMaxBytes || ++continuations_ > kContinuationsMax)
        return CutReason::kHeaders;
      return CutReason::kNone;
    case FrameType::kRstStream:
      if (open_.erase(frame.stream) == 0) return Idle(now);  // it is answered already
      ++new_resets_;
      return resets_.Take(now) ? CutReason::kNone : CutReason::kResets;
    case FrameType::kData:
      return frame.bytes > 0 || (frame.flags & kEndStream) != 0 ? CutReason::kNone : Idle(now);
    case FrameType::kWindowUpdate:  // goes with what is read
      return CutReason::kNone;
    default:
      return Idle(now);
  }
}

CutReason ConnectionLimits::OnHeaders(const Frame& frame, absl::Duration now) {
  header_block_bytes_ = frame.bytes;
  continuations_ = 0;
  if (frame.bytes > kHeaderBlockMaxBytes) return CutReason::kHeaders;
  if (frame.stream <= last_stream_ || frame.stream % 2 == 0) return Idle(now);  // begins no call
  last_stream_ = frame.stream;
  open_.insert(frame.stream);
  idle_frames_.Earn();
  return open_.size() > calls_max_ + kCallsSlack ? CutReason::kCalls : CutReason::kNone;
}

void ConnectionLimits::Sent(absl::string_view bytes) {
  sent_.Take(bytes, [this](const Frame& frame) {
    const bool ends =
        (frame.type == FrameType::kHeaders || frame.type == FrameType::kData) && (frame.flags & kEndStream) != 0;
    if ((ends || frame.type == FrameType::kRstStream) && open_.erase(frame.stream) > 0 && ends) resets_.Earn();
    if (frame.type == FrameType::kData) idle_frames_.Earn();
    if (frame.type == FrameType::kGoaway) goaway_sent_ = true;
    return true;
  });
}

}  // namespace suppressd
