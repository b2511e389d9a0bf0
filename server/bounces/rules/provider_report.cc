#include "server/bounces/rules/provider_report.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/error.h"
#include "server/bounces/rules/fnv.h"
#include "server/bounces/rules/reply_text.h"

namespace suppressd {
namespace {

// Limits of the fields of BounceEvent, in bytes.
constexpr size_t kRecipientBytesMax = 1'024;
constexpr size_t kDiagnosticBytesMax = kReplyTextMaxBytes;
constexpr size_t kRemoteMtaBytesMax = 255;
constexpr size_t kMessageIdBytesMax = 998;
constexpr size_t kFeedbackTypeBytesMax = 64;
// Leaves room within the 256 of an event id for the provider's name and a number.
constexpr size_t kIdBytesMax = 224;
// Longest text kept of anything: one character more than the longest field, to know that it was longer.
constexpr size_t kTextBytesMax = kDiagnosticBytesMax + 4;
// The last second that a protobuf Timestamp knows, 9999-12-31T23:59:59Z.
constexpr int64_t kTimestampSecondsMax = 253'402'300'799;

std::string Cut(absl::string_view text, size_t bytes_max) {
  return std::string(Utf8Prefix(text, bytes_max));
}

// Printable ASCII of bounded length, different for different ids.
std::string PlainId(std::string id) {
  const bool plain = std::all_of(id.begin(), id.end(), [](unsigned char c) { return absl::ascii_isgraph(c); });
  if (plain && id.size() <= kIdBytesMax) return id;
  const std::string hash = absl::StrFormat("#%016x", Fnv1a(id));
  id.resize(std::min(id.size(), kIdBytesMax - hash.size()));
  for (char& c : id) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) c = '?';
  }
  return id + hash;
}

std::string FirstText(const JsonValue& event, absl::string_view paths) {
  if (paths.empty()) return "";
  for (const absl::string_view path : absl::StrSplit(paths, '|')) {
    if (std::string text = event.Text(path); !text.empty()) return text;
  }
  return "";
}

bool IsEnhancedCode(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '.');
  if (parts.size() != 3) return false;
  for (const absl::string_view part : parts) {
    if (part.empty() || part.size() > 3 || !std::all_of(part.begin(), part.end(), absl::ascii_isdigit)) return false;
  }
  return parts[0] == "2" || parts[0] == "4" || parts[0] == "5";
}

// "550", "5.1.1", "5.1.1 (no such mailbox)".
void ReadStatus(absl::string_view status, ProviderReport* report) {
  status = absl::StripAsciiWhitespace(status);
  status = status.substr(0, status.find_first_of(" ;("));
  int code = 0;
  if (IsEnhancedCode(status)) {
    if (report->enhanced_code.empty()) report->enhanced_code = std::string(status);
  } else if (status.size() == 3 && absl::SimpleAtoi(status, &code) && code >= 200 && code <= 599) {
    if (report->code == 0) report->code = code;
  }
}

// Seconds since 1970 with or without a fraction, or the ways in which providers write ISO 8601. Without a zone: UTC.
std::optional<absl::Time> ReadTime(absl::string_view text) {
  absl::Time time;
  double seconds = 0;
  if (!text.empty() && text.find_first_not_of("0123456789.") == absl::string_view::npos) {
    if (!absl::SimpleAtod(text, &seconds) || seconds > kTimestampSecondsMax) return std::nullopt;
    time = absl::FromUnixMicros(static_cast<int64_t>(seconds * 1e6));
  } else {
    static constexpr absl::string_view kFormats[] = {"%Y-%m-%d%ET%H:%M:%E*S%Ez", "%Y-%m-%d%ET%H:%M:%E*S %z",
                                                     "%Y-%m-%d %H:%M:%E*S"};
    const bool parsed = std::any_of(std::begin(kFormats), std::end(kFormats), [&](absl::string_view format) {
      return absl::ParseTime(format, text, absl::UTCTimeZone(), &time, nullptr);
    });
    if (!parsed) return std::nullopt;
  }
  if (time <= absl::UnixEpoch() || time > absl::FromUnixSeconds(kTimestampSecondsMax)) return std::nullopt;
  return time;
}

void SetTimestamp(absl::Time time, google::protobuf::Timestamp* timestamp) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  timestamp->set_seconds(seconds);
  timestamp->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

