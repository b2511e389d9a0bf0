#include "server/bounces/mail/bounce_mail.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/bounces/mail/delivery_status.h"
#include "server/bounces/mail/judge.h"
#include "server/bounces/mail/mail_contents.h"
#include "server/bounces/mail/mail_kind.h"
#include "server/bounces/mail/mailboxes.h"
#include "server/bounces/mail/mime_mail.h"
#include "server/bounces/mail/notice_text.h"
#include "server/bounces/mail/notification_mail.h"
#include "server/bounces/mail/written_address.h"
#include "server/bounces/rules/address.h"
#include "server/bounces/rules/reply_text.h"

namespace suppressd {
namespace {

constexpr size_t kHostBytesMax = 255;
constexpr size_t kTypeBytesMax = 64;
constexpr size_t kRecipientBytesMax = 1'024;
constexpr size_t kMessageIdBytesMax = 998;

std::string Cut(absl::string_view text, size_t bytes_max) {
  return std::string(Utf8Prefix(absl::StripAsciiWhitespace(text), bytes_max));
}

v1::BounceEvent StartEvent(const MailContents& contents, const DeliveryStatus& status, const MailReport& report) {
  v1::BounceEvent event;
  event.set_kind(report.kind);
  event.set_truncated(report.truncated);
  event.set_message_id(Cut(contents.ReturnedHeader("message-id"), kMessageIdBytesMax));
  // When the mail was sent decides whether a late bounce is older than a reactivation.
  std::optional<int64_t> sent = ParseMailDate(contents.ReturnedHeader("date"));
  if (!sent.has_value()) sent = ParseMailDate(status.arrival_date);
  if (sent.has_value()) event.mutable_mail_sent_at()->set_seconds(*sent);
  return event;
}

void AddRecipient(absl::string_view recipient, v1::BounceEvent event, std::vector<int64_t> bounced_at,
                  MailReport* report) {
  for (ReportedRecipient& known : report->recipients) {
    if (known.error != v1::ERROR_REASON_UNSPECIFIED || !absl::EqualsIgnoreCase(known.recipient, recipient)) continue;
    // Named twice: what failed counts, and what was said first.
    const bool keep = known.event.verdict().bounce_class() != v1::Verdict::NOT_A_BOUNCE;
    if (keep) return;
    known.event = std::move(event);
    known.bounced_at = std::move(bounced_at);
    return;
  }
  ReportedRecipient& added = report->recipients.emplace_back();
  added.recipient = Cut(recipient, kRecipientBytesMax);
  added.event = std::move(event);
  added.bounced_at = std::move(bounced_at);
}

// Whether anybody is named who can be reported.
bool NamesSomebody(const std::vector<ReportedRecipient>& recipients) {
  return std::any_of(recipients.begin(), recipients.end(), [](const ReportedRecipient& one) {
    return one.error == v1::ERROR_REASON_UNSPECIFIED && !one.recipient.empty();
  });
}

// RFC 3464 section 2.3.3 knows "failed" alone; some senders have words of their own for it. Everything else is no
// failure.
bool HasFailed(const RecipientStatus& status) {
  static constexpr absl::string_view kFailed[] = {"fail", "error", "undeliver", "bounce", "reject"};
  return status.action.empty() || std::any_of(std::begin(kFailed), std::end(kFailed), [&](absl::string_view word) {
           return absl::StartsWith(status.action, word);
         });
}

// Reads one mail into a report.
class Reader {
 public:
  Reader(const v1::RawMessage& message, const MimeMail& mail, const Classifier& classifier)
      : message_(message), mail_(mail), classifier_(classifier) {
    for (const char* name : {"to", "from", "return-path", "reply-to", "sender", "cc"}) {
      // A name may be an address too ("jo@x via list" <list@y>).
      for (std::string& address : AddressesIn(mail.Header(name))) ours_.push_back(std::move(address));
      for (std::string& address : MailboxesIn(mail.Header(name))) ours_.push_back(std::move(address));
    }
    contents_ = ReadContents(mail, ours_);
    status_ = ReadDeliveryStatus(contents_.status);
    report_.kind = KindOf(mail, contents_.notice.text);
    report_.truncated = mail.truncated || message.truncated() || contents_.truncated || status_.truncated;
    report_.message_id = Cut(mail.Header("message-id"), kMessageIdBytesMax);
    event_ = StartEvent(contents_, status_, report_);
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
      case v1::BounceEvent::FEEDBACK_REPORT:
        return ReadComplaint();
      case v1::BounceEvent::DELIVERY_STATUS:
        ReadStatus();
        break;
      case v1::BounceEvent::BOUNCE_TEXT:
        ReadWords();
        break;
      default:
        return std::move(report_);
    }
    if (report_.recipients.size() == 1 && !message_.recipient().empty()) {
      report_.recipients[0].recipient = message_.recipient();
      report_.recipients[0].error = v1::ERROR_REASON_UNSPECIFIED;
    }
    return std::move(report_);
  }

