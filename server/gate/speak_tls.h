// What a client is answered that speaks plaintext on a TLS port. Without an answer it would see a connection that ends,
// and have to guess why.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/gate/frame_walk.h"

namespace suppressd {

inline constexpr absl::string_view kSpeakTls = "this port speaks TLS only";
// SETTINGS, without which a client listens to nothing else (RFC 9113, section 3.4).
inline const std::string kEmptySettings("\0\0\0\4\0\0\0\0\0", 9);

// The frame of a payload of at most 255 bytes.
inline std::string FrameOf(FrameType type, uint8_t flags, uint32_t stream, const std::string& payload) {
  std::string frame = {0, 0, static_cast<char>(payload.size()), static_cast<char>(type), static_cast<char>(flags)};
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(stream >> shift));
  return frame + payload;
}

// A header that is not indexed, with names and values below 128 bytes (RFC 7541, section 6.2.2).
inline std::string HeaderOf(absl::string_view name, absl::string_view value) {
  return absl::StrCat(absl::string_view("\0", 1), std::string(1, static_cast<char>(name.size())), name,
                      std::string(1, static_cast<char>(value.size())), value);
}

// UNAVAILABLE to this call, and the end of the connection: INADEQUATE_SECURITY (RFC 9113, section 7).
inline std::string SpeakTls(uint32_t call) {
  const std::string status = absl::StrCat("\x88", HeaderOf("content-type", "application/grpc"),
                                          HeaderOf("grpc-status", "14"), HeaderOf("grpc-message", kSpeakTls));
  const std::string last({static_cast<char>(call >> 24), static_cast<char>(call >> 16), static_cast<char>(call >> 8),
                          static_cast<char>(call), 0, 0, 0, 0x0c});
  return FrameOf(FrameType::kHeaders, kEndStream | kEndHeaders, call, status) +
         FrameOf(FrameType::kGoaway, 0, 0, absl::StrCat(last, kSpeakTls));
}

}  // namespace suppressd
