// Rules of one's own above the built-in ones: what they can do, and which files are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "server/bounces/rules/classifier.h"
#include "server/bounces/rules/rule_set.h"

namespace suppressd {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

const Classifier& BuiltIn() {
  static const Classifier& classifier = *Classifier::BuiltIn()->release();
  return classifier;
}

// A small set to put files above.
const Classifier& Base() {
  static const Classifier& classifier = *Classifier::FromYaml("base", R"(
words: {gone: 'left|moved'}
families: {acme: {mta: ['\.acme\.example$']}}
provider: [{id: p.acme, mta: acme, match: 'acme', class: SENDER_SIDE}]
sender: [{id: s.spam, match: spam, class: SENDER_SIDE}]
recipient:
  - {id: r.gone, match: '{{gone}}', class: HARD, reason: ADDRESS_NOT_FOUND}
  - {id: r.full, match: full, class: HARD, reason: MAILBOX_FULL}
enhanced: [{id: e.511, enhanced: 5.1.1, class: HARD, reason: ADDRESS_NOT_FOUND}]
)")
                                             ->release();
  return classifier;
}

std::unique_ptr<const Classifier> Above(const Classifier& base, const std::string& yaml) {
  auto both = base.WithUserRules("/etc/suppressd/rules.yaml", yaml);
  EXPECT_TRUE(both.ok()) << both.status();
  return both.ok() ? *std::move(both) : nullptr;
}

v1::Verdict Classify(const Classifier& classifier, const std::string& text, const std::string& mta = "") {
  v1::SmtpReply reply;
  reply.set_text(text);
  reply.set_remote_mta(mta);
  return classifier.Classify(reply);
}

std::string RuleOf(const Classifier& classifier, const std::string& text, const std::string& mta = "") {
  return Classify(classifier, text, mta).rule_id();
}

TEST(UserRules, AreAskedBeforeTheOtherRulesOfTheirLayerOnly) {
  const auto both = Above(Base(), R"(
recipient:
  - {id: mine.quota, match: 'disk full', class: SOFT, reason: MAILBOX_FULL, examples: ['550 disk full']}
)");
  EXPECT_EQ(RuleOf(*both, "550 disk full"), "mine.quota");
  EXPECT_EQ(RuleOf(*both, "550 full"), "r.full");
  EXPECT_EQ(RuleOf(*both, "550 spam, disk full"), "s.spam") << "an earlier layer";
}

TEST(UserRules, OverrideComesBeforeAllLayers) {
  const auto both = Above(Base(), R"(
override:
  - {id: mine.first, match: 'disk full', class: NOT_A_BOUNCE, examples: ['550 5.1.1 spam, disk full']}
)");
  EXPECT_EQ(RuleOf(*both, "550 5.1.1 spam, acme: disk full", "mx.acme.example"), "mine.first");
  EXPECT_FALSE(Classify(*both, "550 5.1.1 disk full").conflict()) << "no code contradicts it";
}

TEST(UserRules, CanUseTheWordsAndFamiliesBelowAndAddToThem) {
  const auto both = Above(Base(), R"(
words: {gone: '{{gone}}|parti', soon: 'bientôt'}
families: {acme: {mta: ['\.acme2\.example$']}, bolt: {text: ['bolt mail']}}
provider:
  - id: mine.bolt
    mta: bolt
    match: '{{gone}} {{soon}}'
    class: HARD
    reason: MAILBOX_INACTIVE
    examples: ['550 bolt mail: parti bientôt', '550 bolt mail: left bientôt']
    not_examples: ['550 left bientôt']
)");
  EXPECT_EQ(RuleOf(*both, "550 acme", "mx.acme2.example"), "p.acme") << "the family below is wider now";
  EXPECT_EQ(RuleOf(*both, "550 acme", "mx.acme.example"), "p.acme");
  EXPECT_EQ(RuleOf(*both, "550 parti"), "reply.unmatched") << "rules below keep their words";
}

TEST(UserRules, CanTeachHowATextNamesItsStage) {
  const auto both = Above(BuiltIn(), "stages: {RCPT: ['nach Empfängerangabe'], AUTH: 'beim Anmelden'}");
  EXPECT_EQ(Classify(*both, "550 nein (nach Empfängerangabe)").stage(), v1::SmtpReply::RCPT);
  EXPECT_EQ(Classify(*both, "550 no (in reply to RCPT TO command)").stage(), v1::SmtpReply::RCPT);
  EXPECT_EQ(Classify(*both, "550 nein, beim Anmelden").stage(), v1::SmtpReply::AUTH);
}

TEST(UserRules, ARuleWithAKnownIdReplacesThatRule) {
  const auto both = Above(Base(), R"(
recipient:
  - {id: r.full, match: voll, class: SOFT, reason: MAILBOX_FULL, examples: ['550 voll']}
)");
  EXPECT_EQ(RuleOf(*both, "550 full"), "reply.unmatched");
  EXPECT_EQ(RuleOf(*both, "550 voll"), "r.full");
  EXPECT_EQ(both->rules().rules.size(), Base().rules().rules.size());
}

TEST(UserRules, ARuleCanBeSwitchedOff) {
  const auto both = Above(Base(), "off: [s.spam, e.511]");
  EXPECT_EQ(RuleOf(*both, "550 spam"), "reply.unmatched");
  EXPECT_EQ(RuleOf(*both, "550 5.1.1"), "reply.unmatched");
  EXPECT_EQ(both->FindRule("s.spam"), nullptr);
  EXPECT_NE(Base().FindRule("s.spam"), nullptr);
}

TEST(UserRules, AnEmptyFileChangesNothingButTheVersion) {
  const auto both = Above(Base(), "");
  EXPECT_EQ(RuleOf(*both, "550 full"), "r.full");
  EXPECT_NE(both->version(), Base().version());
}

TEST(UserRules, TheVersionNamesBothFiles) {
  const std::string version = Above(BuiltIn(), "off: [notice.challenge]")->version();
  EXPECT_THAT(version, MatchesRegex("builtin-[0-9a-f]{16}\\+rules-[0-9a-f]{16}"));
  EXPECT_THAT(version, StartsWith(BuiltIn().version() + "+"));
  EXPECT_NE(version, Above(BuiltIn(), "off: [notice.delay]")->version());
  const auto odd = Base().WithUserRules("dir.d/a b\xC3\xA9\n.yaml", "");
  EXPECT_THAT((*odd)->version(), MatchesRegex("base-[0-9a-f]{16}\\+a_b___-[0-9a-f]{16}"));
}

TEST(UserRules, EveryBuiltInRuleCanBeSwitchedOff) {
  std::string yaml = "off:\n";
  for (const Rule& rule : BuiltIn().rules().rules) absl::StrAppend(&yaml, "  - ", rule.id, "\n");
  EXPECT_EQ(RuleOf(*Above(BuiltIn(), yaml), "550 5.1.1 user unknown"), "reply.unmatched");
}

struct BadFile {
  const char* fact;
  std::string yaml;
  const char* error;
};

class RefusedUserRules : public testing::TestWithParam<BadFile> {};

TEST_P(RefusedUserRules, SayWhereAndWhat) {
  const auto both = Base().WithUserRules("u.yaml", GetParam().yaml);
  ASSERT_FALSE(both.ok());
  EXPECT_EQ(both.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(both.status().message()), StartsWith(GetParam().error));
}

// A rule of layer sender whose pattern and examples are given.
std::string Sender(const std::string& match, const std::string& examples) {
  return "sender:\n  - id: mine\n    match: '" + match + "'\n    class: SENDER_SIDE\n" + examples;
}

INSTANTIATE_TEST_SUITE_P(
    Table, RefusedUserRules,
    testing::Values(
        BadFile{"NoExample", Sender("junk", ""), "u.yaml:2: rule mine has no example"},
        BadFile{"NotExamplesAreNoExamples", Sender("junk", "    not_examples: [a]"), "u.yaml:2: rule mine has no"},
        BadFile{"ExampleTakenByAnEarlierLayer",
                "recipient:\n  - id: mine\n    match: junk\n    class: HARD\n    reason: MAILBOX_FULL\n"
                "    examples:\n      - 550 junk\n      - 550 spam junk",
                "u.yaml:8: example of rule mine is taken by rule s.spam instead"},
        BadFile{"ExampleTakenByTheFilesOwnRule",
                "override: [{id: first, match: junk, class: SENDER_SIDE, examples: [junk]}]\n" +
                    Sender("junk", "    examples: [550 junk]"),
                "u.yaml:6: example of rule mine is taken by rule first instead"},
        BadFile{"ExampleThatNothingMatches", Sender("junk", "    examples: [550 jnuk]"),
                "u.yaml:5: example of rule mine is taken by rule reply.unmatched instead"},
        BadFile{"ExampleThatIsASuccess", Sender("junk", "    examples: [250 junk]"),
                "u.yaml:5: example of rule mine is taken by rule reply.success instead"},
        BadFile{"ExampleWithAnotherVerdict",
                "recipient: [{id: m, match: voll, class: HARD, reason: MAILBOX_FULL, examples: [450 voll]}]",
                "u.yaml:1: example of rule m is SOFT MAILBOX_FULL, not HARD MAILBOX_FULL"},
        BadFile{"NotExampleThatMatches", Sender("junk", "    examples: [550 junk]\n    not_examples: [550 junk!]"),
                "u.yaml:6: not_example is taken by rule mine"},
        BadFile{"SecondProblemIsCounted", Sender("junk", "    examples: [550 a, 550 b, 550 junk]"),
                "u.yaml:5: example of rule mine is taken by rule reply.unmatched instead (and 1 more like this)"},
        BadFile{"OffUnknown", "off:\n  - s.spam\n  - s.pam", "u.yaml:3: there is no rule \"s.pam\""},
        BadFile{"OffTwice", "off: [s.spam, s.spam]", "u.yaml:1: rule \"s.spam\" is off twice"},
        BadFile{"OffNoList", "off: s.spam", "u.yaml:1: off is not a list"},
        BadFile{"OffAndDefined", "off: [mine]\n" + Sender("junk", "    examples: [550 junk]"),
                "u.yaml:1: rule \"mine\" is both here and off"},
        BadFile{"RuleDecidedInCode", "sender: [{id: reply.success, match: a, class: SENDER_SIDE}]",
                "u.yaml:1: \"reply.success\" is decided in code"},
        BadFile{"RuleOfAProvidersTable", "sender: [{id: provider.mine, match: a, class: SENDER_SIDE}]",
                "u.yaml:1: \"provider.mine\" is decided in code"},
        BadFile{"BadPatternAtItsLine",
                "sender:\n  - id: mine\n    class: SENDER_SIDE\n    match:\n      - a\n      - (\n    examples: [a]",
                "u.yaml:6: pattern /(/: missing )"},
        BadFile{"BadFamilyPattern", "families:\n  acme:\n    mta: '['", "u.yaml:3: pattern /[/: "},
        BadFile{"UnknownSection", "rules: []", "u.yaml:1: unknown key \"rules\""},
        BadFile{"NotUtf8", "a: b\n# \xFF", "u.yaml:2: not UTF-8"},
        BadFile{"TooLarge", std::string(1024 * 1024 + 1, '#'), "u.yaml:1: the file is larger than 1 MiB"},
        BadFile{"ExampleTooLong", Sender("junk", "    examples: ['" + std::string(16'385, 'a') + "']"),
                "u.yaml:5: an example longer than 16 KiB"}),
    [](const auto& row) { return row.param.fact; });

// Anchors make a small file say much.
TEST(UserRulesLimits, BoundsHoldForWhatAnchorsRepeat) {
  const auto refusal = [](const std::string& anchored, const std::string& use) {
    std::string yaml = "sender:\n";
    for (int i = 0; i < 4; ++i) {
      const std::string list = i == 0 ? "&x " + anchored : "*x";
      absl::StrAppend(&yaml, "  - {id: r", i, ", class: SENDER_SIDE, ", use, list, "}\n");
    }
    return std::string(Base().WithUserRules("u.yaml", yaml).status().message());
  };
  std::string many = "[";
  for (int i = 0; i < 9'999; ++i) many += "a,";
  many += "a]";
  EXPECT_THAT(refusal(many, "match: "), MatchesRegex("u.yaml:[0-9]+: more than 20,000 patterns"));
  EXPECT_THAT(refusal(many, "match: a, examples: "), MatchesRegex("u.yaml:[0-9]+: more than 20,000 examples"));
  EXPECT_THAT(refusal(many, "codes: "), HasSubstr("more than 100 codes"));
}

TEST(UserRulesLimits, PatternsThatNeedTooMuchMemoryAreRefused) {
  std::string yaml = "sender:\n";
  for (int i = 0; i < 40; ++i) {
    absl::StrAppend(&yaml, "  - {id: r", i, ", match: '(?:\\pL{30}", i, "){33}', class: SENDER_SIDE, examples: [a]}\n");
  }
  const auto both = Base().WithUserRules("u.yaml", yaml);
  EXPECT_EQ(both.status().message(), "u.yaml:1: the patterns need too much memory");
}

// The fenced YAML block of the document.
std::string ExampleInDocument() {
  std::ifstream file(RULES_DOC);
  std::stringstream text;
  text << file.rdbuf();
  const std::string document = text.str();
  const size_t begin = document.find("```yaml\n") + 8;
  return document.substr(begin, document.find("```", begin) - begin);
}

TEST(RulesDocument, ExampleDoesWhatItSays) {
  const auto both = Above(BuiltIn(), ExampleInDocument());
  ASSERT_NE(both, nullptr);
  EXPECT_EQ(RuleOf(*both, "550 5.1.1 relay07 is under maintenance"), "house.relay_maintenance");
  EXPECT_EQ(RuleOf(*both, "550 A17", "mx.acme-mail.example"), "acme.closed");
  EXPECT_EQ(Classify(*both, "607 spam reporting address").reason(), v1::BLOCKED_BY_RECIPIENT_SERVER);
  EXPECT_EQ(Classify(*both, "550 Empfänger ausgeschieden").bounce_class(), v1::Verdict::HARD);
  EXPECT_NE(BuiltIn().FindRule("notice.challenge"), nullptr);
  EXPECT_EQ(both->FindRule("notice.challenge"), nullptr);
}

}  // namespace
}  // namespace suppressd