 private:
  MailReport ReadComplaint();
  std::vector<std::string> Complainants(const std::vector<StatusField>& fields);
  void ReadStatus();
  void ReadWords();
  void AddStatus(const RecipientStatus& status, bool alone);
  // A recipient with the verdict on what is said of it; one that is no bounce, by a rule of this file.
  void AddJudged(absl::string_view recipient, const std::string& remote_mta, Judgement judgement,
                 const std::string& last_attempt_date = "");
  void AddNoBounce(absl::string_view recipient, const char* rule, absl::string_view text,
                   const std::string& last_attempt_date = "");
  // When the mail says that it bounced, the best first. RFC 3464: Last-Attempt-Date is when this recipient was last
  // tried (section 2.3.7); the mail is made when it was given up; Arrival-Date is when the returned mail had come in
  // (2.2.5).
  std::vector<int64_t> BouncedAt(const std::string& last_attempt_date) const;
  // An event with as much of the diagnostic as one of `sharers_` recipients may have.
  v1::BounceEvent EventWith(absl::string_view diagnostic);
  std::vector<NoticeRecipient> WordsRecipients() const;
  std::string StatusRecipient(const RecipientStatus& status, bool alone) const;
  // What the notice says of a recipient: its own lines, or all of it when it is the only one.
  std::string ContextOf(absl::string_view recipient, bool alone) const;

  const v1::RawMessage& message_;
  const MimeMail& mail_;
  const Classifier& classifier_;
  DeliveryStatus status_;
  size_t sharers_ = 1;
  std::vector<std::string> ours_;
  MailContents contents_;
  MailReport report_;
  v1::BounceEvent event_;  // what all recipients share
};

// Who complained. Reports that hide the recipient have none.
std::vector<std::string> Reader::Complainants(const std::vector<StatusField>& fields) {
  std::vector<std::string> recipients;
  std::string hidden;
  for (const StatusField& field : fields) {
    if (field.name != "original-rcpt-to" && field.name != "removal-recipient") continue;
    const std::string address = FirstMailbox(field.value);
    if (hidden.empty()) hidden = HidesRecipient(address) ? address : "";
    if (HidesRecipient(address) || Contains(recipients, address)) continue;
    if (recipients.size() >= kMailRecipientsMax) {
      report_.truncated = true;
      event_.set_truncated(true);
      break;
    }
    recipients.push_back(address);
  }
  if (!recipients.empty()) return recipients;
  std::string recipient = FirstMailbox(contents_.ReturnedHeader("x-hmxmroriginalrecipient"));
  if (recipient.empty()) recipient = message_.recipient();
  if (recipient.empty() && contents_.feedback.empty()) recipient = FirstMailbox(mail_.Header("from"));  // an opt-out
  if (!recipient.empty()) return {recipient};
  recipient = contents_.ReturnedRecipient();
  return {HidesRecipient(recipient) && !hidden.empty() ? hidden : recipient};
}

MailReport Reader::ReadComplaint() {
  const std::vector<StatusField> fields = ReadStatusFields(contents_.feedback);
  const std::vector<std::string> complainants = Complainants(fields);
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
                              : Cut(absl::AsciiStrToLower(complaint.feedback_type()), kTypeBytesMax));
  event.set_remote_mta(Cut(reporter, kHostBytesMax));
  for (const std::string& recipient : complainants) AddRecipient(recipient, event, BouncedAt(""), &report_);
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
  // Neither a program nor a file, as some local deliveries have it.
  const auto named = [](const std::string& address) {
    const bool mailbox = absl::StrContains(address, '@') && !absl::StrContains(address, ' ') && address[0] != '@';
    return (mailbox || NormaliseAddress(address).ok()) && address[0] != '|' && address[0] != '/';
  };
  if (named(status.original_recipient)) return status.original_recipient;
  if (named(status.final_recipient)) return contents_.notice.forwardings.MailedFor(status.final_recipient);
  if (!alone) return "";
  if (contents_.notice.recipients.size() == 1) return contents_.notice.recipients[0].address;
  const std::string failed = FirstMailbox(mail_.Header("x-failed-recipients"));
  if (!failed.empty()) return failed;
  return message_.recipient().empty() ? contents_.ReturnedRecipient() : message_.recipient();
}

