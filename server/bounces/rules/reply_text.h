// The first step of classification: a reply's text and codes, made comparable.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "suppressd/v1/bounce.pb.h"

namespace suppressd {

// Longest text looked at, in bytes; the rest is cut off. The API's own limit is the same.
inline constexpr size_t kReplyTextMaxBytes = 16'384;

// What the codes say about the failure, whatever the text says.
enum class Permanence { kUnknown, kTransient, kPermanent };

struct ReplyText {
  // One line of valid UTF-8: multi-line replies joined without the codes repeated on each line, white space collapsed,
  // typographic quotes made plain. Letter case is kept: patterns ignore it, people read it.
  std::string text;
  // The same with every byte of every address masked by "x", except "@": what people call their mailboxes must not
  // decide. Offsets are those of text.
  std::string masked_text;
  // Given, or found in the text; zero: none.
  int code = 0;
  // Given unless it is as vague as "5.0.0" and the text knows better; else found in the text; empty: none.
  std::string enhanced_code;
  // The one in the text, when that differs from enhanced_code; empty: none.
  std::string other_enhanced_code;
  // kTransient as soon as any code, given or at the head of the text, is 4xx: the less severe reading.
  Permanence permanence = Permanence::kUnknown;
  // Some codes said 4xx and some 5xx.
  bool codes_disagree = false;
};

// Never fails; a reply of nothing gives a ReplyText of nothing.
ReplyText ReadReply(const v1::SmtpReply& reply);

// Whether a text is an enhanced status code (RFC 3463 section 2): a class of 2, 4 or 5, a subject and a detail of 1 to
// 3 digits each, with dots between.
bool IsEnhancedCode(absl::string_view text);

// The longest prefix of at most bytes_max that does not cut a UTF-8 character.
absl::string_view Utf8Prefix(absl::string_view text, size_t bytes_max);

}  // namespace suppressd
