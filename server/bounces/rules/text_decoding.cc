#include "server/bounces/rules/text_decoding.h"

#include <unistr.h>

namespace suppressd {
namespace {

// What Windows-1252 has at 0x80 to 0x9F; everywhere else it is Latin-1, whose bytes are the code points.
constexpr ucs4_t kAt80[32] = {0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
                              0x2039, 0x0152, 0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
                              0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178};
constexpr int kUtf8MaxBytes = 6;

}  // namespace

bool IsValidUtf8(absl::string_view text) {
  return u8_check(reinterpret_cast<const uint8_t*>(text.data()), text.size()) == nullptr;
}

std::string ReplaceInvalidUtf8(absl::string_view text) {
  std::string valid(text);
  auto* const begin = reinterpret_cast<uint8_t*>(valid.data());
  const uint8_t* bad = begin;
  while ((bad = u8_check(bad, begin + valid.size() - bad)) != nullptr) begin[bad - begin] = '?';
  return valid;
}

std::string DecodeText(absl::string_view bytes) {
  if (IsValidUtf8(bytes)) return std::string(bytes);
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 4);
  for (const char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    const ucs4_t point = byte >= 0x80 && byte < 0xA0 ? kAt80[byte - 0x80] : byte;
    uint8_t encoded[kUtf8MaxBytes];
    const int size = u8_uctomb(encoded, point, sizeof(encoded));
    if (size > 0) text.append(reinterpret_cast<const char*>(encoded), static_cast<size_t>(size));
  }
  return text;
}

}  // namespace suppressd
