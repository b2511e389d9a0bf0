// What every commit log must do (storage/log/commit_log.h), as tests. A log passes them by a harness of its own and one
// line in one test binary:
//
//   INSTANTIATE_TEST_SUITE_P(Local, CommitLogConformance, ::testing::Values(LogFactory{"one", MakeLocalHarness}),
//   NameOf);
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/error.h"
#include "storage/store.h"
#include "tests/testing/commands.h"

namespace suppressd {

// One log with its servers, each of which has a store of its own; all are started. For one thread, but for log().
class LogHarness {
 public:
  virtual ~LogHarness() = default;
  virtual int servers() const = 0;
  virtual CommitLog& log(int server) = 0;
  // Of a server that runs.
  virtual Store& store(int server) = 0;
  // Does the next thing of a log that does nothing by itself. False: nothing is left to do, or it runs by itself.
  virtual bool Step() { return false; }
  void StepAll() {
    while (Step()) continue;
  }
  // Whether it does everything in Step.
  virtual bool is_stepped() const { return false; }
  // While held, nothing is applied on the server.
  virtual void Hold(int server) = 0;
  virtual void Release(int server) = 0;
  // The server, which may be held, ends without notice: all of its appends are answered, as unknown or not appended
  // where the outcome was not told before. Its store is opened again, and it goes on from the position that it holds.
  virtual void Crash(int server) = 0;
  // The log of the server was closed: the same.
  virtual void Restart(int server) = 0;
  // Most appends of a server that are not answered.
  virtual size_t unanswered_max() const = 0;
};

// A kind of log, for INSTANTIATE_TEST_SUITE_P.
struct LogFactory {
  std::string name;
  std::function<std::unique_ptr<LogHarness>()> make;
};

inline std::string NameOf(const ::testing::TestParamInfo<LogFactory>& info) {
  return info.param.name;
}

inline void PrintTo(const LogFactory& factory, std::ostream* out) {
  *out << factory.name;
}

// What became of some appends. Thread-safe; may be gone before all are answered.
class Outcomes {
 public:
  // For the next append; its outcome is the last of results() then.
  CommitLog::Done Next() {
    absl::MutexLock lock(&state_->mutex);
    const size_t index = state_->results.size();
    state_->results.emplace_back();
    state_->times.push_back(0);
    return [state = state_, index](AppendResult result) {
      absl::MutexLock done_lock(&state->mutex);
      state->results[index] = std::move(result);
      ++state->times[index];
      ++state->answered;
    };
  }
  bool AllAnswered() const {
    absl::MutexLock lock(&state_->mutex);
    return state_->AllAnswered();
  }
  void WaitForAll(LogHarness& harness) const {
    harness.StepAll();
    if (harness.is_stepped()) {
      ASSERT_TRUE(AllAnswered()) << "nothing is left to do, and someone waits";
      return;
    }
    absl::MutexLock lock(&state_->mutex, absl::Condition(state_.get(), &State::AllAnswered));
  }
  // When all are answered: what became of each, and how many times its caller was told.
  const std::vector<AppendResult>& results() const { return state_->results; }
  const std::vector<int>& times() const { return state_->times; }

 private:
  struct State {
    bool AllAnswered() const { return answered >= results.size(); }

    absl::Mutex mutex;
    std::vector<AppendResult> results;
    std::vector<int> times;
    size_t answered = 0;
  };

  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

class CommitLogConformance : public ::testing::TestWithParam<LogFactory> {
 protected:
  CommitLogConformance() : harness_(GetParam().make()) {}

