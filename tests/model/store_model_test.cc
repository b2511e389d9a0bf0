// Random commands against the store and against a model made of plain maps. The model says what docs/api.md promises in
// the simplest way that is right; the store must say the same after every step and after every reopening.
//
// SUPPRESSD_MODEL_SEED=N repeats a run, SUPPRESSD_MODEL_STEPS=N sets its length.
#include <gmock/gmock.h>

#include <cstdlib>
#include <map>
#include <random>
#include <tuple>

#include "storage/entry.h"
#include "storage/store.h"
#include "tests/testing/apply.h"
#include "tests/testing/commands.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

// What is known of one cause.
struct ModelCause {
  bool reactivated = false;
  int64_t expires_at = 0;  // zero: never
  int64_t last_event_at = 0;
  int events = 0;

  bool CountsAt(int64_t now) const { return !reactivated && (expires_at == 0 || now < expires_at); }
};

using CauseId = std::tuple<v1::Cause::Type, v1::BounceReason, std::string>;

struct ModelEntry {
  std::map<CauseId, ModelCause> causes;
  int64_t bounces_reactivated_at = 0;
  int64_t consent_at = 0;
  int64_t listed_at = 0;
  int bounce_events = 0;

  bool CountsAt(int64_t now) const {
    for (const auto& [id, cause] : causes) {
      if (cause.CountsAt(now)) return true;
    }
    return false;
  }
};

class Model {
 public:
  std::map<std::string, ModelEntry> entries;

  void Bounce(const std::string& address, v1::BounceReason reason, int expires_days, int64_t now, int64_t sent) {
    ModelEntry& entry = entries[address];
    ++entry.bounce_events;
    if (entry.bounces_reactivated_at != 0 && sent <= entry.bounces_reactivated_at) return;
    Add(&entry, {v1::Cause::HARD_BOUNCE, reason, ""}, expires_days == 0 ? 0 : now + expires_days * kMicrosPerDay, true,
        now);
  }
  void Complain(const std::string& address, const std::string& stream, int64_t now) {
    ModelEntry& entry = entries[address];
    ++entry.bounce_events;
    if (entry.consent_at != 0 && now <= entry.consent_at) return;
    Add(&entry, {v1::Cause::COMPLAINT, v1::BOUNCE_REASON_UNSPECIFIED, stream}, 0, true, now);
  }
  void Suppress(const std::string& address, int64_t expires_at, int64_t now) {
    Add(&entries[address], {v1::Cause::MANUAL, v1::BOUNCE_REASON_UNSPECIFIED, ""}, expires_at, false, now);
  }
  void ReactivateBounces(const std::string& address, int64_t now) {
    const auto found = entries.find(address);
    if (found == entries.end()) return;
    for (auto& [id, cause] : found->second.causes) {
      if (std::get<0>(id) != v1::Cause::HARD_BOUNCE || !cause.CountsAt(now)) continue;
      cause.reactivated = true;
      found->second.bounces_reactivated_at = now;
    }
  }
  void ReactivateComplaints(const std::string& address, int64_t consent, int64_t now) {
    const auto found = entries.find(address);
    if (found == entries.end()) return;
    std::vector<ModelCause*> lifted;
    for (auto& [id, cause] : found->second.causes) {
      if (std::get<0>(id) != v1::Cause::COMPLAINT || !cause.CountsAt(now)) continue;
      if (consent <= cause.last_event_at) return;
      lifted.push_back(&cause);
    }
    for (ModelCause* cause : lifted) cause->reactivated = true;
    if (!lifted.empty()) found->second.consent_at = std::max(found->second.consent_at, consent);
  }

