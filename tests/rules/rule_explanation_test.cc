#include "server/bounces/rules/rule_explanation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "server/bounces/rules/code_rules.h"
#include "server/bounces/rules/rule_set.h"

namespace suppressd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const Classifier& BuiltIn() {
  static const Classifier& classifier = *Classifier::BuiltIn()->release();
  return classifier;
}

const Classifier& Mine() {
  static const Classifier& classifier = *BuiltIn()
                                             .WithUserRules("rules.yaml", R"(
words: {closed: 'closed|gone'}
provider:
  - id: mine.closed
    codes: [550, 55x]
    enhanced: [5.7.606-649, 5.2.x]
    stages: [RCPT, unknown]
    mta: [google, microsoft]
    match: ['account {{closed}}', 'nobody here']
    unless: ['maybe']
    class: HARD
    reason: MAILBOX_INACTIVE
    needs_permanent_code: true
    source: "a provider's page\nand a call"
    examples:
      - {reply: 'account closed', code: 550, enhanced: 5.2.1, mta: aspmx.l.google.com, stage: RCPT}
      - {reply: '550 4.2.1 account gone', enhanced: 5.2.1, mta: aspmx.l.google.com, class: SOFT}
    not_examples: ['550 5.2.1 account maybe closed']
)")
                                             ->release();
  return classifier;
}

TEST(ExplainRule, SaysAllThatTheFileSays) {
  const auto text = ExplainRule(Mine(), "mine.closed");
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text, R"(rule          mine.closed
layer         provider: one provider's codes and wording, or wording of narrow scope
file          rules.yaml:4
codes         550, 55x
enhanced      5.7.606-649, 5.2.x
stages        unknown, RCPT
mta           google, microsoft
match any of  account {{closed}}
              nobody here
but none of   maybe
verdict       HARD MAILBOX_INACTIVE
              becomes SOFT when a code says 4xx
              becomes SOFT unless a code says 5xx
source        a provider's page and a call
examples      account closed  (code 550, enhanced 5.2.1, stage RCPT, mta aspmx.l.google.com)
              550 4.2.1 account gone  (enhanced 5.2.1, mta aspmx.l.google.com, gives SOFT MAILBOX_INACTIVE)
not examples  550 5.2.1 account maybe closed
)");
}

TEST(ExplainRule, KnowsEveryRuleThatAVerdictCanName) {
  for (const Rule& rule : BuiltIn().rules().rules) {
    const auto text = ExplainRule(BuiltIn(), rule.id);
    ASSERT_TRUE(text.ok()) << rule.id;
    EXPECT_THAT(*text, HasSubstr("builtin:")) << rule.id;
    EXPECT_THAT(*text, HasSubstr("\nsource  ")) << rule.id;
  }
  for (const char* id : {"reply.success", "reply.unmatched", "engine.out_of_memory", "dsn.not_failed",
                         "complaint.unknown_type", "provider.ses.no_email"}) {
    EXPECT_TRUE(ExplainRule(BuiltIn(), id).ok()) << id;
  }
  for (const char* type : {"abuse", "fraud", "opt-out", "opt-out-list", "auth-failure", "dmarc", "virus", "not-spam"}) {
    v1::Complaint complaint;
    complaint.set_feedback_type(type);
    const auto verdict = ClassifyComplaint(complaint);
    ASSERT_TRUE(verdict.ok()) << type;
    const auto text = ExplainRule(BuiltIn(), verdict->rule_id());
    ASSERT_TRUE(text.ok()) << type;
    EXPECT_THAT(*text, HasSubstr("verdict       " + v1::Verdict::Class_Name(verdict->bounce_class()))) << type;
  }
}

TEST(ExplainRule, AnUnknownIdIsNotFoundAndGetsTheNearest) {
  const absl::Status unknown = ExplainRule(Mine(), "mine.close").status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(unknown.message(), "there is no rule with this id; the nearest: mine.closed");
  EXPECT_THAT(std::string(ExplainRule(Mine(), "engine").status().message()), HasSubstr("engine.out_of_memory"));
  EXPECT_THAT(std::string(ExplainRule(Mine(), "").status().message()), Not(HasSubstr("nearest")));
  EXPECT_THAT(std::string(ExplainRule(Mine(), "$").status().message()), Not(HasSubstr("nearest")));
}

TEST(ListRules, HasALineForEachRuleInTheOrderInWhichTheyAreAsked) {
  const std::string list = ListRules(Mine());
  EXPECT_EQ(static_cast<size_t>(std::count(list.begin(), list.end(), '\n')),
            Mine().rules().rules.size() + CodeRules().size());
  EXPECT_THAT(list, HasSubstr("mine.closed                           provider   HARD MAILBOX_INACTIVE\n"));
  EXPECT_THAT(list, HasSubstr("reply.unmatched                       code       SOFT UNDETERMINED\n"));
  EXPECT_LT(list.find("\nmine.closed "), list.find("\nblocked.by_recipient "));
  EXPECT_LT(list.find("notice.delay "), list.find("\nmine.closed "));
}

}  // namespace
}  // namespace suppressd
