#include "server/list/report_facts.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/bounces/mail/mime_mail.h"
#include "server/rpc/digest.h"
#include "server/rpc/field_checks.h"
#include "storage/stored.h"

namespace suppressd {
namespace {

// 1996-01-01: RFC 1894, the first to say what a delivery status notification looks like, is of that month.
constexpr int64_t kEarliestBounceSeconds = 820'454'400;
// Clocks of two servers may differ, and time zones are often wrong.
constexpr int64_t kClockSkewSecondsMax = 86'400;
// A bounce may be dated this much after it was reported: by a server whose clock is ahead. It counts as of the report.
constexpr int64_t kAheadSecondsMax = 3'600;
constexpr size_t kIdentityBytes = 16;

// A time that a mail or payload gives, where it can be one; strangers' clocks are not worth an error.
bool IsPlausible(bool set, const google::protobuf::Timestamp& time, absl::Time latest) {
  const absl::StatusOr<int64_t> micros = TimeOf(set, time, 0, "");
  return set && micros.ok() && *micros > 0 && *micros <= absl::ToUnixMicros(latest);
}

// Sets when it happened. False: it is not said.
bool SetOccurred(const v1::BounceEvent& shared, bool given, absl::Time reported_at, ReportedRecipient* reported) {
  v1::BounceEvent* event = &reported->event;
  if (!given && IsPlausible(event->has_occurred_at(), event->occurred_at(), reported_at)) return true;
  *event->mutable_occurred_at() = shared.occurred_at();
  if (given) return true;
  int64_t earliest = kEarliestBounceSeconds;
  if (event->has_mail_sent_at()) earliest = std::max(earliest, event->mail_sent_at().seconds() - kClockSkewSecondsMax);
  for (const int64_t time : reported->bounced_at) {
    if (time < earliest || time > absl::ToUnixSeconds(reported_at) + kAheadSecondsMax) continue;
    *event->mutable_occurred_at() = FromMicros(std::min(time * kMicrosPerSecond, absl::ToUnixMicros(reported_at)));
    return true;
  }
  return false;
}

}  // namespace

bool CompleteEvent(const v1::BounceEvent& shared, const v1::ReportBounceRequest& request, absl::Time reported_at,
                   v1::BounceEvent::Kind kind, ReportedRecipient* reported) {
  v1::BounceEvent* event = &reported->event;
  const bool sent = IsPlausible(event->has_mail_sent_at(), event->mail_sent_at(), reported_at);
  if (shared.has_mail_sent_at()) {
    *event->mutable_mail_sent_at() = shared.mail_sent_at();
  } else if (!sent) {
    event->clear_mail_sent_at();
  }
  const bool is_dated = SetOccurred(shared, request.has_occurred_at(), reported_at, reported);
  *event->mutable_received_at() = shared.received_at();
  event->set_stream(shared.stream());
  event->set_source(shared.source());
  if (!shared.message_id().empty()) event->set_message_id(shared.message_id());
  if (event->kind() == v1::BounceEvent::KIND_UNSPECIFIED) event->set_kind(kind);
  return is_dated;
}

absl::string_view BareMessageId(absl::string_view message_id) {
  const size_t begin = message_id.find('<');
  if (begin != absl::string_view::npos) {
    message_id.remove_prefix(begin + 1);
    message_id = message_id.substr(0, message_id.find('>'));
  }
  return absl::StripAsciiWhitespace(message_id);
}

std::string OwnIdOf(absl::string_view message_id, absl::string_view content) {
  const absl::string_view bare = BareMessageId(message_id);
  return bare.empty() ? absl::StrCat("digest:", MailDigest(content)) : absl::StrCat("bounce:", bare);
}

std::string EventIdentity(const v1::BounceEvent& event, const Address& address, absl::string_view own_id) {
  // A provider's name for the mail is not what others call it.
  const absl::string_view returned =
      event.kind() == v1::BounceEvent::PROVIDER_WEBHOOK ? absl::string_view() : BareMessageId(event.message_id());
  if (returned.empty() && own_id.empty()) return "";
  v1::BounceEvent identity;
  identity.set_message_id(returned.empty() ? std::string(own_id) : absl::StrCat("mail:", returned));
  identity.set_source(address.ToString());
  identity.mutable_verdict()->set_bounce_class(event.verdict().bounce_class());
  identity.mutable_verdict()->set_reason(event.verdict().reason());
  // A complaint about one stream suppresses less than one about all mail.
  if (event.verdict().bounce_class() == v1::Verdict::COMPLAINT) identity.set_stream(event.stream());
  return absl::BytesToHexString(Sha256("identity of event", identity).substr(0, kIdentityBytes));
}

}  // namespace suppressd