// Without the "smtp; " that a Diagnostic-Code starts with (RFC 3464 section 2.3.6).
absl::string_view WithoutType(absl::string_view diagnostic) {
  constexpr size_t kTypeBytesMax = 32;
  const size_t end = diagnostic.substr(0, kTypeBytesMax).find(';');
  if (end == absl::string_view::npos) return diagnostic;
  const absl::string_view type = absl::StripAsciiWhitespace(diagnostic.substr(0, end));
  const bool is_atom = !type.empty() && absl::ascii_isalpha(static_cast<unsigned char>(type[0])) &&
                       std::all_of(type.begin(), type.end(),
                                   [](unsigned char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; });
  return is_atom ? absl::StripLeadingAsciiWhitespace(diagnostic.substr(end + 1)) : diagnostic;
}

v1::SmtpReply ReplyOf(const ProviderReport& report) {
  v1::SmtpReply reply;
  reply.set_recipient(Cut(report.recipient, kRecipientBytesMax));
  reply.set_code(report.code);
  reply.set_enhanced_code(report.enhanced_code);
  reply.set_text(Cut(WithoutType(report.diagnostic), kDiagnosticBytesMax));
  reply.set_remote_mta(Cut(report.remote_mta, kRemoteMtaBytesMax));
  return reply;
}

}  // namespace

void ReadFields(const JsonValue& event, const FieldMap& fields, ProviderReport* report) {
  const auto read = [&](absl::string_view paths, std::string* text) {
    if (text->empty()) *text = Cut(FirstText(event, paths), kTextBytesMax);
  };
  read(fields.recipient, &report->recipient);
  read(fields.diagnostic, &report->diagnostic);
  read(fields.remote_mta, &report->remote_mta);
  read(fields.message_id, &report->message_id);
  if (report->event_id.empty()) report->event_id = PlainId(FirstText(event, fields.event_id));
  read(fields.feedback_type, &report->feedback_type);
  if (!fields.status.empty()) {
    for (const absl::string_view path : absl::StrSplit(fields.status, '|')) ReadStatus(event.Text(path), report);
  }
  if (!report->occurred_at) report->occurred_at = ReadTime(FirstText(event, fields.occurred_at));
  if (!report->mail_sent_at) report->mail_sent_at = ReadTime(FirstText(event, fields.mail_sent_at));
}

const EventKind* FindKind(absl::Span<const EventKind> kinds, absl::string_view name) {
  const auto kind = std::find_if(kinds.begin(), kinds.end(),
                                 [&](const EventKind& known) { return absl::EqualsIgnoreCase(known.name, name); });
  return kind == kinds.end() ? nullptr : &*kind;
}

absl::Status UnknownEvent(absl::string_view where, absl::string_view provider, absl::Span<const EventKind> kinds) {
  const std::string names =
      absl::StrJoin(kinds, ", ", [](std::string* out, const EventKind& kind) { absl::StrAppend(out, kind.name); });
  return InvalidArgument(v1::UNKNOWN_EVENT,
                         absl::StrCat(where, ": is no kind of ", provider, " event known here, which are: ", names),
                         "provider_event.payload");
}

absl::Status TooManyEvents() {
  return InvalidArgument(v1::BATCH_TOO_LARGE,
                         absl::StrCat("the payload holds more than ", kPayloadEventsMax, " events or recipients"),
                         "provider_event.payload");
}

ProviderReports::ProviderReports(absl::string_view provider, bool signature_verified, const Classifier& classifier,
                                 absl::string_view recipient)
    : provider_(provider), signature_verified_(signature_verified), classifier_(classifier), recipient_(recipient) {}

absl::Status ProviderReports::AddFailure(const JsonValue& where, ProviderReport report, const ProviderTyping& typing) {
  if (report.recipient.empty()) {
    const bool is_bounce = typing.worst != kTextNotAsked || typing.bounce_class == v1::Verdict::HARD;
    return is_bounce ? where.Error("names no recipient") : absl::OkStatus();
  }
  v1::Verdict verdict = DecideProviderVerdict(provider_, typing, ReplyOf(report), classifier_);
  return Add(std::move(report), std::move(verdict));
}

absl::Status ProviderReports::AddComplaint(const JsonValue& where, ProviderReport report) {
  if (report.recipient.empty()) return where.Error("names no recipient");
  report.feedback_type = absl::AsciiStrToLower(absl::StripAsciiWhitespace(report.feedback_type));
  if (report.feedback_type.empty()) report.feedback_type = "abuse";
  report.diagnostic.clear();  // no server replied
  v1::Complaint complaint;
  complaint.set_feedback_type(report.feedback_type);
  absl::StatusOr<v1::Verdict> verdict = ClassifyComplaint(complaint);
  // "other", and whatever will be registered yet: nobody said that it is a complaint.
  if (!verdict.ok()) return AddOther(std::move(report), "feedback_other");
  return Add(std::move(report), *std::move(verdict));
}

