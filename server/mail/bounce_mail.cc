#include "server/mail/bounce_mail.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "server/mail/delivery_status.h"
#include "server/mail/judge.h"
#include "server/mail/mail_contents.h"
#include "server/mail/mail_kind.h"
#include "server/mail/mime_mail.h"
#include "server/mail/notice_text.h"
#include "server/mail/notification_mail.h"
#include "server/rules/reply_text.h"

namespace suppression {
namespace {

constexpr size_t kHostOctetsMax = 255;
constexpr size_t kTypeOctetsMax = 64;
constexpr size_t kRecipientOctetsMax = 1'024;
constexpr size_t kMessageIdOctetsMax = 998;

std::string FirstAddress(absl::string_view text) {
  std::vector<std::string> addresses = AddressesIn(text);
  return addresses.empty() ? "" : std::move(addresses.front());
}

std::string Cut(absl::string_view text, size_t octets_max) {
  return std::string(Utf8Prefix(absl::StripAsciiWhitespace(text), octets_max));
}

v1::BounceEvent StartEvent(const MailContents& contents, const MailReport& report) {
  v1::BounceEvent event;
  event.set_kind(report.kind);
  event.set_truncated(report.truncated);
  event.set_message_id(Cut(contents.ReturnedHeader("message-id"), kMessageIdOctetsMax));
  // When the mail was sent decides whether a late bounce is older than a reactivation.
  std::optional<int64_t> sent = ParseMailDate(contents.ReturnedHeader("date"));
  if (!sent.has_value()) sent = ParseMailDate(ReadDeliveryStatus(contents.status).arrival_date);
  if (sent.has_value()) event.mutable_mail_sent_at()->set_seconds(*sent);
  return event;
}

void AddRecipient(absl::string_view recipient, v1::BounceEvent event, MailReport* report) {
  for (ReportedRecipient& known : report->recipients) {
    if (!absl::EqualsIgnoreCase(known.recipient, recipient)) continue;
    // Named twice: what failed counts, and what was said first.
    const bool keep = known.event.verdict().bounce_class() != v1::Verdict::NOT_A_BOUNCE;
    if (!keep) known.event = std::move(event);
    return;
  }
  report->recipients.push_back({Cut(recipient, kRecipientOctetsMax), std::move(event), ""});
}

// Reads one mail into a report.
class Reader {
 public:
  Reader(const v1::RawMessage& message, const MimeMail& mail, const Classifier& classifier)
      : message_(message), mail_(mail), classifier_(classifier) {
    for (const char* name : {"to", "from", "return-path", "reply-to", "sender", "cc"}) {
      for (std::string& address : AddressesIn(mail.Header(name))) ours_.push_back(std::move(address));
    }
    // Whoever sent the returned mail is us too, whatever the bounce itself was sent to.
    for (const MailPart& part : mail.parts) {
      if (!IsAttachedMail(part.type)) continue;
      for (const StatusField& field : ReadStatusFields(part.text)) {
        if (field.name != "from" && field.name != "sender" && field.name != "return-path") continue;
        for (std::string& address : AddressesIn(field.value)) ours_.push_back(std::move(address));
      }
    }
    contents_ = ReadContents(mail, ours_);
    report_.kind = KindOf(mail, contents_.notice.text);
    report_.truncated = mail.truncated || message.truncated();
    event_ = StartEvent(contents_, report_);
  }

  // The bounce within this mail, when this one names nobody itself; else empty.
  std::string PassedOn() const {
    if (!contents_.notice.recipients.empty() || !contents_.status.empty()) return "";
    if (!mail_.attached_report.empty()) return mail_.attached_report;
    const bool report = absl::StrContains(contents_.notice.returned, "report-type=delivery-status");
    const size_t begin = report ? contents_.notice.returned.find('\n') : std::string::npos;
    return begin == std::string::npos ? "" : contents_.notice.returned.substr(begin + 1);
  }

  MailReport Read() {
    switch (report_.kind) {
      case v1::FEEDBACK_REPORT:
        return ReadComplaint();
      case v1::DELIVERY_STATUS:
        ReadStatus();
        break;
      case v1::BOUNCE_TEXT:
        ReadWords();
        break;
      default:
        return std::move(report_);
    }
    if (report_.recipients.size() == 1 && !message_.recipient().empty()) {
      report_.recipients[0].recipient = message_.recipient();
    }
    return std::move(report_);
  }

