#include "server/bounces/rules/reply_text.h"

#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/bounces/rules/text_decoding.h"

namespace suppressd {
namespace {

constexpr size_t kNotFound = absl::string_view::npos;

bool IsDigit(char c) {
  return absl::ascii_isdigit(c);
}

bool StartsWithNumber(absl::string_view text, size_t at) {
  return at + 3 <= text.size() && IsDigit(text[at]) && IsDigit(text[at + 1]) && IsDigit(text[at + 2]) &&
         (at + 3 == text.size() || !IsDigit(text[at + 3]));
}

int NumberAt(absl::string_view text, size_t at) {
  return (text[at] - '0') * 100 + (text[at + 1] - '0') * 10 + (text[at + 2] - '0');
}

// The length of an enhanced status code at `at`; zero: none. Subjects end at 7 (RFC 3463), which keeps out versions of
// programs and most addresses.
size_t EnhancedCodeLength(absl::string_view text, size_t at) {
  if (at + 5 > text.size() || text[at + 1] != '.' || text[at + 3] != '.' || !IsDigit(text[at + 4])) return 0;
  if (text[at] != '2' && text[at] != '4' && text[at] != '5') return 0;
  if (text[at + 2] < '0' || text[at + 2] > '7') return 0;
  size_t end = at + 5;
  while (end < text.size() && end < at + 7 && IsDigit(text[end])) ++end;
  if (end < text.size() && IsDigit(text[end])) return 0;
  if (end + 1 < text.size() && text[end] == '.' && IsDigit(text[end + 1])) return 0;
  return end - at;
}

// Whether a number may start here: not within a word, an address or a longer number.
bool IsBoundary(absl::string_view text, size_t at) {
  if (at == 0) return true;
  const char before = text[at - 1];
  return !absl::ascii_isalnum(before) && before != '.' && before != '@' && before != '-' && before != '_' &&
         before != '/' && before != '=';
}

// The ASCII spelling of a typographic quote or a space at `at`, and how many bytes it has; zero: none.
size_t PlainSpelling(absl::string_view text, size_t at, char* plain) {
  struct Spelling {
    absl::string_view bytes;
    char plain;
  };
  static constexpr std::array<Spelling, 6> kSpellings = {{{"\xC2\xA0", ' '},
                                                          {"\xE2\x80\x98", '\''},
                                                          {"\xE2\x80\x99", '\''},
                                                          {"\xE2\x80\x9C", '"'},
                                                          {"\xE2\x80\x9D", '"'},
                                                          {"\xE3\x80\x80", ' '}}};
  for (const Spelling& spelling : kSpellings) {
    if (text.substr(at, spelling.bytes.size()) == spelling.bytes) {
      *plain = spelling.plain;
      return spelling.bytes.size();
    }
  }
  return 0;
}

// The "550-5.1.1 " that a server repeats at the head of each line; empty unless the text starts with a code.
struct Prefix {
  absl::string_view code;
  absl::string_view enhanced_code;
  bool multi_line = false;

  explicit Prefix(absl::string_view text) {
    if (!StartsWithNumber(text, 0)) return;
    code = text.substr(0, 3);
    multi_line = text.size() > 3 && text[3] == '-';
    if (text.size() > 4) enhanced_code = text.substr(4, EnhancedCodeLength(text, 4));
  }

