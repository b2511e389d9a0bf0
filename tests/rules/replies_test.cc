// What replies mean: the mapping of verdicts, and the replies that lie. Texts are those that mail servers and providers
// document or send, with made-up addresses.
#include <gtest/gtest.h>

#include "server/bounces/rules/classifier.h"

namespace suppressd {
namespace {

struct Reply {
  const char* text;
  v1::Verdict::Class bounce_class;
  v1::BounceReason reason = v1::BOUNCE_REASON_UNSPECIFIED;
  const char* remote_mta = "";
  v1::SmtpReply::Stage stage = v1::SmtpReply::STAGE_UNSPECIFIED;
};

constexpr auto kHard = v1::Verdict::HARD;
constexpr auto kSoft = v1::Verdict::SOFT;
constexpr auto kSender = v1::Verdict::SENDER_SIDE;
constexpr auto kNone = v1::Verdict::NOT_A_BOUNCE;

void ExpectVerdicts(const std::vector<Reply>& replies) {
  static const Classifier& classifier = *Classifier::BuiltIn()->release();
  for (const Reply& row : replies) {
    v1::SmtpReply reply;
    reply.set_text(row.text);
    reply.set_remote_mta(row.remote_mta);
    reply.set_stage(row.stage);
    const v1::Verdict verdict = classifier.Classify(reply);
    EXPECT_EQ(v1::Verdict::Class_Name(verdict.bounce_class()), v1::Verdict::Class_Name(row.bounce_class))
        << row.text << " by " << verdict.rule_id() << " [" << verdict.evidence() << "]";
    EXPECT_EQ(v1::BounceReason_Name(verdict.reason()), v1::BounceReason_Name(row.reason))
        << row.text << " by " << verdict.rule_id() << " [" << verdict.evidence() << "]";
  }
}

TEST(Mapping, NoSuchUser) {
  ExpectVerdicts({
      {"550 5.1.1 <a@example.com>: Recipient address rejected: User unknown in local recipient table", kHard,
       v1::ADDRESS_NOT_FOUND},
      {"550 No Such User Here", kHard, v1::ADDRESS_NOT_FOUND},
      {"550 sorry, no mailbox here by that name (#5.1.1)", kHard, v1::ADDRESS_NOT_FOUND},
      {"550 Invalid recipient <a@example.com>", kHard, v1::ADDRESS_NOT_FOUND},
      {"511 sorry, recipient mailbox does not exist (#5.1.1 - chkuser)", kHard, v1::ADDRESS_NOT_FOUND},
      {"550 5.1.1 Mailbox not found", kHard, v1::ADDRESS_NOT_FOUND},
      {"550 Unrouteable address", kHard, v1::ADDRESS_NOT_FOUND},
      {"550 The recipient cannot be found in the directory", kHard, v1::ADDRESS_NOT_FOUND},
      {"554 5.7.1 user does not exist", kHard, v1::ADDRESS_NOT_FOUND},
      {"551 User not local", kHard, v1::ADDRESS_NOT_FOUND},
      {"550 5.1.6 recipient has moved", kHard, v1::ADDRESS_NOT_FOUND},
      {"450 4.1.1 User unknown", kSoft, v1::ADDRESS_NOT_FOUND},
  });
}

TEST(Mapping, NoSuchDomain) {
  ExpectVerdicts({
      {"550 5.1.2 no", kHard, v1::DOMAIN_NOT_FOUND},
      {"Host or domain name not found. Name service error for name=example.com type=MX: Host not found", kHard,
       v1::DOMAIN_NOT_FOUND},
      {"NXDOMAIN", kHard, v1::DOMAIN_NOT_FOUND},
      {"Host not found, try again", kSoft, v1::MAIL_SERVER_MISCONFIGURED},
  });
}

TEST(Mapping, MisconfiguredServers) {
  ExpectVerdicts({
      {"556 5.1.10 null MX", kHard, v1::MAIL_SERVER_MISCONFIGURED},
      {"556 no", kHard, v1::MAIL_SERVER_MISCONFIGURED},
      {"521 5.3.2 example.com does not accept mail", kHard, v1::MAIL_SERVER_MISCONFIGURED},
      {"554 5.4.6 Too many hops", kSoft, v1::MAIL_SERVER_MISCONFIGURED},
      {"550 5.4.4 unrouted", kSoft, v1::MAIL_SERVER_MISCONFIGURED},
      {"451 4.4.1 no answer from host", kSoft, v1::MAIL_SERVER_MISCONFIGURED},
      {"554 4.4.7 Message expired", kSoft, v1::MAIL_SERVER_MISCONFIGURED},
      {"554 5.7.1 <a@example.com>: Relay access denied", kSoft, v1::MAIL_SERVER_MISCONFIGURED},
      {"550 5.7.1 Relaying denied. Authentication required", kSender},
  });
}

TEST(Mapping, FullMailboxes) {
  ExpectVerdicts({
      {"552 5.2.2 Over quota", kHard, v1::MAILBOX_FULL},
      {"552 Mailbox size limit exceeded, quota", kHard, v1::MAILBOX_FULL},
      {"550 5.2.2 no", kHard, v1::MAILBOX_FULL},
      {"452 4.2.2 Mailbox full", kSoft, v1::MAILBOX_FULL},
      {"452 4.2.2 no", kSoft, v1::MAILBOX_FULL},
      {"user is over quota", kSoft, v1::MAILBOX_FULL},
  });
}

TEST(Mapping, InactiveMailboxes) {
  ExpectVerdicts({
      {"550 5.2.1 This mailbox has been disabled", kHard, v1::MAILBOX_INACTIVE},
      {"550 Account frozen", kHard, v1::MAILBOX_INACTIVE},
      {"550 Mailbox is frozen", kHard, v1::MAILBOX_INACTIVE},
      {"550 account closed", kHard, v1::MAILBOX_INACTIVE},
      {"450 4.2.1 mailbox is disabled", kSoft, v1::MAILBOX_INACTIVE},
      {"550 5.2.1 mailbox temporarily disabled", kSoft, v1::MAILBOX_INACTIVE},
  });
}

TEST(Mapping, RestrictedRecipients) {
  for (const char* code : {"5.7.124", "5.7.129", "5.7.133", "5.7.134", "5.7.135", "5.7.136"}) {
    const std::string text = std::string("550 ") + code + " no";
    ExpectVerdicts({{text.c_str(), kHard, v1::REJECTS_UNKNOWN_SENDERS}});
  }
  ExpectVerdicts({
      {"550 5.7.1 only members may post to this list", kHard, v1::REJECTS_UNKNOWN_SENDERS},
      {"550 5.7.1 sender is not on the allow list of the recipient", kHard, v1::REJECTS_UNKNOWN_SENDERS},
  });
}

TEST(Mapping, BlockedByThisRecipient) {
  ExpectVerdicts({
      {"550 5.7.507 no", kHard, v1::BLOCKED_BY_RECIPIENT_SERVER, "example-com.mail.protection.outlook.com"},
      {"550 5.7.513 no", kHard, v1::BLOCKED_BY_RECIPIENT_SERVER, "example-com.mail.protection.outlook.com"},
      {"550 user rejected your mail", kHard, v1::BLOCKED_BY_RECIPIENT_SERVER},
      {"554 5.7.1 <a@example.com>: Recipient address rejected: Access denied", kHard, v1::BLOCKED_BY_RECIPIENT_SERVER},
  });
}

TEST(Mapping, SenderSide) {
  ExpectVerdicts({
      {"554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", kSender},
      {"550 5.7.25 PTR required", kSender},
      {"550 5.7.23 SPF fail", kSender},
      {"550 5.7.1 DMARC policy", kSender},
      {"554 5.7.1 spam message rejected", kSender},
      {"550 5.7.0 Local Policy Violation", kSender},
      {"554 5.7.1 virus found", kSender},
      {"552 5.3.4 Message too big", kSender},
      {"450 4.7.1 Greylisted for 5 minutes", kSender},
      {"421 4.7.0 too many connections from your IP", kSender},
      {"530 5.7.0 Must issue a STARTTLS command first", kSender},
      {"500 5.5.2 Syntax error", kSender},
      {"550 5.1.8 sender domain does not exist", kSender},
      {"553 5.1.7 no", kSender},
  });
}

TEST(Mapping, NoBounce) {
  ExpectVerdicts({
      {"250 2.1.5 ok", kNone},
      {"Your message has not yet been delivered: 550 5.1.1 User unknown", kNone},
      {"Out of office reply", kNone},
  });
}

TEST(LyingReplies, GoogleUses521ForTwoThings) {
  ExpectVerdicts({
      {"550 5.2.1 The email account that you tried to reach is inactive. - gsmtp", kHard, v1::MAILBOX_INACTIVE},
      {"550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages - "
       "gsmtp",
       kSender},
      {"552 5.2.2 The recipient's inbox is out of storage space and inactive. - gsmtp", kHard, v1::MAILBOX_INACTIVE},
      {"452 4.2.2 The recipient's inbox is out of storage space. - gsmtp", kSoft, v1::MAILBOX_FULL},
  });
}

TEST(LyingReplies, TransientCodeOfAPermanentState) {
  ExpectVerdicts(
      {{"450 4.2.1 <a@example.com>: this mailbox is inactive and has been disabled", kHard, v1::MAILBOX_INACTIVE}});
}

TEST(LyingReplies, CodeOfAMissingMailboxWithAQuotaText) {
  ExpectVerdicts({{"550 5.1.1 <a@example.com>... mailbox full", kHard, v1::MAILBOX_FULL}});
}

TEST(LyingReplies, MicrosoftSaysAccessDeniedOfMissingRecipientsAndOfOurIp) {
  const char* mta = "example-com.mail.protection.outlook.com";
  ExpectVerdicts({
      {"550 5.4.1 Recipient address rejected: Access denied.", kHard, v1::ADDRESS_NOT_FOUND, mta},
      {"550 5.4.1 All recipient addresses rejected : Access denied", kHard, v1::ADDRESS_NOT_FOUND, mta},
      {"550 5.7.606 Access denied, banned sending IP [192.0.2.1]", kSender, {}, mta},
      {"550 5.7.649 no", kSender, {}, mta},
      {"550 5.7.511 Access denied, banned sender", kSender, {}, mta},
      {"550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent (S3150).", kSender, {}, mta},
      {"550 5.7.509 no", kSender, {}, mta},
      {"550 5.7.515 no", kSender, {}, mta},
  });
}

TEST(LyingReplies, YahooRefusesSendersWithPermanentCodes) {
  const char* mta = "mta5.am0.yahoodns.net";
  ExpectVerdicts({
      {"553 5.7.1 [BL23] Connections will not be accepted from 192.0.2.1", kSender, {}, mta},
      {"554 5.7.9 [PH01] Email not accepted for policy reasons", kSender, {}, mta},
      {"553 5.7.2 [TSS11] All messages from 192.0.2.1 will be permanently deferred", kSender, {}, mta},
      {"554 30 Sorry, your message to a@example.com cannot be delivered. This mailbox is disabled (554.30).", kHard,
       v1::MAILBOX_INACTIVE, mta},
  });
}

TEST(LyingReplies, InATranscriptTheFirstDecisiveReplyWins) {
  ExpectVerdicts(
      {{"... while talking to mx.example.com.:\n>>> RCPT To:<a@example.com>\n<<< 550 5.1.1 <a@example.com>... User "
        "unknown\n550 5.1.1 <a@example.com>... User unknown\n>>> DATA\n<<< 503 5.0.0 Need RCPT (recipient)\n<<< 250 ok",
        kHard, v1::ADDRESS_NOT_FOUND}});
}

TEST(LyingReplies, LocalisedTexts) {
  ExpectVerdicts({
      {"550 5.1.1 宛先のメールアドレスが見つかりません", kHard, v1::ADDRESS_NOT_FOUND},
      {"550 5.1.1 Der Empfänger ist unbekannt", kHard, v1::ADDRESS_NOT_FOUND},
      {"550 Le destinataire est inconnu", kHard, v1::ADDRESS_NOT_FOUND},
      {"552 5.2.2 Postfach voll", kHard, v1::MAILBOX_FULL},
      {"550 Пользователь не найден", kHard, v1::ADDRESS_NOT_FOUND},
      {"550 收件人不存在", kHard, v1::ADDRESS_NOT_FOUND},
      {"550 El usuario no existe", kHard, v1::ADDRESS_NOT_FOUND},
  });
}

}  // namespace
}  // namespace suppressd