v1::BounceEvent Reader::EventWith(absl::string_view diagnostic) {
  const size_t bytes_max = std::min(kReplyTextMaxBytes, kMailDiagnosticsBytesMax / sharers_);
  v1::BounceEvent event = event_;
  event.set_diagnostic(std::string(Utf8Prefix(diagnostic, bytes_max)));
  if (diagnostic.size() > bytes_max && bytes_max < kReplyTextMaxBytes) {
    event.set_truncated(true);
    report_.truncated = true;
  }
  return event;
}

std::vector<int64_t> Reader::BouncedAt(const std::string& last_attempt_date) const {
  std::vector<int64_t> times;
  for (const std::string& date : {last_attempt_date, std::string(mail_.Header("date")), status_.arrival_date}) {
    if (const std::optional<int64_t> time = ParseMailDate(date); time.has_value()) times.push_back(*time);
  }
  return times;
}

void Reader::AddJudged(absl::string_view recipient, const std::string& remote_mta, Judgement judgement,
                       const std::string& last_attempt_date) {
  v1::BounceEvent event = EventWith(judgement.diagnostic);
  event.set_remote_mta(remote_mta);
  *event.mutable_verdict() = std::move(judgement.verdict);
  AddRecipient(recipient, std::move(event), BouncedAt(last_attempt_date), &report_);
}

void Reader::AddNoBounce(absl::string_view recipient, const char* rule, absl::string_view text,
                         const std::string& last_attempt_date) {
  v1::BounceEvent event = EventWith(absl::StripAsciiWhitespace(text));
  event.mutable_verdict()->set_bounce_class(v1::Verdict::NOT_A_BOUNCE);
  event.mutable_verdict()->set_rule_id(rule);
  event.mutable_verdict()->set_rule_set_version(classifier_.version());
  AddRecipient(recipient, std::move(event), BouncedAt(last_attempt_date), &report_);
}

