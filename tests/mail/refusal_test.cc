// Our own refusal is no news, wherever it is read.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/bounces/mail/bounce_mail.h"
#include "server/bounces/rules/classifier.h"
#include "server/bounces/rules/provider_event.h"
#include "server/bounces/rules/refusal_text.h"
#include "tests/mail/mails.h"

namespace suppressd {
namespace {

using ::testing::HasSubstr;

v1::Cause FullSince(int64_t seconds) {
  v1::Cause cause;
  cause.set_type(v1::Cause::HARD_BOUNCE);
  cause.set_reason(v1::MAILBOX_FULL);
  cause.mutable_first_event_at()->set_seconds(seconds);
  return cause;
}

constexpr int64_t kSince = 1'794'268'800;  // 2026-11-10

const Classifier& Rules() {
  static const Classifier* const kRules = Classifier::BuiltIn()->release();
  return *kRules;
}

std::string Refusal() {
  return absl::StrCat("550 5.1.1 <jo@example.com>: Recipient address rejected: ",
                      Rules().RefusalText(FullSince(kSince)));
}

v1::Verdict Classify(const Classifier& rules, const std::string& text, int code = 0, const std::string& enhanced = "") {
  v1::SmtpReply reply;
  reply.set_recipient("jo@example.com");
  reply.set_text(text);
  reply.set_code(code);
  reply.set_enhanced_code(enhanced);
  return rules.Classify(reply);
}

void ExpectOwn(const v1::Verdict& verdict) {
  EXPECT_EQ(v1::Verdict::Class_Name(verdict.bounce_class()), "NOT_A_BOUNCE");
  EXPECT_EQ(verdict.rule_id(), kRefusalRule);
  EXPECT_FALSE(verdict.conflict());
}

// The verdicts on all that a mail names.
void ExpectOwnOfAll(const std::string& mail) {
  v1::RawMessage message;
  message.set_content(mail);
  const auto report = ReadBounceMail(message, Rules());
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_FALSE(report->recipients.empty()) << mail;
  for (const ReportedRecipient& one : report->recipients) {
    EXPECT_EQ(one.recipient, "jo@example.com");
    ExpectOwn(one.event.verdict());
  }
}

TEST(Refusal, SaysWhyAndSinceWhen) {
  EXPECT_EQ(Rules().RefusalText(FullSince(kSince)), "suppressed: mailbox full, since 2026-11-10 [suppressd]");
  v1::Cause cause = FullSince(kSince);
  cause.set_type(v1::Cause::COMPLAINT);
  cause.set_reason(v1::BOUNCE_REASON_UNSPECIFIED);
  EXPECT_THAT(Rules().RefusalText(cause), HasSubstr("suppressed: complaint, since"));
}

TEST(Refusal, OfEveryCauseIsRecognisedWithAndWithoutTheMarker) {
  for (int type = v1::Cause::HARD_BOUNCE; type <= v1::Cause::MANUAL; ++type) {
    for (int reason = 0; reason < v1::BounceReason_ARRAYSIZE; ++reason) {
      v1::Cause cause = FullSince(kSince);
      cause.set_type(static_cast<v1::Cause::Type>(type));
      cause.set_reason(static_cast<v1::BounceReason>(reason));
      const std::string text = Rules().RefusalText(cause);
      ExpectOwn(Classify(Rules(), text));
      ExpectOwn(Classify(Rules(), absl::StrCat("550 5.1.1 ", text)));
      ExpectOwn(Classify(Rules(), absl::StrReplaceAll(text, {{" [suppressd]", ""}}), 554, "5.7.1"));
    }
  }
}

TEST(Refusal, IsRecognisedOnSeveralLinesAndBehindOtherWords) {
  ExpectOwn(Classify(Rules(),
                     "550-5.1.1 <jo@example.com>: Recipient address rejected:\r\n550-5.1.1 suppressed: mailbox\r\n"
                     "550 5.1.1 full, since 2026-11-10"));
  ExpectOwn(Classify(Rules(), "550 5.1.1 user unknown; no such user here [SUPPRESSD]"));
  EXPECT_EQ(Classify(Rules(), "552 5.2.2 mailbox full, since 2026-11-10").bounce_class(), v1::Verdict::HARD);
}

TEST(Refusal, InADeliveryStatusIsNoBounce) {
  const std::string status = absl::StrCat(
      "Final-Recipient: rfc822; jo@example.com\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.example.com\n"
      "Diagnostic-Code: smtp; ",
      Refusal(), "\n");
  ExpectOwnOfAll(Dsn("It failed.", status));
  // The diagnostic says less than the words.
  ExpectOwnOfAll(Dsn(absl::StrCat("<jo@example.com>: ", Refusal(), "\n"),
                     "Final-Recipient: rfc822; jo@example.com\nAction: failed\nStatus: 5.1.1\n"));
}

// As Postfix writes it about a recipient that the server behind it, or its own policy service, refused.
TEST(Refusal, OfOurOwnDoorBouncedByOurOwnPostfixIsNoBounce) {
  ExpectOwnOfAll(
      Dsn("This is the mail system at host mail.example.org.\n\n"
          "<jo@example.com>: host door.example.org[192.0.2.1] said: 550 5.1.1\n"
          "    <jo@example.com>: Recipient address rejected: suppressed: mailbox full,\n"
          "    since 2026-11-10 [suppressd] (in reply to RCPT TO command)\n",
          "Reporting-MTA: dns; mail.example.org\nArrival-Date: Tue, 10 Nov 2026 09:15:02 +0000 (UTC)\n\n"
          "Final-Recipient: rfc822; jo@example.com\nOriginal-Recipient: rfc822;jo@example.com\nAction: failed\n"
          "Status: 5.1.1\nRemote-MTA: dns; door.example.org\n"
          "Diagnostic-Code: smtp; 550 5.1.1 <jo@example.com>: Recipient address rejected:\n"
          "    suppressed: mailbox full, since 2026-11-10 [suppressd]\n"));
}

TEST(Refusal, InWordsIsNoBounce) {
  ExpectOwnOfAll(
      TextBounce(absl::StrCat("Your message could not be delivered.\n\n<jo@example.com>:\n", Refusal(), "\n")));
  ExpectOwnOfAll(TextBounce(
      "Hi. This is the qmail-send program at mail.example.org.\n"
      "I'm afraid I wasn't able to deliver your message to the following addresses.\n\n"
      "<jo@example.com>:\n192.0.2.1 does not like recipient.\n"
      "Remote host said: 550 5.1.1 <jo@example.com>: Recipient address rejected: suppressed: mailbox full, since "
      "2026-11-10\nGiving up on 192.0.2.1.\n"));
}

TEST(Refusal, OfOneRecipientSaysNothingOfTheOther) {
  v1::RawMessage message;
  message.set_content(
      Dsn("It failed.", absl::StrCat("Final-Recipient: rfc822; jo@example.com\nAction: failed\nStatus: 5.1.1\n"
                                     "Diagnostic-Code: smtp; ",
                                     Refusal(),
                                     "\n\nFinal-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.1.1\n"
                                     "Diagnostic-Code: smtp; 550 5.1.1 user unknown\n")));
  const auto report = ReadBounceMail(message, Rules());
  ASSERT_TRUE(report.ok() && report->recipients.size() == 2);
  ExpectOwn(report->recipients[0].event.verdict());
  EXPECT_EQ(report->recipients[1].event.verdict().bounce_class(), v1::Verdict::HARD);
}

TEST(Refusal, InAProvidersPayloadIsNoBounceWhateverTheProviderCallsIt) {
  const std::string ses = absl::StrCat(
      R"({"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bounceSubType":"NoEmail","feedbackId":"f",)"
      R"("bouncedRecipients":[{"emailAddress":"jo@example.com","status":"5.1.1","diagnosticCode":"smtp; )",
      Refusal(), R"("}]}})");
  const std::string sendgrid = absl::StrCat(R"([{"event":"dropped","email":"jo@example.com","reason":")", Refusal(),
                                            R"(","sg_event_id":"1"},{"event":"bounce","email":"jo@example.com",)"
                                            R"("status":"5.1.1","sg_event_id":"2","reason":")",
                                            Refusal(), R"("}])");
  for (const auto& [provider, payload] : {std::pair("ses", ses), std::pair("sendgrid", sendgrid)}) {
    v1::ProviderEvent event;
    event.set_provider(provider);
    event.set_payload(payload);
    const auto recipients = ReadProviderEvent(event, Rules());
    ASSERT_TRUE(recipients.ok()) << recipients.status();
    ASSERT_FALSE(recipients->empty());
    for (const ReportedRecipient& one : *recipients) ExpectOwn(one.event.verdict());
  }
}