 private:
  static void Add(ModelEntry* entry, const CauseId& id, int64_t expires_at, bool keep_later, int64_t now) {
    const bool suppressed = entry->CountsAt(now);
    ModelCause& cause = entry->causes[id];
    const bool counted = cause.events > 0 && cause.CountsAt(now);
    if (!keep_later || expires_at == 0 || !counted || (cause.expires_at != 0 && cause.expires_at < expires_at)) {
      cause.expires_at = expires_at;
    }
    cause.reactivated = false;
    cause.last_event_at = now;
    ++cause.events;
    if (!suppressed && entry->CountsAt(now)) entry->listed_at = now;
  }
};

class StoreModelTest : public ::testing::Test {
 protected:
  void Open() {
    store_.reset();
    StoreOptions options;
    options.path = directory_ / "data";
    options.change_log_max_age_days = 3'650;
    auto store = Store::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  std::string RandomAddress() {
    return "u" + std::to_string(random_() % 60) + "@" + (random_() % 3 == 0 ? "example.org" : "example.com");
  }

  // Makes one random command for store and model.
  stored::Command RandomCommand() {
    const std::string address = RandomAddress();
    const v1::BounceReason reason = random_() % 2 == 0 ? v1::ADDRESS_NOT_FOUND : v1::MAILBOX_FULL;
    const int expires_days = reason == v1::MAILBOX_FULL ? 30 : 0;
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2:
        model_.Bounce(address, reason, expires_days, now_, now_);
        return ReportCommand(address, EventOf(v1::Verdict::HARD, reason, now_), SuppressDecision(expires_days), now_);
      case 3: {
        const int64_t sent = now_ - static_cast<int64_t>(random_() % 10) * kMicrosPerDay;
        model_.Bounce(address, reason, expires_days, now_, sent);
        v1::BounceEvent event = EventOf(v1::Verdict::HARD, reason, now_);
        *event.mutable_mail_sent_at() = FromMicros(sent);
        return ReportCommand(address, event, SuppressDecision(expires_days), now_);
      }
      case 4: {
        const std::string stream = random_() % 2 == 0 ? "" : "marketing";
        model_.Complain(address, stream, now_);
        v1::BounceEvent event = EventOf(v1::Verdict::COMPLAINT, v1::BOUNCE_REASON_UNSPECIFIED, now_);
        event.set_stream(stream);
        return ReportCommand(address, event, SuppressDecision(), now_);
      }
      case 5: {
        const int64_t expires =
            random_() % 2 == 0 ? 0 : now_ + static_cast<int64_t>(1 + random_() % 20) * kMicrosPerDay;
        model_.Suppress(address, expires, now_);
        stored::Command command = SuppressCommand(address, v1::Cause::MANUAL, now_);
        if (expires != 0) *command.mutable_suppress()->mutable_cause()->mutable_expires_at() = FromMicros(expires);
        return command;
      }
      case 6:
        model_.ReactivateBounces(address, now_);
        return ReactivateCommand(address, now_);
      default: {
        const int64_t consent = now_ - static_cast<int64_t>(random_() % 5) * kMicrosPerDay;
        model_.ReactivateComplaints(address, consent, now_);
        stored::Command command = ReactivateCommand(address, now_);
        command.mutable_reactivate()->add_selectors()->set_type(v1::Cause::COMPLAINT);
        *command.mutable_reactivate()->mutable_consent()->mutable_obtained_at() = FromMicros(consent);
        return command;
      }
    }
  }

