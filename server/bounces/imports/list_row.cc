#include "server/bounces/imports/list_row.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/bounces/imports/list_layout.h"
#include "server/bounces/imports/list_times.h"
#include "server/bounces/rules/reply_text.h"

namespace suppressd {
namespace {

// Limits of the API, in bytes.
constexpr size_t kAddressBytesMax = 1'024;
constexpr size_t kStreamBytesMax = 63;
// What is longer is no word for a cause but a sentence.
constexpr size_t kReasonWordBytesMax = 40;
// Streams that are told at the end of an import.
constexpr size_t kToldStreamsMax = 20;
constexpr absl::string_view kReplyType = "smtp;";
constexpr absl::string_view kTimeExpected =
    "expected a time: seconds since 1970, ISO 8601 (2026-03-04T10:11:12Z) or RFC 2822";

bool IsNameCharacter(char c) {
  return absl::ascii_islower(static_cast<unsigned char>(c)) || absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
         c == '.' || c == '_' || c == '-';
}

// "Weekly News!" to "weekly-news". Empty: nothing of it can be kept.
std::string StreamName(absl::string_view name) {
  std::string stream;
  for (const char c : absl::AsciiStrToLower(absl::StripAsciiWhitespace(name))) {
    if (IsNameCharacter(c)) {
      if (!stream.empty() || absl::ascii_isalnum(static_cast<unsigned char>(c))) stream.push_back(c);
    } else if (!stream.empty() && stream.back() != '-') {
      stream.push_back('-');
    }
    if (stream.size() == kStreamBytesMax) break;
  }
  while (!stream.empty() && stream.back() == '-') stream.pop_back();
  return stream;
}

bool IsBounce(v1::Cause::Type type) {
  return type == v1::Cause::HARD_BOUNCE || type == v1::Cause::SOFT_BOUNCE;
}

}  // namespace

bool IsStreamName(absl::string_view text) {
  return !text.empty() && text.size() <= kStreamBytesMax && absl::ascii_isalnum(static_cast<unsigned char>(text[0])) &&
         std::all_of(text.begin(), text.end(), IsNameCharacter);
}

bool ContainsWord(absl::string_view text, absl::string_view word) {
  return absl::StrContains(absl::AsciiStrToLower(text), word);
}

bool LooksLikeAddress(absl::string_view text) {
  return text.size() <= kAddressBytesMax && absl::StrContains(text, '@') &&
         std::none_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_iscntrl(c); });
}

ListRow::ListRow(const ListRecord& record, const ListLayout& layout, const ListContext& context)
    : record_(record), layout_(layout), context_(context), used_(record.size(), false) {
  if (!layout.address.empty()) SetAddress(layout.address);
  SetTimes(layout);
  if (!layout.diagnostic.empty()) SetDiagnostic(Text(layout.diagnostic));
  if (!layout.status.empty()) SetStatus(Text(layout.status));
  if (!layout.stream.empty()) AddStream(Text(layout.stream));
}

bool ListRow::HasName(size_t i, absl::string_view names) const {
  for (const absl::string_view name : absl::StrSplit(names, '|')) {
    if (record_[i].name == name) return true;
  }
  return false;
}

std::string ListRow::Text(absl::string_view names) {
  std::string found;
  for (const absl::string_view name : absl::StrSplit(names, '|')) {
    for (size_t i = 0; i < record_.size(); ++i) {
      if (record_[i].name != name) continue;
      used_[i] = true;
      if (found.empty()) found = record_[i].value;
    }
  }
  return found;
}

std::vector<std::string> ListRow::Texts(absl::string_view names) {
  std::vector<std::string> found;
  for (size_t i = 0; i < record_.size(); ++i) {
    if (!HasName(i, names)) continue;
    used_[i] = true;
    if (!record_[i].value.empty()) found.push_back(record_[i].value);
  }
  return found;
}

