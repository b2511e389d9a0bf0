// A mail taken apart: headers, and the leaf parts as UTF-8 text. MIME by GMime; whatever the bytes are, this gives an
// answer in bounded time and memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace suppressd {

// Most bytes of a mail that are read; the rest is cut off.
inline constexpr size_t kMailBytesMax = 1 << 20;
// Most leaf parts looked at, and levels of nesting; what is beyond is left out.
inline constexpr int kMailPartsMax = 100;
inline constexpr int kMailDepthMax = 20;
// Most bytes of decoded text kept of one part, but of a delivery status kMailBytesMax.
inline constexpr size_t kPartBytesMax = 256 << 10;

struct MailHeader {
  std::string name;   // lower case
  std::string value;  // unfolded, RFC 2047 words decoded, valid UTF-8
};

// A leaf part. For an attached mail (message/rfc822 and its kin) the text is its header block.
struct MailPart {
  std::string type;  // lower case, "text/plain"
  std::string text;  // line ends LF, valid UTF-8
};

struct MimeMail {
  std::vector<MailHeader> headers;
  // "multipart/report", lower case; and its report-type parameter (RFC 6522), lower case.
  std::string type;
  std::string report_type;
  // In the order of the mail. Parts that are neither text nor message are left out.
  std::vector<MailPart> parts;
  // It had more bytes, parts or levels than are read.
  bool truncated = false;
  // The first attached mail when it is a multipart/report itself: a bounce that was passed on. Empty: none.
  std::string attached_report;

  // The value of the first header of that name (lower case); empty: none.
  absl::string_view Header(absl::string_view name) const;
};

// INVALID_ARGUMENT (NOT_A_MESSAGE) when there is neither a header nor a text in it. Line ends may be CRLF, LF or CR; a
// byte order mark, blank lines and an mbox "From " line at the head are skipped; NULs are taken for spaces.
// Thread-safe.
absl::StatusOr<MimeMail> ReadMimeMail(absl::string_view content);

// SHA-256 of a mail as it is read, in 64 hexadecimal digits: the same whatever its line ends, and with or without what
// an mbox adds around it. Thread-safe.
std::string MailDigest(absl::string_view content);

// Whether a part is an attached mail or the header block of one.
bool IsAttachedMail(absl::string_view type);

// Seconds since 1970 of an RFC 5322 date, however bent; nullopt: it is none.
std::optional<int64_t> ParseMailDate(const std::string& date);

// Valid UTF-8 of what may be UTF-8, ISO-2022-JP without a label, or Windows-1252.
std::string ToUtf8(absl::string_view bytes);

}  // namespace suppressd
