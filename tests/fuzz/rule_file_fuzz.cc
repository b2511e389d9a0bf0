// A file of rules above others is taken or refused with a place; what is taken holds what its examples say.
#include <cstddef>
#include <cstdint>

#include "server/bounces/rules/classifier.h"
#include "server/bounces/rules/rule_check.h"
#include "server/bounces/rules/rule_explanation.h"
#include "server/bounces/rules/rule_set.h"
#include "tests/fuzz/check.h"

using suppressd::Classifier;
namespace v1 = suppressd::v1;

namespace {

// A pattern of ten bytes can compile to a thousand instructions: size and budget together bound the time of one input.
constexpr size_t kFileMaxBytes = 2'000;
constexpr int64_t kMatcherBytes = int64_t{4} << 20;

// Small, so that an input is compiled quickly; with something of everything that a file can refer to.
constexpr char kBase[] = R"(
words: {gone: 'left|moved'}
families: {acme: {mta: ['\.acme\.example$'], text: ['acme mail']}}
stages: {RCPT: ['after rcpt'], DATA: ['after data']}
own: [{id: suppressd.refusal, match: '\[suppressd\]', class: NOT_A_BOUNCE}]
provider: [{id: p.acme, mta: acme, match: 'odd', class: SENDER_SIDE}]
sender: [{id: s.spam, match: spam, unless: spammer, class: SENDER_SIDE}]
recipient: [{id: r.gone, match: '{{gone}}', class: HARD, reason: ADDRESS_NOT_FOUND, decisive: true}]
stage: [{id: t.connect, stages: CONNECT, class: SENDER_SIDE}]
enhanced: [{id: e.511, enhanced: 5.1.1, class: HARD, reason: ADDRESS_NOT_FOUND}]
fallback: [{id: f.552, codes: 552, class: SOFT, reason: MAILBOX_FULL}]
)";

void CheckTaken(const Classifier& both, const Classifier& base) {
  FUZZ_CHECK(both.version().substr(0, base.version().size() + 1) == base.version() + "+");
  const auto classify = [&](const v1::SmtpReply& reply) { return both.Classify(reply); };
  FUZZ_CHECK(suppressd::FindRuleProblems(both.rules(), 1, classify).empty());
  suppressd::RuleLayer layer = suppressd::RuleLayer::kOwn;
  for (const suppressd::Rule& rule : both.rules().rules) {
    FUZZ_CHECK(layer <= rule.layer);
    layer = rule.layer;
    FUZZ_CHECK(both.FindRule(rule.id) == &rule);
    FUZZ_CHECK((rule.layer == suppressd::RuleLayer::kOwn) ==
               (rule.place.file == 0 && rule.id == suppressd::kRefusalRule));
    const auto text = suppressd::ExplainRule(both, rule.id);
    FUZZ_CHECK(text.ok() && !text->empty());
    for (const suppressd::RuleExample& example : rule.examples) {
      // Protobuf refuses strings that are not UTF-8 when it parses.
      v1::Verdict copy;
      FUZZ_CHECK(copy.ParseFromString(both.Classify(example.reply).SerializeAsString()));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Classifier& base = *Classifier::FromYaml("base", kBase, kMatcherBytes)->release();
  if (size > kFileMaxBytes) return 0;
  const auto both = base.WithUserRules("f", absl::string_view(reinterpret_cast<const char*>(data), size));
  if (both.ok()) {
    CheckTaken(**both, base);
  } else {
    FUZZ_CHECK(both.status().code() == absl::StatusCode::kInvalidArgument);
    FUZZ_CHECK(both.status().message().substr(0, 2) == "f:");
  }
  return 0;
}