absl::Status ProviderReports::AddOther(ProviderReport report, absl::string_view rule) {
  if (report.recipient.empty()) return absl::OkStatus();
  const std::string rule_name = absl::AsciiStrToLower(rule);
  const ProviderTyping typing = {"", v1::Verdict::NOT_A_BOUNCE, v1::BOUNCE_REASON_UNSPECIFIED, kTextNotAsked, rule_name,
                                 ""};
  v1::Verdict verdict = DecideProviderVerdict(provider_, typing, ReplyOf(report), classifier_);
  return Add(std::move(report), std::move(verdict));
}

absl::Status ProviderReports::Settle(absl::Status status, ProviderReport report) {
  if (status.ok() || ReasonOf(status) == v1::BATCH_TOO_LARGE) return status;
  if (recipients_.size() >= kPayloadEventsMax) return TooManyEvents();
  ReportedRecipient& refused = recipients_.emplace_back();
  Name(report, &refused);
  refused.error = ReasonOf(status);
  if (refused_++ == 0) first_refusal_ = std::move(status);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ReportedRecipient>> ProviderReports::Take() {
  if (refused_ > 0 && refused_ == recipients_.size()) return first_refusal_;
  return std::move(recipients_);
}

void ProviderReports::Name(const ProviderReport& report, ReportedRecipient* named) const {
  named->recipient = Cut(report.recipient, kRecipientBytesMax);
  if (!report.event_id.empty()) named->event_id = absl::StrCat(provider_, ":", report.event_id);
  named->is_one_of_several = report.is_one_of_several;
}

absl::Status ProviderReports::Add(ProviderReport report, v1::Verdict verdict) {
  if (recipients_.size() >= kPayloadEventsMax) return TooManyEvents();
  ReportedRecipient& added = recipients_.emplace_back();
  Name(report, &added);
  v1::BounceEvent& event = added.event;
  *event.mutable_verdict() = std::move(verdict);
  event.set_diagnostic(Cut(report.diagnostic, kDiagnosticBytesMax));
  event.set_truncated(report.diagnostic.size() > kDiagnosticBytesMax);
  event.set_remote_mta(Cut(report.remote_mta, kRemoteMtaBytesMax));
  event.set_message_id(Cut(report.message_id, kMessageIdBytesMax));
  event.set_feedback_type(Cut(report.feedback_type, kFeedbackTypeBytesMax));
  event.set_kind(v1::BounceEvent::PROVIDER_WEBHOOK);
  event.set_provider(std::string(provider_));
  event.set_signature_verified(signature_verified_);
  if (report.occurred_at) SetTimestamp(*report.occurred_at, event.mutable_occurred_at());
  if (report.mail_sent_at) SetTimestamp(*report.mail_sent_at, event.mutable_mail_sent_at());
  return absl::OkStatus();
}

absl::Status ReadBatch(const JsonValue& items, const FieldMap& fields, JsonValue (*event_of)(const JsonValue& item),
                       absl::Status (*read)(const JsonValue& item, ProviderReports* reports),
                       ProviderReports* reports) {
  if (items.size() > kPayloadEventsMax) return TooManyEvents();
  const FieldMap name = {.recipient = fields.recipient, .event_id = fields.event_id};
  for (size_t i = 0; i < items.size(); ++i) {
    const JsonValue item = items.Item(i);
    absl::Status status = read(item, reports);
    if (status.ok()) continue;
    ProviderReport report;
    ReadFields(event_of(item), name, &report);
    if (status = reports->Settle(std::move(status), std::move(report)); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ReadFlatEvent(const JsonValue& event, const EventKind& kind, const FieldMap& fields,
                           FailureTyper type_failure, ProviderReports* reports) {
  if (kind.use == EventUse::kNobody) return absl::OkStatus();
  ProviderReport report;
  ReadFields(event, fields, &report);
  if (kind.use == EventUse::kOther) return reports->AddOther(std::move(report), kind.name);
  const JsonValue where = event.Member(fields.recipient.substr(0, fields.recipient.find('|')));
  if (kind.use == EventUse::kComplaint) return reports->AddComplaint(where, std::move(report));
  return reports->AddFailure(where, std::move(report), type_failure(event, kind));
}

}  // namespace suppressd