  void CompareEntry(const std::string& address) {
    const stored::Target target = TargetOf(address);
    Lookup found;
    ASSERT_TRUE(store_->reader().Get({"default", target.domain(), target.local_part()}, &found).ok());
    const auto expected = model_.entries.find(address);
    ASSERT_EQ(found.address.has_value(), expected != model_.entries.end()) << address;
    if (!found.address.has_value()) return;
    const v1::Suppression& suppression = found.address->suppression();
    std::map<CauseId, bool> actual, wanted;
    for (const v1::Cause& cause : suppression.causes()) {
      const CauseId id{cause.type(), cause.reason(), cause.stream()};
      actual[id] = StateAt(cause, now_) == v1::Cause::ACTIVE;
      EXPECT_EQ(cause.event_count(), expected->second.causes[id].events);
    }
    for (const auto& [id, cause] : expected->second.causes) wanted[id] = cause.CountsAt(now_);
    EXPECT_EQ(actual, wanted) << address;
    EXPECT_EQ(suppression.has_listed_at() ? ToMicros(suppression.listed_at()) : 0, expected->second.listed_at)
        << address;
    const auto events =
        store_->reader().ReadEvents({"default", target.domain(), target.local_part()}, *found.address, 1000);
    ASSERT_TRUE(events.ok());
    EXPECT_LE(static_cast<int>(events->size()), std::min(expected->second.bounce_events, kEventsPerEntryMax));
  }

  // The whole list, newest first, must be the model's.
  void CompareList() {
    std::vector<std::pair<int64_t, std::string>> wanted;
    for (const auto& [address, entry] : model_.entries) {
      if (entry.CountsAt(now_)) wanted.emplace_back(entry.listed_at, address);
    }
    std::sort(wanted.begin(), wanted.end(), std::greater<>());
    ListQuery query;
    query.tenant = "default";
    query.now_micros = now_;
    query.page_size = 7;
    std::vector<std::pair<int64_t, std::string>> actual;
    do {
      const auto page = store_->reader().List(query);
      ASSERT_TRUE(page.ok()) << page.status();
      for (const auto& suppression : page->suppressions) {
        actual.emplace_back(ToMicros(suppression.listed_at()), suppression.address());
      }
      query.after_key = page->next_after_key;
      query.first_revision = page->first_revision;
    } while (!query.after_key.empty());
    EXPECT_EQ(actual, wanted);
    const auto counts = store_->reader().Count(query, [] { return false; });
    ASSERT_TRUE(counts.ok()) << counts.status();
    EXPECT_EQ(counts->total, static_cast<int64_t>(wanted.size()));
  }

  TempDirectory directory_;
  std::unique_ptr<Store> store_;
  Model model_;
  std::mt19937_64 random_;
  int64_t now_ = Day(0);
};

TEST_F(StoreModelTest, RandomCommandsGiveWhatTheModelSays) {
  const char* seed_text = std::getenv("SUPPRESSD_MODEL_SEED");
  const char* steps_text = std::getenv("SUPPRESSD_MODEL_STEPS");
  const uint64_t seed = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : std::random_device()();
  const int steps = steps_text != nullptr ? std::atoi(steps_text) : SUPPRESSD_SANITIZED ? 3'000 : 10'000;
  std::printf("SUPPRESSD_MODEL_SEED=%llu SUPPRESSD_MODEL_STEPS=%d\n", static_cast<unsigned long long>(seed), steps);
  random_.seed(seed);
  Open();
  uint64_t replayed = 0;
  for (int step = 0; step < steps && !HasFailure(); ++step) {
    now_ += 1 + static_cast<int64_t>(random_() % (kMicrosPerDay / 8));
    std::vector<stored::Command> commands;
    for (uint64_t i = 0, count = 1 + random_() % 3; i < count; ++i, ++now_) commands.push_back(RandomCommand());
    ASSERT_TRUE(ApplyTo(*store_, commands).ok());
    --now_;
    replayed += commands.size();
    for (const stored::Command& command : commands) {
      const stored::Target& target = command.has_report()     ? command.report().recipients(0).target()
                                     : command.has_suppress() ? command.suppress().target()
                                                              : command.reactivate().target();
      CompareEntry(target.local_part() + "@" + target.domain());
    }
    CompareEntry(RandomAddress());
    if (step % 500 == 499) {
      Open();
      for (const auto& [address, entry] : model_.entries) CompareEntry(address);
      CompareList();
      EXPECT_EQ(store_->head().head(), replayed);
    }
  }
}

}  // namespace
}  // namespace suppressd