std::string ListRow::TextBelow(absl::string_view prefix, absl::string_view ends) {
  for (const absl::string_view end : absl::StrSplit(ends, '|')) {
    for (size_t i = 0; i < record_.size(); ++i) {
      const ListField& field = record_[i];
      if (field.value.empty() || !absl::StartsWith(field.name, prefix) || !absl::EndsWith(field.name, end)) continue;
      used_[i] = true;
      return field.value;
    }
  }
  return "";
}

bool ListRow::Is(absl::string_view text, std::initializer_list<absl::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](absl::string_view word) { return absl::EqualsIgnoreCase(word, text); });
}

void ListRow::SetAddress(absl::string_view names) {
  std::string address = Text(names);
  const std::string field(names.substr(0, names.find('|')));
  if (address.empty()) return Bad(field, "expected an address, found nothing");
  if (!LooksLikeAddress(address)) {
    return Bad(field, absl::StrCat("expected an address: with \"@\", of at most ", kAddressBytesMax, " bytes"));
  }
  for (const absl::string_view whole : {"*@", "@"}) {
    if (absl::StartsWith(address, whole)) return SetDomain(absl::string_view(address).substr(whole.size()));
  }
  row_.set_address(std::move(address));
}

void ListRow::SetDomain(absl::string_view domain) {
  if (domain.empty() || domain.size() > kAddressBytesMax) return Bad("domain", "expected a domain");
  row_.set_domain(std::string(domain));
}

void ListRow::SetTimes(const ListLayout& layout) {
  std::optional<absl::Time> latest, expires;
  for (size_t i = 0; i < record_.size(); ++i) {
    const bool is_event = !layout.happened_at.empty() && HasName(i, layout.happened_at);
    if (!is_event && (layout.expires_at.empty() || !HasName(i, layout.expires_at))) continue;
    used_[i] = true;
    const std::optional<ListTime> read = ReadListTime(record_[i].value);
    if (!read.has_value()) return Bad(record_[i].name, std::string(kTimeExpected));
    if (read->zone_missing) context_.remarks.Say("times without a zone were taken as UTC");
    if (!read->time.has_value()) continue;
    std::optional<absl::Time>& time = is_event ? latest : expires;
    if (!time.has_value() || *time < *read->time) time = read->time;
  }
  if (latest.has_value()) *row_.mutable_happened_at() = ToTimestamp(*latest);
  if (expires.has_value()) *row_.mutable_expires_at() = ToTimestamp(*expires);
}

void ListRow::SetDiagnostic(absl::string_view text) {
  // The type of a Diagnostic-Code (RFC 3464 section 2.3.6).
  if (absl::StartsWithIgnoreCase(text, kReplyType)) text.remove_prefix(kReplyType.size());
  row_.set_diagnostic(std::string(Utf8Prefix(absl::StripLeadingAsciiWhitespace(text), kReplyTextMaxBytes)));
}

// "550", "5.1.1", "5.1.1 (no such mailbox)". Anything else is for people.
void ListRow::SetStatus(absl::string_view status) {
  const absl::string_view word = status.substr(0, status.find_first_of(" ;("));
  int code = 0;
  if (IsEnhancedCode(word)) {
    row_.set_enhanced_code(std::string(word));
  } else if (word.size() == 3 && absl::SimpleAtoi(word, &code) && code >= 200 && code <= 599) {
    row_.set_code(code);
  } else if (!status.empty() && status != "0") {
    AddNote("status", status);
  }
}

void ListRow::SetTypeAndReason(v1::Cause::Type type, v1::BounceReason reason) {
  row_.set_type(type);
  row_.set_reason(reason);
}