void Reader::AddStatus(const RecipientStatus& status, bool alone) {
  const std::string recipient = StatusRecipient(status, alone);
  if (!HasFailed(status)) {
    if (!recipient.empty()) AddNoBounce(recipient, "dsn.not_failed", status.diagnostic, status.last_attempt_date);
    return;
  }
  v1::SmtpReply reply;
  reply.set_enhanced_code(status.status);
  reply.set_text(Cut(status.diagnostic, kReplyTextMaxBytes));
  reply.set_remote_mta(Cut(status.remote_mta, kHostBytesMax));
  const std::string remote_mta = reply.remote_mta();
  Judgement judgement = JudgeRecipient(classifier_, std::move(reply), ContextOf(recipient, alone));
  if (!recipient.empty()) return AddJudged(recipient, remote_mta, std::move(judgement), status.last_attempt_date);
  // Whoever it was, he must not vanish from the report.
  const std::string& named = status.original_recipient.empty() ? status.final_recipient : status.original_recipient;
  ReportedRecipient& unusable = report_.recipients.emplace_back();
  unusable.recipient = Cut(named, kRecipientBytesMax);
  unusable.event = EventWith(judgement.diagnostic);
  unusable.event.set_remote_mta(remote_mta);
  *unusable.event.mutable_verdict() = std::move(judgement.verdict);
  unusable.error = unusable.recipient.empty() ? v1::NO_RECIPIENT : v1::INVALID_ADDRESS;
}

void Reader::ReadStatus() {
  const std::vector<RecipientStatus>& groups = status_.recipients;
  sharers_ = std::max<size_t>(1, groups.size());
  for (const RecipientStatus& one : groups) AddStatus(one, groups.size() == 1);
  if (NamesSomebody(report_.recipients)) return;
  if (!groups.empty() && std::none_of(groups.begin(), groups.end(), HasFailed)) return;
  // The fields name nobody; the words may.
  std::vector<ReportedRecipient> unusable = std::move(report_.recipients);
  report_.recipients.clear();
  ReadWords();
  if (!NamesSomebody(report_.recipients) && !unusable.empty()) report_.recipients = std::move(unusable);
}

// The recipients of a bounce without machine-readable part.
// Whether a notice lists a recipient as mail servers list those that failed ("<jo@example.com>:", then the reply), and
// quotes a reply with a code for him.
bool IsListedWithReply(absl::string_view notice, const NoticeRecipient& recipient) {
  const std::string reply = QuotedReply(recipient.text);
  if (reply.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(reply[0]))) return false;
  for (absl::string_view line : absl::StrSplit(notice, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    absl::ConsumePrefix(&line, "<");
    if (!absl::StartsWithIgnoreCase(line, recipient.address)) continue;
    line.remove_prefix(recipient.address.size());
    absl::ConsumePrefix(&line, ">");
    if (absl::StartsWith(line, ":")) return true;
  }
  return false;
}

std::vector<NoticeRecipient> Reader::WordsRecipients() const {
  std::vector<NoticeRecipient> recipients;
  for (const std::string& failed : MailboxesIn(mail_.Header("x-failed-recipients"))) {
    const std::string address = contents_.notice.forwardings.MailedFor(failed);
    recipients.push_back({address, ContextOf(address, false)});
  }
  if (!recipients.empty()) return recipients;
  if (!contents_.notice.recipients.empty()) return contents_.notice.recipients;
  if (!message_.recipient().empty()) return {{message_.recipient(), ""}};
  recipients = FindAmongOurs(contents_.notice.text, contents_.senders);
  if (!recipients.empty()) return recipients;
  // Who mailed himself, through a form for example: only in the list of those that failed, with a reply to him alone.
  for (NoticeRecipient& one : FindAmongOurs(contents_.notice.text, {})) {
    if (IsListedWithReply(contents_.notice.text, one)) recipients.push_back(std::move(one));
  }
  if (!recipients.empty()) return recipients;
  // Nobody may be named at all: it gets a verdict all the same.
  return {{contents_.ReturnedRecipient(), ""}};
}

void Reader::ReadWords() {
  const std::string& whole = contents_.notice.text;
  const std::vector<NoticeRecipient> recipients = WordsRecipients();
  sharers_ = recipients.size();
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
      reply.set_remote_mta(Cut(QuotedHost(own), kHostBytesMax));
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
  std::vector<ReportedRecipient> notified = ReadNotificationMail(*mail, message.recipient(), classifier);
  if (!notified.empty()) {
    return MailReport{v1::BounceEvent::PROVIDER_WEBHOOK, mail->truncated || message.truncated(), "",
                      std::move(notified)};
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

}  // namespace suppressd
