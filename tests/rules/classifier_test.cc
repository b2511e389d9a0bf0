#include "server/bounces/rules/classifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"

namespace suppressd {
namespace {

using ::testing::StartsWith;

const Classifier& BuiltIn() {
  static const Classifier& classifier = *Classifier::BuiltIn()->release();
  return classifier;
}

v1::Verdict Classify(absl::string_view text, int code = 0,
                     v1::SmtpReply::Stage stage = v1::SmtpReply::STAGE_UNSPECIFIED) {
  v1::SmtpReply reply;
  reply.set_text(std::string(text));
  reply.set_code(code);
  reply.set_stage(stage);
  return BuiltIn().Classify(reply);
}

TEST(Classify, EveryVerdictNamesRuleAndVersion) {
  for (const char* text : {"", "550 5.1.1 User unknown", "550 what is this", "250 ok"}) {
    const v1::Verdict verdict = Classify(text);
    EXPECT_NE(verdict.rule_id(), "") << text;
    EXPECT_EQ(verdict.rule_set_version(), BuiltIn().version()) << text;
    EXPECT_NE(verdict.bounce_class(), v1::Verdict::CLASS_UNSPECIFIED) << text;
  }
  EXPECT_THAT(BuiltIn().version(), StartsWith("builtin-"));
}

TEST(Classify, WhatNoRuleKnowsIsUndetermined) {
  for (const char* text : {"550 plugh", "450 plugh", "plugh", ""}) {
    const v1::Verdict verdict = Classify(text);
    EXPECT_EQ(verdict.bounce_class(), v1::Verdict::SOFT) << text;
    EXPECT_EQ(verdict.reason(), v1::UNDETERMINED) << text;
    EXPECT_EQ(verdict.rule_id(), "reply.unmatched") << text;
  }
}

TEST(Classify, SuccessIsNoBounceWhateverItsTextSays) {
  EXPECT_EQ(Classify("user unknown", 250).bounce_class(), v1::Verdict::NOT_A_BOUNCE);
  EXPECT_EQ(Classify("354 go on").bounce_class(), v1::Verdict::NOT_A_BOUNCE);
}

TEST(Classify, CodeAloneIsEnough) {
  v1::SmtpReply reply;
  reply.set_code(550);
  reply.set_enhanced_code("5.1.1");
  EXPECT_EQ(BuiltIn().Classify(reply).reason(), v1::ADDRESS_NOT_FOUND);
}

TEST(Classify, EvidenceIsPartOfTheTextAndBounded) {
  const v1::Verdict verdict = Classify("550 5.1.1 <Some.One@example.com>...   User\r\n unknown");
  EXPECT_EQ(verdict.evidence(), "User unknown");
  EXPECT_EQ(verdict.code(), 550);
  EXPECT_EQ(verdict.enhanced_code(), "5.1.1");
  EXPECT_LE(Classify("550 user " + std::string(5000, 'x') + " does not exist").evidence().size(), 256u);
}

TEST(Classify, WhatAMailboxIsCalledDoesNotDecide) {
  const v1::Verdict verdict = Classify("550 <no.such.user-spam-blacklisted@mailbox-full.example.com> plugh");
  EXPECT_EQ(verdict.rule_id(), "reply.unmatched");
}

TEST(Classify, TextAgainstCodeTakesTheLessSevereAndSaysSo) {
  const v1::Verdict soft = Classify("450 5.1.1 User unknown");
  EXPECT_EQ(soft.bounce_class(), v1::Verdict::SOFT);
  EXPECT_TRUE(soft.conflict());
  const v1::Verdict full = Classify("550 5.1.1 mailbox is over quota");
  EXPECT_EQ(full.reason(), v1::MAILBOX_FULL);
  EXPECT_TRUE(full.conflict());
  const v1::Verdict sender = Classify("550 5.1.1 blocked using zen.spamhaus.org");
  EXPECT_EQ(sender.bounce_class(), v1::Verdict::SENDER_SIDE);
  EXPECT_TRUE(sender.conflict());
  EXPECT_FALSE(Classify("550 5.1.1 User unknown").conflict());
}

TEST(Classify, StageIsRecoveredFromTheText) {
  EXPECT_EQ(Classify("550 no (in reply to RCPT TO command)").stage(), v1::SmtpReply::RCPT);
  EXPECT_EQ(Classify("550 no (in reply to end of DATA command)").stage(), v1::SmtpReply::DATA);
  EXPECT_EQ(Classify("550 no (in reply to MAIL FROM command)").stage(), v1::SmtpReply::MAIL);
  EXPECT_EQ(Classify("SMTP error from remote mail server after initial connection: 554 no").stage(),
            v1::SmtpReply::CONNECT);
  EXPECT_EQ(Classify("550 no (in reply to RCPT TO command)", 0, v1::SmtpReply::MAIL).stage(), v1::SmtpReply::MAIL);
}

TEST(Classify, BeforeTheRecipientOnlyTextAboutTheRecipientCounts) {
  for (const auto stage : {v1::SmtpReply::CONNECT, v1::SmtpReply::EHLO, v1::SmtpReply::STARTTLS, v1::SmtpReply::AUTH,
                           v1::SmtpReply::MAIL}) {
    EXPECT_EQ(Classify("550 5.1.1 no", 0, stage).bounce_class(), v1::Verdict::SENDER_SIDE) << stage;
    EXPECT_EQ(Classify("550 plugh", 0, stage).bounce_class(), v1::Verdict::SENDER_SIDE) << stage;
  }
  EXPECT_EQ(Classify("550 5.1.1 Recipient address rejected: User unknown", 0, v1::SmtpReply::MAIL).reason(),
            v1::ADDRESS_NOT_FOUND);
}

TEST(FromYaml, TakesAnotherRuleSet) {
  const auto classifier = Classifier::FromYaml("mine", R"(
words: {plugh: 'plugh|xyzzy'}
recipient:
  - {id: a, match: ['hollow {{plugh}}'], class: HARD, reason: ADDRESS_NOT_FOUND}
)");
  ASSERT_TRUE(classifier.ok()) << classifier.status();
  v1::SmtpReply reply;
  reply.set_text("550 hollow xyzzy");
  EXPECT_EQ((*classifier)->Classify(reply).rule_id(), "a");
  EXPECT_THAT((*classifier)->version(), StartsWith("mine-"));
}

struct BadFile {
  const char* fact;
  std::string yaml;
  const char* error;
};

class RefusedRules : public testing::TestWithParam<BadFile> {};

TEST_P(RefusedRules, SaysWhereAndWhat) {
  const auto classifier = Classifier::FromYaml("r.yaml", GetParam().yaml);
  ASSERT_FALSE(classifier.ok());
  EXPECT_EQ(classifier.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(classifier.status().message()), StartsWith(GetParam().error));
}

INSTANTIATE_TEST_SUITE_P(
    Table, RefusedRules,
    testing::Values(
        BadFile{"NotYaml", "a: [", "r.yaml:1: "},
        BadFile{"UnknownKey", "\nrules: []", "r.yaml:2: unknown key \"rules\""},
        BadFile{"LayerIsNoList", "sender: 1", "r.yaml:1: sender is not a list"},
        BadFile{"NoId", "sender:\n  - {match: a, class: SENDER_SIDE}", "r.yaml:2: a rule needs an id"},
        BadFile{"NoClass", "sender:\n  - {id: a, match: a}", "r.yaml:2: a rule needs a class"},
        BadFile{"NoReason", "sender:\n  - {id: a, match: a, class: HARD}", "r.yaml:2: HARD and SOFT need a reason"},
        BadFile{"ReasonTooMany", "sender: [{id: a, match: a, class: SENDER_SIDE, reason: MAILBOX_FULL}]",
                "r.yaml:1: HARD"},
        BadFile{"HardUndetermined", "sender: [{id: a, match: a, class: HARD, reason: UNDETERMINED}]",
                "r.yaml:1: what is"},
        BadFile{"NoCondition", "sender: [{id: a, class: SENDER_SIDE}]", "r.yaml:1: a rule needs codes"},
        BadFile{"TextInCodeLayer", "enhanced: [{id: a, match: a, class: SENDER_SIDE}]",
                "r.yaml:1: rules of this layer"},
        BadFile{"TwiceTheSameId",
                "sender:\n  - {id: a, match: a, class: SENDER_SIDE}\n  - {id: a, match: b, class: SENDER_SIDE}",
                "r.yaml:3: rule \"a\" stands twice"},
        BadFile{"BadPattern", "sender:\n  - {id: a, match: '(', class: SENDER_SIDE}", "r.yaml:2: pattern /(/"},
        BadFile{"EmptyPattern", "sender: [{id: a, match: '', class: SENDER_SIDE}]", "r.yaml:1: an empty pattern"},
        BadFile{"UnknownWord", "sender: [{id: a, match: '{{x}}', class: SENDER_SIDE}]", "r.yaml:1: unknown word \"x\""},
        BadFile{"UnknownFamily", "sender: [{id: a, match: x, mta: y, class: SENDER_SIDE}]", "r.yaml:1: unknown family"},
        BadFile{"UnknownStage", "sender: [{id: a, stages: y, class: SENDER_SIDE}]", "r.yaml:1: unknown stage"},
        BadFile{"BadCode", "sender: [{id: a, codes: 250, class: SENDER_SIDE}]",
                "r.yaml:1: \"250\" is not a reply code"},
        BadFile{"BadEnhancedCode", "sender: [{id: a, enhanced: 5.1, class: SENDER_SIDE}]", "r.yaml:1: \"5.1\" is not"}),
    [](const auto& row) { return row.param.fact; });

TEST(ClassifyComplaint, KnowsTheTypesOfRfc5965) {
  const auto class_of = [](const char* type) {
    v1::Complaint complaint;
    complaint.set_feedback_type(type);
    const auto verdict = ClassifyComplaint(complaint);
    return verdict.ok() ? verdict->bounce_class() : v1::Verdict::CLASS_UNSPECIFIED;
  };
  for (const char* type : {"", "abuse", "ABUSE", " fraud ", "opt-out", "opt-out-list"}) {
    EXPECT_EQ(class_of(type), v1::Verdict::COMPLAINT) << type;
  }
  for (const char* type : {"auth-failure", "dmarc", "virus", "not-spam", "Not-Spam"}) {
    EXPECT_EQ(class_of(type), v1::Verdict::NOT_A_BOUNCE) << type;
  }
}

TEST(ClassifyComplaint, RefusesAnUnknownType) {
  v1::Complaint complaint;
  complaint.set_feedback_type("other");
  EXPECT_EQ(ReasonOf(ClassifyComplaint(complaint).status()), v1::UNKNOWN_FEEDBACK_TYPE);
}

}  // namespace
}  // namespace suppressd
