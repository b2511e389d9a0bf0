// What is counted of the list itself: what checks found, what reports were taken for, what was done by hand.
#pragma once

#include <array>

#include "absl/status/status.h"
#include "common/counters.h"
#include "suppressd/v1/bounce.pb.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// Thread-safe.
class ListMetrics {
 public:
  static constexpr int kAnswers = v1::IsSuppressedResponse::Answer_ARRAYSIZE;
  static constexpr int kClasses = v1::Verdict::Class_ARRAYSIZE;
  static constexpr int kReasons = v1::BounceReason_ARRAYSIZE;
  static constexpr int kEffects = v1::BounceEvent::Effect_ARRAYSIZE;

  void Checked(const absl::Status& status, const v1::IsSuppressedResponse& response) {
    lookups_.Add(status.ok() ? Known(response.answer()) : v1::IsSuppressedResponse::FAILED);
  }
  void Checked(const v1::BatchIsSuppressedResponse& response) {
    std::array<int64_t, kAnswers> answers{};
    for (const int answer : response.answers()) ++answers[static_cast<size_t>(Known(answer))];
    for (int i = 0; i < kAnswers; ++i) {
      if (answers[static_cast<size_t>(i)] > 0) lookups_.Add(i, answers[static_cast<size_t>(i)]);
    }
  }
  void Reported(const v1::RecipientOutcome& outcome) {
    const int bounce_class = outcome.verdict().bounce_class();
    const int reason = outcome.verdict().reason();
    if (bounce_class < 0 || bounce_class >= kClasses || reason < 0 || reason >= kReasons) return;
    classified_.Add(bounce_class * kReasons + reason);
    if (outcome.effect() >= 0 && outcome.effect() < kEffects) effects_.Add(outcome.effect());
  }
  void SuppressedByHand() { by_hand_.Add(0); }
  void Reactivated() { by_hand_.Add(1); }

  int64_t lookups(int answer) const { return lookups_.Get(answer); }
  int64_t classified(int bounce_class, int reason) const { return classified_.Get(bounce_class * kReasons + reason); }
  int64_t effects(int effect) const { return effects_.Get(effect); }
  int64_t suppressed_by_hand() const { return by_hand_.Get(0); }
  int64_t reactivated() const { return by_hand_.Get(1); }

 private:
  static int Known(int answer) { return answer >= 0 && answer < kAnswers ? answer : 0; }

  Counters<kAnswers> lookups_;
  Counters<kClasses * kReasons> classified_;
  Counters<kEffects> effects_;
  Counters<2> by_hand_;
};

}  // namespace suppressd