 private:
  MailReport ReadComplaint();
  std::vector<std::string> Complainants(const std::vector<StatusField>& fields) const;
  void ReadStatus();
  void ReadWords();
  void AddStatus(const RecipientStatus& status, bool alone);
  // A recipient with the verdict on what is said of it; one that is no bounce, by a rule of this file.
  void AddJudged(absl::string_view recipient, const std::string& remote_mta, Judgement judgement);
  void AddNoBounce(absl::string_view recipient, const char* rule, absl::string_view text);
  std::vector<NoticeRecipient> WordsRecipients() const;
  std::string StatusRecipient(const RecipientStatus& status, bool alone) const;
  // What the notice says of a recipient: its own lines, or all of it when it is the only one.
  std::string ContextOf(absl::string_view recipient, bool alone) const;

  const v1::RawMessage& message_;
  const MimeMail& mail_;
  const Classifier& classifier_;
  std::vector<std::string> ours_;
  MailContents contents_;
  MailReport report_;
  v1::BounceEvent event_;  // what all recipients share
};

// Who complained. Reports that hide the recipient have none.
std::vector<std::string> Reader::Complainants(const std::vector<StatusField>& fields) const {
  std::vector<std::string> recipients;
  for (const StatusField& field : fields) {
    if (field.name != "original-rcpt-to" && field.name != "removal-recipient") continue;
    const std::string address = FirstAddress(field.value);
    const bool known = std::find(recipients.begin(), recipients.end(), address) != recipients.end();
    if (!address.empty() && !known && recipients.size() < kMailRecipientsMax) recipients.push_back(address);
  }
  if (!recipients.empty()) return recipients;
  std::string recipient = FirstAddress(contents_.ReturnedHeader("x-hmxmroriginalrecipient"));
  if (recipient.empty()) recipient = message_.recipient();
  if (recipient.empty() && contents_.feedback.empty()) recipient = FirstAddress(mail_.Header("from"));  // an opt-out
  if (recipient.empty()) recipient = contents_.ReturnedRecipient();
  return {recipient};
}

MailReport Reader::ReadComplaint() {
  const std::vector<StatusField> fields = ReadStatusFields(contents_.feedback);
  v1::Complaint complaint;
  std::string reporter;
  for (const StatusField& field : fields) {
    if (field.name == "feedback-type" && complaint.feedback_type().empty()) complaint.set_feedback_type(field.value);
    if (field.name == "reporting-mta" || (reporter.empty() && field.name == "user-agent")) reporter = field.value;
  }
  absl::StatusOr<v1::Verdict> verdict = ClassifyComplaint(complaint);
  if (!verdict.ok()) {  // a type that nobody registered: it need not be a complaint
    verdict = v1::Verdict();
    verdict->set_bounce_class(v1::Verdict::NOT_A_BOUNCE);
    verdict->set_rule_id("complaint.unknown_type");
    verdict->set_rule_set_version(classifier_.version());
  }
  v1::BounceEvent event = event_;
  *event.mutable_verdict() = *std::move(verdict);
  event.set_feedback_type(complaint.feedback_type().empty()
                              ? "abuse"
                              : Cut(absl::AsciiStrToLower(complaint.feedback_type()), kTypeOctetsMax));
  event.set_remote_mta(Cut(reporter, kHostOctetsMax));
  for (const std::string& recipient : Complainants(fields)) AddRecipient(recipient, event, &report_);
  return std::move(report_);
}

std::string Reader::ContextOf(absl::string_view recipient, bool alone) const {
  if (alone) return contents_.notice.text;
  for (const NoticeRecipient& one : contents_.notice.recipients) {
    if (absl::EqualsIgnoreCase(one.address, recipient)) return one.text;
  }
  return "";
}

std::string Reader::StatusRecipient(const RecipientStatus& status, bool alone) const {
  for (const std::string* address : {&status.original_recipient, &status.final_recipient}) {
    // Neither a program nor a file, as some local deliveries have it.
    const bool named = absl::StrContains(*address, '@') && !absl::StrContains(*address, ' ') && (*address)[0] != '|' &&
                       (*address)[0] != '/' && (*address)[0] != '@';
    if (named) return *address;
  }
  if (!alone) return "";
  if (contents_.notice.recipients.size() == 1) return contents_.notice.recipients[0].address;
  const std::string failed = FirstAddress(mail_.Header("x-failed-recipients"));
  if (!failed.empty()) return failed;
  return message_.recipient().empty() ? contents_.ReturnedRecipient() : message_.recipient();
}

void Reader::AddJudged(absl::string_view recipient, const std::string& remote_mta, Judgement judgement) {
  v1::BounceEvent event = event_;
  event.set_remote_mta(remote_mta);
  *event.mutable_verdict() = std::move(judgement.verdict);
  event.set_diagnostic(std::move(judgement.diagnostic));
  AddRecipient(recipient, std::move(event), &report_);
}

void Reader::AddNoBounce(absl::string_view recipient, const char* rule, absl::string_view text) {
  v1::BounceEvent event = event_;
  event.mutable_verdict()->set_bounce_class(v1::Verdict::NOT_A_BOUNCE);
  event.mutable_verdict()->set_rule_id(rule);
  event.mutable_verdict()->set_rule_set_version(classifier_.version());
  event.set_diagnostic(Cut(text, kReplyTextMaxOctets));
  AddRecipient(recipient, std::move(event), &report_);
}

void Reader::AddStatus(const RecipientStatus& status, bool alone) {
  const std::string recipient = StatusRecipient(status, alone);
  if (recipient.empty()) return;
  // RFC 3464 section 2.3.3 knows "failed" alone; some senders have words of their own for it. Everything else is no
  // failure.
  static constexpr absl::string_view kFailed[] = {"", "fail", "error", "undeliver", "bounce", "reject"};
  const bool failed = std::any_of(std::begin(kFailed), std::end(kFailed), [&](absl::string_view word) {
    return word.empty() ? status.action.empty() : absl::StartsWith(status.action, word);
  });
  if (!failed) {
    return AddNoBounce(recipient, "dsn.not_failed", status.diagnostic);
  }
  v1::SmtpReply reply;
  reply.set_enhanced_code(status.status);
  reply.set_text(Cut(status.diagnostic, kReplyTextMaxOctets));
  reply.set_remote_mta(Cut(status.remote_mta, kHostOctetsMax));
  const std::string remote_mta = reply.remote_mta();
  AddJudged(recipient, remote_mta, JudgeRecipient(classifier_, std::move(reply), ContextOf(recipient, alone)));
}

void Reader::ReadStatus() {
  const DeliveryStatus status = ReadDeliveryStatus(contents_.status);
  for (const RecipientStatus& one : status.recipients) AddStatus(one, status.recipients.size() == 1);
  if (report_.recipients.empty()) ReadWords();
}

// The recipients of a bounce without machine-readable part.
std::vector<NoticeRecipient> Reader::WordsRecipients() const {
  std::vector<NoticeRecipient> recipients;
  for (const std::string& address : AddressesIn(mail_.Header("x-failed-recipients"))) {
    recipients.push_back({address, ContextOf(address, false)});
  }
  if (!recipients.empty()) return recipients;
  if (!contents_.notice.recipients.empty()) return contents_.notice.recipients;
  // Nobody may be named at all: it gets a verdict all the same.
  return {{message_.recipient().empty() ? contents_.ReturnedRecipient() : message_.recipient(), ""}};
}

void Reader::ReadWords() {
  const std::string& whole = contents_.notice.text;
  const std::vector<NoticeRecipient> recipients = WordsRecipients();
  const bool delayed = SaysDelayed(mail_.Header("subject"), whole);
  const bool alone = recipients.size() == 1;
  v1::SmtpReply reply;
  Judgement judgement;
  const std::string* judged = nullptr;
  for (const NoticeRecipient& one : recipients) {
    if (delayed) {
      if (!one.address.empty()) AddNoBounce(one.address, "mail.delayed", whole);
      continue;
    }
    const std::string& own = one.text.empty() ? whole : one.text;
    if (judged == nullptr || *judged != own) {  // often the same is said of all
      judged = &own;
      reply.set_text(QuotedReply(own));
      reply.set_remote_mta(Cut(QuotedHost(own), kHostOctetsMax));
      judgement = JudgeRecipient(classifier_, reply, own);
      const bool undecided = alone && judged != &whole && judgement.verdict.evidence().empty();
      if (undecided) judgement = JudgeRecipient(classifier_, reply, whole);
    }
    AddJudged(one.address, reply.remote_mta(), judgement);
  }
}

}  // namespace

absl::StatusOr<MailReport> ReadBounceMail(const v1::RawMessage& message, const Classifier& classifier) {
  const absl::StatusOr<MimeMail> mail = ReadMimeMail(message.content());
  if (!mail.ok()) return mail.status();
  std::vector<ReportedRecipient> notified = ReadNotificationMail(*mail, classifier);
  if (!notified.empty()) {
    return MailReport{v1::PROVIDER_WEBHOOK, mail->truncated || message.truncated(), std::move(notified)};
  }
  Reader reader(message, *mail, classifier);
  const std::string inner = reader.PassedOn();
  if (inner.empty()) return reader.Read();
  // A bounce that somebody passed on: what it says counts, not who passed it on.
  v1::RawMessage passed_on = message;
  passed_on.set_content(inner);
  const absl::StatusOr<MimeMail> inner_mail = ReadMimeMail(inner);
  if (!inner_mail.ok()) return reader.Read();
  MailReport report = Reader(passed_on, *inner_mail, classifier).Read();
  const bool names = !report.recipients.empty() && !report.recipients[0].recipient.empty();
  return names ? std::move(report) : reader.Read();
}

}  // namespace suppression