  // The length of a repetition at `at`; zero: none.
  size_t LengthAt(absl::string_view text, size_t at, bool line_start) const {
    if (code.empty() || !StartsWithNumber(text, at) || text.substr(at, 3) != code) return 0;
    const size_t end = at + 3;
    if (end == text.size()) return line_start ? 3 : 0;
    if (text[end] != '-' && text[end] != ' ') return 0;
    const size_t enhanced_length = EnhancedCodeLength(text, end + 1);
    const bool repeats = enhanced_length > 0 && text.substr(end + 1, enhanced_length) == enhanced_code;
    if (repeats) return 4 + enhanced_length;
    // Without the enhanced code only where a further line is likely: a number in running text is left alone.
    return (line_start || multi_line) && enhanced_length == 0 ? 4 : 0;
  }
};

std::string CollapseText(absl::string_view raw) {
  raw = absl::StripAsciiWhitespace(raw);
  const Prefix prefix(raw);
  std::string text;
  text.reserve(raw.size());
  bool space = false;
  bool line_start = false;
  for (size_t i = 0; i < raw.size();) {
    if (space || line_start) {
      if (const size_t length = prefix.LengthAt(raw, i, line_start); length > 0) {
        i += length;
        line_start = false;
        continue;
      }
    }
    char c = raw[i];
    const size_t bytes = static_cast<uint8_t>(c) < 0x80 ? 0 : PlainSpelling(raw, i, &c);
    i += bytes > 0 ? bytes : 1;
    if (c == '\n' || c == '\r') line_start = true;
    if (absl::ascii_isspace(c) || absl::ascii_iscntrl(c)) {
      space = true;
      continue;
    }
    if (space && !text.empty()) text.push_back(' ');
    text.push_back(c);
    space = line_start = false;
  }
  return text;
}

// Ends an address within running text.
bool EndsAddress(char c) {
  return absl::ascii_isspace(c) || c == '<' || c == '>' || c == '(' || c == ')' || c == '[' || c == ']' || c == '"' ||
         c == '\'' || c == ',' || c == ';' || c == ':' || c == '@';
}

std::string MaskAddresses(absl::string_view text) {
  std::string masked(text);
  for (size_t at = masked.find('@'); at != std::string::npos; at = masked.find('@', at + 1)) {
    for (size_t i = at; i > 0 && !EndsAddress(masked[i - 1]); --i) masked[i - 1] = 'x';
    for (size_t i = at + 1; i < masked.size() && !EndsAddress(masked[i]); ++i) {
      // The "..." behind an address is sendmail's.
      if (masked[i] == '.' && (i + 1 == masked.size() || masked[i + 1] == '.' || masked[i + 1] == ' ')) break;
      masked[i] = 'x';
    }
  }
  return masked;
}

// Where the decisive reply code of a text stands. In a transcript the first failure decides; 503 only says that an
// earlier command failed, 2xx that another succeeded.
size_t FindCode(absl::string_view text) {
  size_t fallback = kNotFound;
  for (size_t at = 0; at + 3 <= text.size(); ++at) {
    if (!IsDigit(text[at]) || !StartsWithNumber(text, at) || !IsBoundary(text, at)) continue;
    const char after = at + 3 < text.size() ? text[at + 3] : ' ';
    if (absl::string_view(" -:;,])").find(after) == kNotFound) continue;
    const bool failure = (text[at] == '4' || text[at] == '5') && (text[at + 1] <= '5' || text[at + 1] == '7');
    if (failure && NumberAt(text, at) != 503) return at;
    if (fallback == kNotFound && (failure || (at == 0 && text.size() > 3 && (text[at] == '2' || text[at] == '3'))))
      fallback = at;
  }
  return fallback;
}

// The enhanced code that belongs to a text: right behind the reply code, else the first of the same class, else the
// first.
absl::string_view FindEnhancedCode(absl::string_view text, size_t code_at) {
  if (code_at != kNotFound) {
    for (size_t at = code_at + 4; at < text.size() && at < code_at + 8; ++at) {
      if (const size_t length = EnhancedCodeLength(text, at); length > 0) return text.substr(at, length);
      if (absl::ascii_isalnum(text[at])) break;
    }
  }
  absl::string_view first;
  for (size_t at = 0; at + 5 <= text.size(); ++at) {
    if (text[at + 1] != '.' || !IsBoundary(text, at)) continue;
    const size_t length = EnhancedCodeLength(text, at);
    if (length == 0) continue;
    if (code_at == kNotFound || text[at] == text[code_at]) return text.substr(at, length);
    if (first.empty()) first = text.substr(at, length);
  }
  return first;
}

bool IsVague(absl::string_view enhanced_code) {
  return absl::EndsWith(enhanced_code, ".0.0");
}

class Votes {
 public:
  void Add(char code_class) {
    transient_ |= code_class == '4';
    permanent_ |= code_class == '5';
  }
  void Add(absl::string_view enhanced_code) {
    if (!enhanced_code.empty()) Add(enhanced_code[0]);
  }
  bool disagree() const { return transient_ && permanent_; }
  Permanence result() const {
    if (transient_) return Permanence::kTransient;
    return permanent_ ? Permanence::kPermanent : Permanence::kUnknown;
  }

 private:
  bool transient_ = false;
  bool permanent_ = false;
};

}  // namespace

absl::string_view Utf8Prefix(absl::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<uint8_t>(text[bytes_max]) & 0xC0) == 0x80) --bytes_max;
  return text.substr(0, bytes_max);
}

bool IsEnhancedCode(absl::string_view text) {
  size_t digits = 0;
  int dots = 0;
  for (const char c : text) {
    if (c == '.' ? digits == 0 || ++dots > 2 : !IsDigit(c) || ++digits > 3) return false;
    if (c == '.') digits = 0;
  }
  return dots == 2 && digits > 0 && text[1] == '.' && (text[0] == '2' || text[0] == '4' || text[0] == '5');
}

ReplyText ReadReply(const v1::SmtpReply& reply) {
  const absl::string_view raw = Utf8Prefix(reply.text(), kReplyTextMaxBytes);
  ReplyText result;
  result.text = CollapseText(IsValidUtf8(raw) ? raw : absl::string_view(ReplaceInvalidUtf8(raw)));
  // Cisco's appliances wrap what the server said: "5.1.0 - Unknown address error 550-'...'". The words are not about
  // it.
  absl::StrReplaceAll({{"Unknown address error ", ""}}, &result.text);

  result.masked_text = MaskAddresses(result.text);

  const size_t code_at = FindCode(result.text);
  const std::string in_text(FindEnhancedCode(result.text, code_at));
  const int code_in_text = code_at == kNotFound ? 0 : NumberAt(result.text, code_at);
  result.code = reply.code() != 0 ? reply.code() : code_in_text;
  const absl::string_view given_field = absl::StripAsciiWhitespace(reply.enhanced_code());
  const absl::string_view given =
      given_field.empty() ? given_field : given_field.substr(0, EnhancedCodeLength(given_field, 0));
  const bool use_text = given.empty() || (IsVague(given) && !in_text.empty());
  result.enhanced_code = use_text ? in_text : std::string(given);
  if (!use_text && !IsVague(in_text) && in_text != result.enhanced_code) result.other_enhanced_code = in_text;

  Votes votes;
  if (reply.code() >= 200 && reply.code() <= 599) votes.Add(static_cast<char>('0' + reply.code() / 100));
  votes.Add(given);
  if (code_in_text != 0) votes.Add(result.text[code_at]);
  votes.Add(in_text);
  result.permanence = votes.result();
  result.codes_disagree = votes.disagree();
  return result;
}

}  // namespace suppressd
