// A policy file is taken or refused with a place; what is taken keeps the documented ranges.
#include <cstddef>
#include <cstdint>

#include "server/bounces/rules/policy.h"
#include "tests/fuzz/check.h"

using suppressd::Policy;
using suppressd::storage::v1::PolicyDecision;
namespace v1 = suppressd::v1;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto policy = Policy::FromYaml("f", absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!policy.ok()) {
    FUZZ_CHECK(policy.status().message().substr(0, 2) == "f:");
    return 0;
  }
  v1::Verdict verdict;
  for (int bounce_class = 0; bounce_class <= 5; ++bounce_class) {
    for (int reason = 0; reason <= 8; ++reason) {
      verdict.set_bounce_class(static_cast<v1::Verdict::Class>(bounce_class));
      verdict.set_reason(static_cast<v1::BounceReason>(reason));
      const PolicyDecision decision = (*policy)->Decide("shop", verdict);
      FUZZ_CHECK(decision.action() != PolicyDecision::ACTION_UNSPECIFIED);
      FUZZ_CHECK(decision.action() != PolicyDecision::COUNT ||
                 (decision.threshold_days() >= 1 && decision.threshold_days() <= decision.threshold_events() &&
                  decision.threshold_days() <= decision.window_days() && decision.lease_days() >= 1 &&
                  decision.lease_days() <= decision.lease_max_days()));
      const bool suppresses_nothing =
          bounce_class == v1::Verdict::SENDER_SIDE || bounce_class == v1::Verdict::NOT_A_BOUNCE;
      FUZZ_CHECK(!suppresses_nothing || decision.action() == PolicyDecision::RECORD);
    }
  }
  return 0;
}
