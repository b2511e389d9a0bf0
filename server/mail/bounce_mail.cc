#include "server/mail/bounce_mail.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "protos/error.h"
#include "server/mail/delivery_status.h"
#include "server/mail/mail_kind.h"
#include "server/mail/mime_mail.h"
#include "server/mail/notice_text.h"
#include "server/rules/reply_text.h"

namespace suppression {
namespace {

constexpr size_t kHostOctetsMax = 255;
constexpr size_t kRecipientOctetsMax = 1'024;
constexpr size_t kMessageIdOctetsMax = 998;

bool IsStatusPart(absl::string_view type) {
  return absl::EndsWith(type, "delivery-status");
}

// What the parts of a mail say, by role.
struct Contents {
  Notice notice;
  std::string status;            // machine-readable fields, if any
  std::string feedback;          // fields of a feedback report
  std::string returned_headers;  // of the mail that came back
};

// A text part that is the returned mail or its headers, though not labelled so.
bool LooksLikeHeaders(absl::string_view text) {
  text = absl::StripLeadingAsciiWhitespace(text);
  static constexpr absl::string_view kStarts[] = {"received:",   "return-path:", "dkim-signature:", "x-ctch-",
                                                  "delivered-to:", "message-id:",  "mime-version:",   "arc-"};
  return std::any_of(std::begin(kStarts), std::end(kStarts),
                     [&](absl::string_view start) { return absl::StartsWithIgnoreCase(text, start); });
}

// Whether the fields of a delivery status stand in a text.
bool HasStatusLines(absl::string_view text) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  return std::any_of(lines.begin(), lines.end(), [](absl::string_view line) {
    return absl::StartsWithIgnoreCase(line, "final-recipient:");
  });
}

Contents ReadContents(const MimeMail& mail, const std::vector<std::string>& ours) {
  Contents contents;
  bool plain = false;
  for (const MailPart& part : mail.parts) {
    if (IsStatusPart(part.type)) {
      absl::StrAppend(&contents.status, part.text, "\n\n");
    } else if (part.type == "message/feedback-report") {
      contents.feedback = part.text;
    } else if (IsAttachedMail(part.type) || LooksLikeHeaders(part.text)) {
      if (contents.returned_headers.empty()) contents.returned_headers = part.text;
    } else if (absl::StartsWith(part.type, "text/") && contents.returned_headers.empty()) {
      // The first text that names somebody is the notice; later ones belong to the returned mail.
      if (!contents.notice.recipients.empty() || !contents.status.empty()) continue;
      if (part.type == "text/html" && plain) continue;  // the same again
      plain |= part.type == "text/plain" && !absl::StripAsciiWhitespace(part.text).empty();
      Notice notice = SplitNotice(part.text);
      contents.notice.text.append(notice.text);
      if (contents.returned_headers.empty()) contents.returned_headers = std::move(notice.returned_headers);
      FindRecipients(ours, &contents.notice);
    }
  }
  if (contents.status.empty() && HasStatusLines(contents.notice.text)) {
    contents.status = contents.notice.text;
  } else if (contents.status.empty()) {
    // A delivery status whose MIME headers were lost stands behind the notice, in its text.
    for (const MailPart& part : mail.parts) {
      const size_t at = part.text.find("\nFinal-Recipient:");
      if (part.type == "text/plain" && at != std::string::npos) contents.status = part.text.substr(0, at + 4'000);
    }
  }
  return contents;
}

std::string FirstAddress(absl::string_view text) {
  std::vector<std::string> addresses = AddressesIn(text);
  return addresses.empty() ? "" : addresses.front();
}

// The value of a header of the returned mail.
std::string ReturnedHeader(const Contents& contents, absl::string_view name) {
  for (const StatusField& field : ReadStatusFields(contents.returned_headers)) {
    if (field.name == name) return field.value;
  }
  return "";
}

// Who the returned mail was for, when it was for one person only.
std::string ReturnedRecipient(const Contents& contents) {
  for (const absl::string_view name : {"to", "delivered-to", "x-original-to"}) {
    const std::vector<std::string> addresses = AddressesIn(ReturnedHeader(contents, name));
    if (addresses.size() == 1) return addresses[0];
  }
  return "";
}

// Decides one recipient. The reply that a text quotes speaks first, then the text as a whole; what only a code decided
// gives way to what either says in words.
class Judge {
 public:
  explicit Judge(const Classifier& classifier) : classifier_(classifier) {}

  // `reply` has what is known for sure; its text may be empty. `context` are the words around it.
  v1::Verdict Decide(v1::SmtpReply reply, absl::string_view context) const {
    v1::SmtpReply whole = reply;
    whole.set_text(std::string(Utf8Prefix(WithoutEchoedHeaders(context), kReplyTextMaxOctets)));
    const v1::Verdict around = classifier_.Classify(whole);
    if (reply.stage() == v1::SMTP_STAGE_UNSPECIFIED) reply.set_stage(around.stage());
    if (reply.text().empty()) reply.set_text(QuotedReply(context));
    if (reply.text().empty()) return around;
    const v1::Verdict quoted = classifier_.Classify(reply);
    if (!quoted.evidence().empty() || around.evidence().empty()) return quoted;
    // The words decide, but not against a code that the reply itself has.
    const bool softer = quoted.bounce_class() == v1::Verdict::SENDER_SIDE;
    return softer ? quoted : around;
  }

 private:
  const Classifier& classifier_;
};

v1::BounceEvent StartEvent(const Contents& contents, const MailReport& report) {
  v1::BounceEvent event;
  event.set_kind(report.kind);
  event.set_truncated(report.truncated);
  std::string id = ReturnedHeader(contents, "message-id");
  event.set_message_id(std::string(Utf8Prefix(absl::StripAsciiWhitespace(id), kMessageIdOctetsMax)));
  return event;
}

void AddRecipient(absl::string_view recipient, v1::BounceEvent event, MailReport* report) {
  report->recipients.push_back({std::string(Utf8Prefix(recipient, kRecipientOctetsMax)), std::move(event), ""});
}

v1::Verdict NoBounce(const char* rule, const Classifier& classifier) {
  v1::Verdict verdict;
  verdict.set_bounce_class(v1::Verdict::NOT_A_BOUNCE);
  verdict.set_rule_id(rule);
  verdict.set_rule_set_version(classifier.version());
  return verdict;
}

// Reads one mail into a report.
class Reader {
 public:
  Reader(const v1::RawMessage& message, const MimeMail& mail, const Classifier& classifier)
      : message_(message), mail_(mail), classifier_(classifier) {
    for (const char* name : {"to", "from", "return-path", "reply-to", "sender", "cc"}) {
      for (std::string& address : AddressesIn(mail.Header(name))) ours_.push_back(std::move(address));
    }
    contents_ = ReadContents(mail, ours_);
    report_.kind = KindOf(mail, contents_.notice.text);
    report_.truncated = mail.truncated || message.truncated();
  }

  absl::StatusOr<MailReport> Read() {
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
    if (report_.recipients.empty()) AddNobody();
    if (report_.recipients.size() == 1 && !message_.recipient().empty()) {
      report_.recipients[0].recipient = message_.recipient();
    }
    return std::move(report_);
  }

 private:
  absl::StatusOr<MailReport> ReadComplaint();
  std::vector<std::string> Complainants(const std::vector<StatusField>& fields) const;
  void ReadStatus();
  void ReadWords();
  void AddStatus(const RecipientStatus& status, bool alone);
  void AddNobody();
  std::string StatusRecipient(const RecipientStatus& status, bool alone) const;
  // What the notice says of a recipient: its own lines, or all of it when it is the only one.
  std::string ContextOf(absl::string_view recipient, bool alone) const;

  const v1::RawMessage& message_;
  const MimeMail& mail_;
  const Classifier& classifier_;
  std::vector<std::string> ours_;
  Contents contents_;
  MailReport report_;
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
  std::string recipient = FirstAddress(ReturnedHeader(contents_, "x-hmxmroriginalrecipient"));
  if (recipient.empty()) recipient = message_.recipient();
  if (recipient.empty() && contents_.feedback.empty()) recipient = FirstAddress(mail_.Header("from"));  // an opt-out
  if (recipient.empty()) recipient = ReturnedRecipient(contents_);
  return {recipient};
}

absl::StatusOr<MailReport> Reader::ReadComplaint() {
  const std::vector<StatusField> fields = ReadStatusFields(contents_.feedback);
  v1::Complaint complaint;
  std::string reporter;
  for (const StatusField& field : fields) {
    if (field.name == "feedback-type" && complaint.feedback_type().empty()) complaint.set_feedback_type(field.value);
    if (field.name == "reporting-mta" || (reporter.empty() && field.name == "user-agent")) reporter = field.value;
  }
  absl::StatusOr<v1::Verdict> verdict = ClassifyComplaint(complaint);
  if (!verdict.ok()) return verdict.status();
  v1::BounceEvent event = StartEvent(contents_, report_);
  *event.mutable_verdict() = *std::move(verdict);
  event.set_feedback_type(complaint.feedback_type().empty() ? "abuse"
                                                            : absl::AsciiStrToLower(complaint.feedback_type()));
  event.set_remote_mta(std::string(Utf8Prefix(reporter, kHostOctetsMax)));
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
    const bool named = absl::StrContains(*address, '@') && !absl::StrContains(*address, ' ') &&
                       (*address)[0] != '|' && (*address)[0] != '/' && (*address)[0] != '@';
    if (named) return *address;
  }
  if (!alone) return "";
  if (contents_.notice.recipients.size() == 1) return contents_.notice.recipients[0].address;
  const std::string failed = FirstAddress(mail_.Header("x-failed-recipients"));
  if (!failed.empty()) return failed;
  return message_.recipient().empty() ? ReturnedRecipient(contents_) : message_.recipient();
}

void Reader::AddStatus(const RecipientStatus& status, bool alone) {
  const std::string recipient = StatusRecipient(status, alone);
  if (recipient.empty()) return;
  v1::BounceEvent event = StartEvent(contents_, report_);
  const std::string context = ContextOf(recipient, alone);
  v1::SmtpReply reply;
  reply.set_enhanced_code(status.status);
  reply.set_text(std::string(Utf8Prefix(status.diagnostic, kReplyTextMaxOctets)));
  reply.set_remote_mta(std::string(Utf8Prefix(status.remote_mta, kHostOctetsMax)));
  const bool failed = status.action.empty() || absl::StartsWith(status.action, "fail");
  *event.mutable_verdict() =
      failed ? Judge(classifier_).Decide(reply, context) : NoBounce("dsn.not_failed", classifier_);
  event.set_diagnostic(status.diagnostic.empty() ? std::string(Utf8Prefix(context, kReplyTextMaxOctets))
                                                 : reply.text());
  event.set_remote_mta(reply.remote_mta());
  AddRecipient(recipient, std::move(event), &report_);
}

void Reader::ReadStatus() {
  const DeliveryStatus status = ReadDeliveryStatus(contents_.status);
  for (const RecipientStatus& one : status.recipients) AddStatus(one, status.recipients.size() == 1);
  if (report_.recipients.empty()) ReadWords();
}

// A bounce that names nobody, with its verdict all the same.
void Reader::AddNobody() {
  v1::BounceEvent event = StartEvent(contents_, report_);
  *event.mutable_verdict() = Judge(classifier_).Decide({}, contents_.notice.text);
  event.set_diagnostic(std::string(Utf8Prefix(contents_.notice.text, kReplyTextMaxOctets)));
  AddRecipient("", std::move(event), &report_);
}

void Reader::ReadWords() {
  if (SaysDelayed(mail_.Header("subject"), contents_.notice.text)) {
    for (const NoticeRecipient& one : contents_.notice.recipients) {
      v1::BounceEvent event = StartEvent(contents_, report_);
      *event.mutable_verdict() = NoBounce("notice.delay", classifier_);
      AddRecipient(one.address, std::move(event), &report_);
    }
    return;
  }
  std::vector<NoticeRecipient> recipients;
  for (const std::string& address : AddressesIn(mail_.Header("x-failed-recipients"))) {
    recipients.push_back({address, ContextOf(address, false)});
  }
  if (recipients.empty()) recipients = contents_.notice.recipients;
  if (recipients.empty()) {
    const std::string recipient = message_.recipient().empty() ? ReturnedRecipient(contents_) : message_.recipient();
    if (!recipient.empty()) recipients.push_back({recipient, ""});
  }
  const bool alone = recipients.size() == 1;
  for (const NoticeRecipient& one : recipients) {
    v1::BounceEvent event = StartEvent(contents_, report_);
    const std::string& whole = contents_.notice.text;
    const std::string& own = one.text.empty() ? whole : one.text;
    v1::SmtpReply reply;
    reply.set_text(QuotedReply(own));
    if (reply.text().empty() && alone) reply.set_text(QuotedReply(whole));
    reply.set_remote_mta(std::string(Utf8Prefix(QuotedHost(own), kHostOctetsMax)));
    v1::Verdict verdict = Judge(classifier_).Decide(reply, own);
    if (alone && verdict.evidence().empty()) {
      const v1::Verdict all = Judge(classifier_).Decide(reply, whole);
      if (!all.evidence().empty()) verdict = all;
    }
    *event.mutable_verdict() = std::move(verdict);
    event.set_diagnostic(std::string(Utf8Prefix(absl::StripAsciiWhitespace(own), kReplyTextMaxOctets)));
    event.set_remote_mta(reply.remote_mta());
    AddRecipient(one.address, std::move(event), &report_);
  }
}

}  // namespace

absl::StatusOr<MailReport> ReadBounceMail(const v1::RawMessage& message, const Classifier& classifier) {
  absl::StatusOr<MimeMail> mail = ReadMimeMail(message.content());
  if (!mail.ok()) return mail.status();
  return Reader(message, *mail, classifier).Read();
}

}  // namespace suppression