  int last() const { return harness_->servers() - 1; }
  // The server that makes the append of this number.
  int ServerOf(int number) const { return number % harness_->servers(); }
  static std::string AddressOf(int number) { return absl::StrCat("u", number, "@example.com"); }
  static stored::Command CommandOf(int number) {
    stored::Command command = HardBounce(AddressOf(number), Day(0), absl::StrCat("r:", number));
    command.mutable_report()->mutable_recipients(0)->mutable_event()->set_identity(absl::StrCat("mail ", number));
    return command;
  }
  void Append(int server, stored::Command command, Outcomes* outcomes) {
    harness_->log(server).Append(std::move(command), outcomes->Next());
  }
  // Appends commands of these numbers by all servers, some of which are asked for while others are on their way.
  void AppendMany(int from, int to, Outcomes* outcomes) {
    for (int number = from; number < to; ++number) {
      Append(ServerOf(number), CommandOf(number), outcomes);
      if (number % 3 == 0) harness_->Step();
      if (number % 32 == 0) outcomes->WaitForAll(*harness_);
    }
  }
  // Everything in the log is applied everywhere.
  void Settle() {
    Outcomes outcomes;
    for (int server = 0; server < harness_->servers(); ++server) Await(server, &outcomes);
    outcomes.WaitForAll(*harness_);
    for (const AppendResult& result : outcomes.results()) ASSERT_TRUE(result.status.ok()) << result.status;
  }
  void Await(int server, Outcomes* outcomes) {
    harness_->log(server).Barrier(
        [done = outcomes->Next()](absl::Status status) { done(AppendResult::Unknown(status)); });
  }
  // How many events an address has on a server.
  int EventsOf(int server, const std::string& address) {
    const stored::Target target = TargetOf(address);
    Lookup found;
    EXPECT_TRUE(harness_->store(server).reader().Get({"default", target.domain(), target.local_part()}, &found).ok());
    if (!found.address.has_value()) return 0;
    const auto events = harness_->store(server).reader().ReadEvents({"default", target.domain(), target.local_part()},
                                                                    *found.address, 50);
    EXPECT_TRUE(events.ok()) << events.status();
    return events.ok() ? static_cast<int>(events->size()) : -1;
  }
  std::vector<std::string> ChangesOf(int server) {
    std::vector<std::string> changes;
    const auto read = harness_->store(server).reader().ReadChanges(0, 1'000'000);
    EXPECT_TRUE(read.ok()) << read.status();
    if (!read.ok()) return changes;
    for (const RevisionChange& change : *read) {
      changes.push_back(absl::StrCat(change.revision, " ", change.change.SerializeAsString()));
    }
    return changes;
  }

