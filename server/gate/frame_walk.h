// HTTP/2 frames as they pass: only the nine bytes before each are looked at, nothing is kept, changed or held up.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace suppressd {

// Frame types and flags, as RFC 9113 numbers them.
enum class FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kRstStream = 3,
  kGoaway = 7,
  kWindowUpdate = 8,
  kContinuation = 9
};
inline constexpr uint8_t kEndStream = 0x1;
inline constexpr uint8_t kEndHeaders = 0x4;

struct Frame {
  uint32_t bytes = 0;  // of what follows the frame's header
  FrameType type = FrameType::kData;
  uint8_t flags = 0;
  uint32_t stream = 0;
};

// One direction of one connection. Not thread-safe.
class FrameWalk {
 public:
  // What a client says before its first frame.
  static constexpr absl::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

  // `from_client`: the preface comes first.
  explicit FrameWalk(bool from_client) : preface_left_(from_client ? kPreface.size() : 0) {}

  // Takes the next bytes of the direction, and calls bool(const Frame&) for each frame whose header is complete with
  // them. False, and then of no more use: the preface was another, or `visit` said false.
  template <typename Visit>
  bool Take(absl::string_view bytes, const Visit& visit) {
    while (!bytes.empty()) {
      if (preface_left_ > 0) {
        if (!TakePreface(&bytes)) return false;
        continue;
      }
      const size_t skipped = bytes.size() < payload_left_ ? bytes.size() : payload_left_;
      bytes.remove_prefix(skipped);
      payload_left_ -= skipped;
      while (!bytes.empty() && header_bytes_ < header_.size()) {
        header_[header_bytes_++] = static_cast<uint8_t>(bytes.front());
        bytes.remove_prefix(1);
      }
      if (header_bytes_ < header_.size()) return true;
      header_bytes_ = 0;
      const Frame frame = Read();
      payload_left_ = frame.bytes;
      if (!visit(frame)) return false;
    }
    return true;
  }

  // Whether the bytes that were taken end with a whole frame, or there were none.
  bool between_frames() const { return payload_left_ == 0 && header_bytes_ == 0; }

 private:
  bool TakePreface(absl::string_view* bytes) {
    const absl::string_view wanted = kPreface.substr(kPreface.size() - preface_left_);
    const size_t compared = bytes->size() < wanted.size() ? bytes->size() : wanted.size();
    if (bytes->substr(0, compared) != wanted.substr(0, compared)) return false;
    bytes->remove_prefix(compared);
    preface_left_ -= compared;
    return true;
  }
  Frame Read() const {
    const auto& h = header_;
    return {.bytes = uint32_t{h[0]} << 16 | uint32_t{h[1]} << 8 | h[2],
            .type = static_cast<FrameType>(h[3]),
            .flags = h[4],
            .stream = (uint32_t{h[5]} & 0x7f) << 24 | uint32_t{h[6]} << 16 | uint32_t{h[7]} << 8 | h[8]};
  }

  size_t preface_left_;
  size_t payload_left_ = 0;
  std::array<uint8_t, 9> header_{};
  size_t header_bytes_ = 0;
};

}  // namespace suppressd
