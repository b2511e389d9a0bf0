#include "server/bounces/mail/delivery_status.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/bounces/mail/mailboxes.h"
#include "server/bounces/rules/reply_text.h"

namespace suppressd {
namespace {

constexpr size_t kFieldsMax = 20'000;
constexpr size_t kValueBytesMax = 16'384;

bool IsFieldName(absl::string_view name) {
  return !name.empty() && name.size() <= 64 && absl::ascii_isalpha(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; });
}

// "rfc822; <user@example.com>" into type and value.
std::pair<std::string, std::string> SplitType(absl::string_view value) {
  const size_t semicolon = value.find(';');
  if (semicolon == absl::string_view::npos || semicolon > 32) return {"", std::string(value)};
  const absl::string_view type = absl::StripAsciiWhitespace(value.substr(0, semicolon));
  if (type.empty() || absl::StrContains(type, ' ') || absl::StrContains(type, '@')) return {"", std::string(value)};
  return {absl::AsciiStrToLower(type), std::string(absl::StripAsciiWhitespace(value.substr(semicolon + 1)))};
}

bool HexAt(absl::string_view text, size_t at, size_t digits, uint32_t* value) {
  return at + digits <= text.size() && absl::SimpleHexAtoi(text.substr(at, digits), value);
}

void AppendUtf8(uint32_t code_point, std::string* text) {
  if (code_point < 0x80) {
    text->push_back(static_cast<char>(code_point));
  } else if (code_point < 0x800) {
    text->push_back(static_cast<char>(0xC0 | code_point >> 6));
    text->push_back(static_cast<char>(0x80 | (code_point & 0x3F)));
  } else if (code_point < 0x10000) {
    text->push_back(static_cast<char>(0xE0 | code_point >> 12));
    text->push_back(static_cast<char>(0x80 | (code_point >> 6 & 0x3F)));
    text->push_back(static_cast<char>(0x80 | (code_point & 0x3F)));
  } else {
    text->push_back(static_cast<char>(0xF0 | code_point >> 18));
    text->push_back(static_cast<char>(0x80 | (code_point >> 12 & 0x3F)));
    text->push_back(static_cast<char>(0x80 | (code_point >> 6 & 0x3F)));
    text->push_back(static_cast<char>(0x80 | (code_point & 0x3F)));
  }
}

// "\x{E4}" of RFC 6533 (utf-8-addr-xtext).
std::string DecodeUnicode(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size();) {
    constexpr absl::string_view kBegin = "\\x{";
    constexpr size_t kDigitsMax = 6;
    const size_t begin = i + kBegin.size();
    const bool begins = absl::StartsWith(text.substr(i), kBegin);
    const size_t digits = begins ? text.substr(begin, kDigitsMax + 1).find('}') : absl::string_view::npos;
    uint32_t code_point = 0;
    const bool known = digits != absl::string_view::npos && HexAt(text, begin, digits, &code_point) &&
                       code_point <= 0x10FFFF && (code_point < 0xD800 || code_point > 0xDFFF) && code_point > 0x1F;
    if (!known) {
      decoded.push_back(text[i++]);
      continue;
    }
    AppendUtf8(code_point, &decoded);
    i = begin + digits + 1;
  }
  return decoded;
}