  const std::unique_ptr<LogHarness> harness_;
};

TEST_P(CommitLogConformance, AllServersApplyTheSameRecordsInTheSameOrder) {
  Outcomes outcomes;
  AppendMany(0, 200, &outcomes);
  outcomes.WaitForAll(*harness_);
  Settle();
  const std::vector<std::string> first = ChangesOf(0);
  EXPECT_EQ(first.size(), harness_->store(0).head().head());
  for (int server = 1; server < harness_->servers(); ++server) EXPECT_EQ(ChangesOf(server), first) << server;
}

TEST_P(CommitLogConformance, AppendsOfOneServerAreAppliedInTheirOrder) {
  Outcomes outcomes;
  for (int number = 0; number < 40; ++number) Append(0, CommandOf(number), &outcomes);
  outcomes.WaitForAll(*harness_);
  uint64_t before = 0;
  for (const AppendResult& result : outcomes.results()) {
    if (!result.applied()) continue;
    EXPECT_GT(result.result.revision(), before);
    before = result.result.revision();
  }
}

TEST_P(CommitLogConformance, WhatIsAppendedIsAppliedOnceEverywhereAndWhatIsNotIsNowhere) {
  Outcomes outcomes;
  AppendMany(0, 200, &outcomes);
  outcomes.WaitForAll(*harness_);
  Settle();
  for (int number = 0; number < 200; ++number) {
    const AppendResult& result = outcomes.results()[number];
    ASSERT_NE(result.outcome, AppendResult::kUnknown) << number << ": nothing failed";
    for (int server = 0; server < harness_->servers(); ++server) {
      EXPECT_EQ(EventsOf(server, AddressOf(number)), result.applied() ? 1 : 0) << number << " on " << server;
    }
  }
}

TEST_P(CommitLogConformance, EachCallerIsAnsweredOnceAndWithTheResultOfItsCommand) {
  Outcomes outcomes;
  AppendMany(0, 200, &outcomes);
  outcomes.WaitForAll(*harness_);
  std::vector<uint64_t> revisions;
  for (int number = 0; number < 200; ++number) {
    EXPECT_EQ(outcomes.times()[number], 1) << number;
    const AppendResult& result = outcomes.results()[number];
    if (!result.applied()) {
      EXPECT_EQ(result.status.code(), absl::StatusCode::kUnavailable) << result.status;
      continue;
    }
    ASSERT_EQ(result.result.verdicts_size(), 1) << number;
    EXPECT_EQ(result.result.verdicts(0).address(), AddressOf(number));
    revisions.push_back(result.result.revision());
  }
  std::sort(revisions.begin(), revisions.end());
  EXPECT_EQ(std::adjacent_find(revisions.begin(), revisions.end()), revisions.end()) << "two have one revision";
}

TEST_P(CommitLogConformance, AnAnswerComesWhenItsChangeIsVisible) {
  Outcomes outcomes;
  std::atomic<int> seen = 0;
  for (int number = 0; number < 60; ++number) {
    const int server = ServerOf(number);
    harness_->log(server).Append(CommandOf(number), [&, number, server, done = outcomes.Next()](AppendResult result) {
      if (result.applied()) {
        EXPECT_GE(harness_->store(server).head().head(), result.result.revision());
        EXPECT_EQ(EventsOf(server, AddressOf(number)), 1);
        ++seen;
      }
      done(std::move(result));
    });
    if (number % 20 == 0) outcomes.WaitForAll(*harness_);
  }
  outcomes.WaitForAll(*harness_);
  EXPECT_GT(seen, 0);
}

TEST_P(CommitLogConformance, ACommandThatIsRefusedIsApplied) {
  Outcomes outcomes;
  for (int i = 0; i < 20; ++i) Append(0, ReactivateCommand("nobody@example.com", Day(0)), &outcomes);
  outcomes.WaitForAll(*harness_);
  int refused = 0;
  for (const AppendResult& result : outcomes.results()) {
    if (!result.applied()) continue;
    EXPECT_EQ(result.result.error_reason(), "SUPPRESSION_NOT_FOUND");
    ++refused;
  }
  EXPECT_GT(refused, 0);
}

// Each is repeated with its request id, by any server, until it is applied.
TEST_P(CommitLogConformance, WhatIsRepeatedAfterACrashHasOneEffect) {
  constexpr int kAppends = 40;
  std::vector<int> open;
  for (int number = 0; number < kAppends; ++number) open.push_back(number);
  for (int round = 0; !open.empty(); ++round) {
    ASSERT_LT(round, 50) << "repeated again and again";
    Outcomes outcomes;
    for (size_t i = 0; i < open.size(); ++i) {
      Append((ServerOf(open[i]) + round) % harness_->servers(), CommandOf(open[i]), &outcomes);
      if (i % 2 == 0) harness_->Step();
    }
    if (round < 3) harness_->Crash(round % harness_->servers());
    outcomes.WaitForAll(*harness_);
    std::vector<int> still_open;
    for (size_t i = 0; i < open.size(); ++i) {
      EXPECT_EQ(outcomes.times()[i], 1);
      if (!outcomes.results()[i].applied()) still_open.push_back(open[i]);
    }
    open = std::move(still_open);
  }
  Settle();
  for (int number = 0; number < kAppends; ++number) {
    for (int server = 0; server < harness_->servers(); ++server) {
      EXPECT_EQ(EventsOf(server, AddressOf(number)), 1) << number << " on " << server;
    }
  }
}

// A server crashes with appends at every stage, again and again.
TEST_P(CommitLogConformance, WhatWasNotAppendedInACrashIsNeverThere) {
  constexpr int kRounds = 6, kEach = 40;
  std::vector<AppendResult> results;
  for (int round = 0; round < kRounds; ++round) {
    Outcomes outcomes;
    if (round % 2 == 0) harness_->Hold(0);
    for (int i = 0; i < kEach; ++i) {
      Append(0, CommandOf(round * kEach + i), &outcomes);
      if (i % 4 != 0) harness_->Step();
    }
    harness_->Crash(0);
    outcomes.WaitForAll(*harness_);
    results.insert(results.end(), outcomes.results().begin(), outcomes.results().end());
  }
  Settle();
  for (int number = 0; number < kRounds * kEach; ++number) {
    const AppendResult::Outcome outcome = results[number].outcome;
    const int events = EventsOf(0, AddressOf(number));
    EXPECT_LE(events, outcome == AppendResult::kNotAppended ? 0 : 1) << number;
    EXPECT_GE(events, outcome == AppendResult::kApplied ? 1 : 0) << number;
    for (int server = 1; server < harness_->servers(); ++server) {
      EXPECT_EQ(EventsOf(server, AddressOf(number)), events) << number << " on " << server;
    }
  }
}

TEST_P(CommitLogConformance, AServerGoesOnFromThePositionThatItsStoreHolds) {
  Outcomes before, after;
  AppendMany(0, 30, &before);
  before.WaitForAll(*harness_);
  Settle();
  const std::vector<std::string> changes = ChangesOf(last());
  const LogIdentity identity = harness_->log(last()).Identity();
  harness_->log(last()).Close();
  harness_->Restart(last());
  EXPECT_EQ(harness_->log(last()).Identity().lineage, identity.lineage);
  EXPECT_EQ(ChangesOf(last()), changes);
  AppendMany(30, 60, &after);
  after.WaitForAll(*harness_);
  Settle();
  for (int number = 30; number < 60; ++number) {
    const AppendResult& result = after.results()[number - 30];
    if (result.applied()) {
      EXPECT_GT(result.result.revision(), changes.size());
    }
    EXPECT_EQ(EventsOf(last(), AddressOf(number)), result.applied() ? 1 : 0);
  }
}

// Of a log that servers share.
class CommitLogAmongServers : public CommitLogConformance {};

TEST_P(CommitLogAmongServers, AServerThatWasAwayCatchesUp) {
  harness_->log(last()).Close();
  Outcomes outcomes;
  for (int number = 0; number < 40; ++number) Append(0, CommandOf(number), &outcomes);
  outcomes.WaitForAll(*harness_);
  harness_->Restart(last());
  Settle();
  EXPECT_EQ(ChangesOf(last()), ChangesOf(0));
}

TEST_P(CommitLogConformance, CloseAnswersEveryoneAndRefusesTheRest) {
  Outcomes outcomes;
  for (int number = 0; number < 40; ++number) {
    Append(0, CommandOf(number), &outcomes);
    if (number % 2 == 0) harness_->Step();
  }
  Await(0, &outcomes);
  harness_->log(0).Close();
  EXPECT_TRUE(outcomes.AllAnswered());
  for (const int times : outcomes.times()) EXPECT_EQ(times, 1);
  Outcomes refused;
  Append(0, CommandOf(41), &refused);
  Await(0, &refused);
  ASSERT_TRUE(refused.AllAnswered());
  EXPECT_EQ(refused.results()[0].outcome, AppendResult::kNotAppended);
  for (const AppendResult& result : refused.results()) EXPECT_EQ(ReasonOf(result.status), v1::SHUTTING_DOWN);
  EXPECT_FALSE(harness_->log(0).Health().connected);
  harness_->log(0).Close();  // again: nothing
  EXPECT_EQ(EventsOf(0, AddressOf(41)), 0);
}

TEST_P(CommitLogConformance, CloseWhileOthersAppendAnswersEachOnce) {
  constexpr int kCallers = 4, kEach = 50;
  Outcomes outcomes;
  std::vector<std::thread> callers;
  callers.reserve(kCallers);
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < kEach; ++i) Append(0, CommandOf(caller * kEach + i), &outcomes);
    });
  }
  for (int i = 0; i < 20; ++i) harness_->Step();
  harness_->log(0).Close();
  for (std::thread& caller : callers) caller.join();
  EXPECT_TRUE(outcomes.AllAnswered());
  for (const int times : outcomes.times()) EXPECT_EQ(times, 1);
}