void ListRow::SetTypeByWord(absl::string_view word) {
  // A reply that speaks of spam is no complaint.
  if (word.size() > kReasonWordBytesMax || std::any_of(word.begin(), word.end(), absl::ascii_isdigit)) {
    return SetTypeAndReason(v1::Cause::MANUAL);
  }
  const std::string said = absl::AsciiStrToLower(word);
  const auto says = [&](std::initializer_list<absl::string_view> parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](absl::string_view part) { return absl::StrContains(said, part); });
  };
  if (says({"complain", "spam", "abuse"})) return SetTypeAndReason(v1::Cause::COMPLAINT);
  if (says({"unsub", "opt-out", "optout", "opt_out", "opted out"})) return SetTypeAndReason(v1::Cause::UNSUBSCRIBE);
  if (says({"soft"})) return SetTypeAndReason(v1::Cause::SOFT_BOUNCE);
  if (says({"invalid"})) return SetTypeAndReason(v1::Cause::HARD_BOUNCE, v1::ADDRESS_NOT_FOUND);
  if (says({"hard", "bounce"})) return SetTypeAndReason(v1::Cause::HARD_BOUNCE);
  SetTypeAndReason(v1::Cause::MANUAL);
}

void ListRow::AddStream(absl::string_view name) {
  name = absl::StripAsciiWhitespace(name);
  if (name.empty()) return;
  if (name == "*") {
    all_mail_ = true;
    return;
  }
  std::string stream = StreamName(name);
  if (stream.empty()) return Bad("stream", "expected a stream's name with at least one of a-z 0-9");
  if (stream != name) {
    context_.remarks.Say("names of streams were changed to what a stream may be called: a-z 0-9 . _ -");
  }
  if (std::find(streams_.begin(), streams_.end(), stream) != streams_.end()) return;
  if (streams_.size() == kListStreamsMax) {
    return Bad("stream", absl::StrCat("expected at most ", kListStreamsMax, " streams in a row"));
  }
  streams_.push_back(std::move(stream));
}

void ListRow::AddNote(absl::string_view name, absl::string_view value) {
  if (value.empty() || note_.size() > kListNoteBytesMax) return;
  absl::StrAppend(&note_, note_.empty() ? "" : "; ", name, "=", Utf8Prefix(value, kListNoteBytesMax));
}

void ListRow::Skip(std::string why) {
  if (refused_.kind != ListFile::Item::kEnd) return;
  refused_.kind = ListFile::Item::kSkip;
  refused_.why = std::move(why);
}

void ListRow::Bad(absl::string_view field, std::string why) {
  if (refused_.kind != ListFile::Item::kEnd) return;
  refused_.kind = ListFile::Item::kBad;
  refused_.field = std::string(Utf8Prefix(field, kStreamBytesMax));
  refused_.why = std::move(why);
}

void ListRow::SetNote() {
  if (!IsBounce(row_.type())) {
    AddNote("reason", row_.diagnostic());
    if (row_.code() != 0) AddNote("code", absl::StrCat(row_.code()));
    AddNote("status", row_.enhanced_code());
    row_.clear_diagnostic();
    row_.clear_code();
    row_.clear_enhanced_code();
  }
  for (size_t i = 0; i < record_.size() && layout_.note; ++i) {
    const ListField& field = record_[i];
    if (used_[i] || field.name.empty() || (!layout_.ignored.empty() && HasName(i, layout_.ignored))) continue;
    AddNote(field.name, field.value);
  }
  row_.set_note(std::string(Utf8Prefix(note_, kListNoteBytesMax)));
}

std::vector<ListFile::Item> ListRow::Finish() {
  if (refused_.kind == ListFile::Item::kEnd && row_.type() == v1::Cause::TYPE_UNSPECIFIED) {
    Bad("reason", "expected a reason that is known");
  }
  if (refused_.kind != ListFile::Item::kEnd) return {refused_};
  SetNote();
  if (all_mail_) {
    streams_.assign({""});
  } else if (streams_.empty()) {
    streams_.push_back(context_.options.stream);
  } else if (context_.streams.size() < kToldStreamsMax) {
    context_.streams.insert(streams_.begin(), streams_.end());
  }
  std::vector<ListFile::Item> items(streams_.size());
  for (size_t i = 0; i < items.size(); ++i) {
    items[i].kind = ListFile::Item::kRow;
    items[i].row = row_;
    items[i].row.set_stream(streams_[i]);
  }
  return items;
}

}  // namespace suppressd
