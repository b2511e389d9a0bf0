// Every reply gets a complete verdict; every rule file is taken or refused with a place.
#include <cstddef>
#include <cstdint>

#include "server/bounces/rules/classifier.h"
#include "tests/fuzz/check.h"

using suppressd::Classifier;
namespace v1 = suppressd::v1;

namespace {

constexpr size_t kRuleFileMaxBytes = 2'000;

void CheckReply(const Classifier& classifier, absl::string_view input) {
  v1::SmtpReply reply;
  const size_t end = input.find('\n');
  reply.set_remote_mta(std::string(input.substr(0, end)));
  reply.set_text(std::string(end == absl::string_view::npos ? input : input.substr(end + 1)));
  const v1::Verdict verdict = classifier.Classify(reply);
  FUZZ_CHECK(verdict.bounce_class() != v1::Verdict::CLASS_UNSPECIFIED);
  FUZZ_CHECK(!verdict.rule_id().empty() && verdict.rule_id() != "engine.out_of_memory");
  FUZZ_CHECK(verdict.evidence().size() <= 256);
  const bool bounce = verdict.bounce_class() == v1::Verdict::HARD || verdict.bounce_class() == v1::Verdict::SOFT;
  FUZZ_CHECK(bounce == (verdict.reason() != v1::BOUNCE_REASON_UNSPECIFIED));
  // Protobuf refuses strings that are not UTF-8 when it parses.
  v1::Verdict copy;
  FUZZ_CHECK(copy.ParseFromString(verdict.SerializeAsString()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Classifier& classifier = *Classifier::BuiltIn()->release();
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  CheckReply(classifier, input);
  if (size > kRuleFileMaxBytes) return 0;
  const auto rules = Classifier::FromYaml("f", input);
  if (rules.ok()) {
    (*rules)->Classify(v1::SmtpReply());
  } else {
    FUZZ_CHECK(rules.status().message().substr(0, 2) == "f:");
  }
  return 0;
}