// "+2B" of RFC 3461 (xtext). A plus sign that is none is left alone: few senders encode.
std::string DecodeXtext(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    uint32_t byte = 0;
    const bool upper = i + 2 < text.size() && !absl::ascii_islower(text[i + 1]) && !absl::ascii_islower(text[i + 2]);
    if (text[i] == '+' && upper && HexAt(text, i + 1, 2, &byte) && (byte == '+' || byte == '=')) {
      decoded.push_back(static_cast<char>(byte));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

std::string RecipientOf(absl::string_view value) {
  auto [type, address] = SplitType(value);
  if (type == "rfc822") address = SplitType(address).second;  // some senders say it twice
  if (type == "utf-8") address = DecodeUnicode(address);
  address = DecodeXtext(address);
  std::string mailbox = FirstMailbox(address);
  return mailbox.empty() ? std::string(absl::StripAsciiWhitespace(address)) : mailbox;
}

// "5.1.1 (bad destination mailbox address)" and the like.
std::string StatusOf(absl::string_view value) {
  for (size_t i = 0; i + 4 < value.size(); ++i) {
    const bool begins = (value[i] == '2' || value[i] == '4' || value[i] == '5') && value[i + 1] == '.' &&
                        (i == 0 || !absl::ascii_isalnum(value[i - 1]));
    if (!begins) continue;
    size_t end = i + 2;
    while (end < value.size() && (absl::ascii_isdigit(value[end]) || value[end] == '.')) ++end;
    absl::string_view status = value.substr(i, end - i);
    while (absl::EndsWith(status, ".")) status.remove_suffix(1);
    if (IsEnhancedCode(status)) return std::string(status);
  }
  return "";
}

// Whether a diagnostic says more than another: a server's reply beats a local remark, a longer text a shorter one.
bool SaysMore(const std::string& type, const std::string& text, const RecipientStatus& kept) {
  if (kept.diagnostic.empty()) return true;
  const bool smtp = type == "smtp";
  const bool kept_smtp = kept.diagnostic_type == "smtp";
  return smtp != kept_smtp ? smtp && text.size() > 3 : text.size() > kept.diagnostic.size();
}

// "failed" of "failed", "(permanent) Failed", "\"failed\"": lower case, without comments and quotes (RFC 5322 section
// 3.2.2).
std::string ActionOf(absl::string_view value) {
  std::string action;
  int comments = 0;
  for (const char c : value) {
    if (c == '(') {
      ++comments;
    } else if (c == ')') {
      comments = std::max(0, comments - 1);
    } else if (comments == 0 && absl::ascii_isalpha(static_cast<unsigned char>(c))) {
      action.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
    } else if (comments == 0 && !action.empty() && c != '-') {
      break;
    }
  }
  return action;
}

bool IsRecipientName(absl::string_view name) {
  return name == "final-recipient" || name == "original-recipient";
}

// Gathers fields into groups. Empty lines are missing or doubled too often to go by alone: a group also ends where a
// field comes again that names the recipient, or that the group began with.
class Groups {
 public:
  // `next`: the field belongs to the recipient that the one behind it names.
  void Add(const StatusField& field, bool next) {
    const bool repeats = IsSet(field.name) && (ended_ || IsRecipientName(field.name) || BeganWith(field.name));
    const bool after_end = ended_ && IsRecipientName(field.name);
    if (repeats || after_end || (next && IsSet("final-recipient"))) Flush();
    if (field.name.empty()) {
      ended_ = IsSet("final-recipient");
    } else if (TakeRecipientField(field)) {
      if (!Has(field.name)) names_.push_back(field.name);
    } else {
      TakeMessageField(field);
    }
  }
  DeliveryStatus Finish() {
    Flush();
    return std::move(status_);
  }

 private:
  bool Has(absl::string_view name) const { return std::find(names_.begin(), names_.end(), name) != names_.end(); }
  // Whether the group has a field of that name already, of those that tell groups apart.
  bool IsSet(absl::string_view name) const {
    return Has(name) && (IsRecipientName(name) || name == "action" || name == "status");
  }
  bool BeganWith(absl::string_view name) const { return !names_.empty() && names_.front() == name; }
  bool TakeRecipientField(const StatusField& field) {
    if (field.name == "final-recipient") {
      current_.final_recipient = RecipientOf(field.value);
    } else if (field.name == "original-recipient") {
      current_.original_recipient = RecipientOf(field.value);
    } else if (field.name == "action") {
      current_.action = ActionOf(field.value);
    } else if (field.name == "status") {
      current_.status = StatusOf(field.value);
    } else if (field.name == "remote-mta") {
      current_.remote_mta = SplitType(field.value).second;
    } else if (field.name == "last-attempt-date") {
      current_.last_attempt_date = field.value;
    } else if (field.name == "diagnostic-code") {
      auto [type, text] = SplitType(field.value);
      if (SaysMore(type, text, current_)) std::tie(current_.diagnostic_type, current_.diagnostic) = {type, text};
    } else {
      return false;
    }
    return true;
  }
  void TakeMessageField(const StatusField& field) {
    if (field.name == "reporting-mta") status_.reporting_mta = SplitType(field.value).second;
    if (field.name == "original-envelope-id") status_.original_envelope_id = field.value;
    if (field.name == "arrival-date") status_.arrival_date = field.value;
  }
  void Flush() {
    const bool named = !current_.final_recipient.empty() || !current_.original_recipient.empty();
    const bool told = !current_.action.empty() || !current_.status.empty();
    const bool room = status_.recipients.size() < kMailRecipientsMax;
    if ((named || told) && room) status_.recipients.push_back(std::move(current_));
    status_.truncated |= (named || told) && !room;
    current_ = RecipientStatus();
    names_.clear();
    ended_ = false;
  }

  DeliveryStatus status_;
  RecipientStatus current_;
  std::vector<std::string> names_;  // of the fields of the group, in order
  bool ended_ = false;
};

// Whether an Original-Recipient begins a group that already has its other fields: it belongs to the Final-Recipient
// right behind it, unless one stands right before it.
bool BelongsToNext(const std::vector<StatusField>& fields, size_t at) {
  return fields[at].name == "original-recipient" && at + 1 < fields.size() &&
         fields[at + 1].name == "final-recipient" && (at == 0 || fields[at - 1].name != "final-recipient");
}

}  // namespace

std::vector<StatusField> ReadStatusFields(absl::string_view text) {
  std::vector<StatusField> fields;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (fields.size() >= kFieldsMax) break;
    const absl::string_view stripped = absl::StripAsciiWhitespace(line);
    if (stripped.empty()) {
      fields.emplace_back();
      continue;
    }
    const bool folded = absl::ascii_isspace(static_cast<unsigned char>(line[0])) && !fields.empty();
    const size_t colon = stripped.find(':');
    const absl::string_view name = stripped.substr(0, colon == absl::string_view::npos ? 0 : colon);
    // An indented field that this format has is a field all the same.
    if (folded && !fields.back().name.empty() && !IsDeliveryStatusLine(stripped)) {
      std::string& value = fields.back().value;
      if (value.size() + stripped.size() < kValueBytesMax) absl::StrAppend(&value, " ", stripped);
    } else if (IsFieldName(name)) {
      const absl::string_view value = absl::StripAsciiWhitespace(stripped.substr(colon + 1));
      fields.push_back({absl::AsciiStrToLower(name), std::string(Utf8Prefix(value, kValueBytesMax))});
    }
  }
  return fields;
}

bool IsDeliveryStatusLine(absl::string_view line) {
  static constexpr absl::string_view kNames[] = {"final-recipient:", "original-recipient:", "diagnostic-code:"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [line](absl::string_view name) { return absl::StartsWithIgnoreCase(line, name); });
}

DeliveryStatus ReadDeliveryStatus(absl::string_view text) {
  Groups groups;
  const std::vector<StatusField> fields = ReadStatusFields(text);
  for (size_t i = 0; i < fields.size(); ++i) {
    groups.Add(fields[i], BelongsToNext(fields, i));
  }
  DeliveryStatus status = groups.Finish();
  status.truncated |= fields.size() >= kFieldsMax;
  return status;
}

}  // namespace suppressd