TEST_P(CommitLogConformance, AFullQueueIsRefusedAtOnceAndTheRestIsAppended) {
  constexpr size_t kExtra = 7;
  harness_->Hold(0);
  Outcomes outcomes;
  Outcomes refused;
  for (size_t i = 0; i < harness_->unanswered_max() + kExtra; ++i) {
    Append(0, CommandOf(static_cast<int>(i % 100)), i < harness_->unanswered_max() ? &outcomes : &refused);
  }
  ASSERT_TRUE(refused.AllAnswered()) << "it waits";
  for (const AppendResult& result : refused.results()) {
    EXPECT_EQ(result.outcome, AppendResult::kNotAppended);
    EXPECT_EQ(ReasonOf(result.status), v1::OVERLOADED);
  }
  EXPECT_FALSE(outcomes.AllAnswered());
  harness_->Release(0);
  outcomes.WaitForAll(*harness_);
  Outcomes later;
  for (int number = 1'000; number < 1'030; ++number) Append(0, CommandOf(number), &later);
  later.WaitForAll(*harness_);
  EXPECT_TRUE(std::any_of(later.results().begin(), later.results().end(), [](const AppendResult& result) {
    return result.applied();
  })) << "it goes on refusing";
}

TEST_P(CommitLogConformance, ABarrierIsDoneWhenAllThatWasAnsweredAnywhereIsAppliedHere) {
  harness_->Hold(last());
  Outcomes appended, barrier;
  if (harness_->servers() > 1) {
    for (int number = 0; number < 30; ++number) Append(0, CommandOf(number), &appended);
    appended.WaitForAll(*harness_);
    ASSERT_TRUE(std::any_of(appended.results().begin(), appended.results().end(),
                            [](const AppendResult& result) { return result.applied(); }));
    Await(last(), &barrier);
    harness_->StepAll();
    EXPECT_FALSE(barrier.AllAnswered()) << "done, and nothing was applied here";
  }
  harness_->Release(last());
  if (harness_->servers() == 1) {
    for (int number = 0; number < 30; ++number) Append(0, CommandOf(number), &appended);
    appended.WaitForAll(*harness_);
    Await(last(), &barrier);
  }
  barrier.WaitForAll(*harness_);
  EXPECT_TRUE(barrier.results()[0].status.ok()) << barrier.results()[0].status;
  for (int number = 0; number < 30; ++number) {
    EXPECT_EQ(EventsOf(last(), AddressOf(number)), appended.results()[number].applied() ? 1 : 0) << number;
  }
}

TEST_P(CommitLogConformance, HealthAndIdentitySayWhatIsTrue) {
  Outcomes outcomes;
  AppendMany(0, 20, &outcomes);
  outcomes.WaitForAll(*harness_);
  Settle();
  const LogIdentity identity = harness_->log(0).Identity();
  EXPECT_NE(identity.timeline, 0u);
  for (int server = 0; server < harness_->servers(); ++server) {
    const LogHealth health = harness_->log(server).Health();
    EXPECT_TRUE(health.connected);
    EXPECT_TRUE(health.stopped.ok()) << health.stopped;
    EXPECT_EQ(health.behind, 0u);
    EXPECT_EQ(health.position, harness_->store(server).head().head());
    EXPECT_EQ(harness_->log(server).Identity().lineage, harness_->store(server).lineage());
    EXPECT_EQ(harness_->log(server).Identity().lineage, identity.lineage);
    EXPECT_EQ(harness_->log(server).Identity().timeline, identity.timeline);
    EXPECT_EQ(harness_->store(server).reader().timeline(), identity.timeline);
  }
}

}  // namespace suppressd