TEST(Refusal, BeatsTheRulesOfAUser) {
  const auto rules = Rules().WithUserRules("u.yaml",
                                           "override:\n  - {id: mine.all, match: 'rejected', class: HARD, reason: "
                                           "ADDRESS_NOT_FOUND, examples: ['550 rejected']}\n");
  ASSERT_TRUE(rules.ok()) << rules.status();
  ExpectOwn(Classify(**rules, Refusal()));
}

TEST(Refusal, CanBeWordedByARuleFileThatIsThenRecognised) {
  const auto rules = Rules().WithUserRules(
      "u.yaml", "refusal: {marker: '(acme list)', text: 'we no longer mail this address ({reason}) {marker}'}\n");
  ASSERT_TRUE(rules.ok()) << rules.status();
  const std::string text = (*rules)->RefusalText(FullSince(kSince));
  EXPECT_EQ(text, "we no longer mail this address (mailbox full) (acme list)");
  ExpectOwn(Classify(**rules, absl::StrCat("550 5.1.1 ", text)));
  ExpectOwn(Classify(**rules, Refusal()));
  EXPECT_EQ(Classify(Rules(), absl::StrCat("550 5.1.1 ", text)).bounce_class(), v1::Verdict::HARD);
}

TEST(Refusal, ThatCouldNotBeRecognisedIsRefused) {
  const std::pair<std::string, std::string> files[] = {
      {"refusal: {marker: acme}", "u.yaml:1: marker is not 6 to 40 printable"},
      {"refusal: {marker: 'list@acme.example'}", "marker is not 6 to 40 printable"},
      {"refusal: {text: 'go away'}", "text does not hold {marker} once"},
      {"refusal: {text: '{marker} {marker}'}", "text does not hold {marker} once"},
      {"refusal: {text: '{marker} {address}'}", "text holds something else in braces"},
      {"refusal: {words: x}", "unknown key \"words\""},
      {"off: [suppressd.refusal]\nrefusal: {marker: '[acme]'}", "needs the rule suppressd.refusal"},
      {"own: [{id: a, match: x, class: SENDER_SIDE, examples: [x]}]", "unknown key \"own\""}};
  for (const auto& [file, problem] : files) {
    const auto rules = Rules().WithUserRules("u.yaml", file);
    ASSERT_FALSE(rules.ok()) << file;
    EXPECT_THAT(std::string(rules.status().message()), HasSubstr(problem)) << file;
  }
}

}  // namespace
}  // namespace suppressd
