// Several stores that apply one log end equal, in all families, whatever their batches, restarts, flushes, compactions,
// caches and options are, and however the clocks that commands are stamped by step.
//
// SUPPRESSD_DETERMINISM_SEED=N repeats a run, SUPPRESSD_DETERMINISM_RECORDS=N sets its length.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "common/canonical.h"
#include "storage/store.h"
#include "tests/testing/commands.h"
#include "tests/testing/compact_store.h"
#include "tests/testing/list_digest.h"
#include "tests/testing/memory_servers.h"
#include "tests/testing/random_commands.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

constexpr uint64_t kLineage = 77;
constexpr uint64_t kTimeline = 5;
// A server restarts after one of so many batches; in a long run less often, about this many times: a restart compacts
// all that there is, and a run of a million records would do little else.
constexpr uint64_t kRestartOneInMin = 200;
constexpr uint64_t kRestartsMax = 250;

// Makes the records of a log.
class RecordMaker {
 public:
  explicit RecordMaker(uint64_t seed) : random_(seed), commands_(seed + 1) {}

  LogRecord Next() {
    const bool taken_twice = record_.position > 0 && random_() % 40 == 0;
    ++record_.position;
    if (taken_twice) return record_;
    record_.command = commands_.Next();
    record_.appended_at_micros = commands_.now_micros();
    record_.id = {1 + random_() % 3, ++number_};
    return record_;
  }

 private:
  std::mt19937_64 random_;
  RandomCommands commands_;
  uint64_t number_ = 0;
  LogRecord record_;
};

// One server that applies the log: in batches, with restarts and compactions of its own.
class Server {
 public:
  // It is to apply about so many records.
  Server(std::string path, uint64_t number, uint64_t records)
      : random_(number),
        batch_max_(number % 2 == 0 ? 7 : 300),
        restart_one_in_(std::max<uint64_t>(kRestartOneInMin, 2 * records / batch_max_ / kRestartsMax)) {
    options_.path = std::move(path);
    options_.block_cache_mib = number % 2 == 0 ? 8 : 64;
    options_.change_log_max_revisions = static_cast<int64_t>(500 * (1 + number));
    options_.change_log_max_age_days = static_cast<int>(1 + number * 3);
    Open();
  }

  // Applies records from the first that it has not; adds what came of them to its digest.
  void Apply(absl::Span<const LogRecord> records) {
    while (!records.empty()) {
      const size_t count = std::min<size_t>(records.size(), 1 + random_() % batch_max_);
      const Applied applied = store_->applier().Apply(records.first(count));
      ASSERT_TRUE(applied.stopped.ok()) << applied.stopped;
      for (const stored::CommandResult& result : applied.results) results_ = CanonicalDigest(results_, result);
      records.remove_prefix(count);
      if (random_() % restart_one_in_ == 0) Restart();
    }
  }
  // The digest of all that counts, in every family; the store is closed.
  std::string Close(uint64_t changes_from) {
    store_.reset();
    if (random_() % 2 == 0) {
      EXPECT_TRUE(CompactStore(options_));
    }
    return ListDigest(options_, changes_from);
  }
  const std::string& results() const { return results_; }
  uint64_t oldest_start() const { return store_->reader().oldest_start(); }

 private:
  void Open() {
    auto store = Store::Open(options_, kLineage);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    ASSERT_TRUE(store_->applier().Begin({.lineage = kLineage, .timeline = kTimeline}).ok());
  }
  void Restart() {
    store_.reset();
    if (random_() % 2 == 0) {
      EXPECT_TRUE(CompactStore(options_));
    }
    Open();
  }

  std::mt19937_64 random_;
  const size_t batch_max_;
  const uint64_t restart_one_in_;  // batches
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  std::string results_;
};

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  const uint64_t value = text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
  std::printf("%s=%llu\n", name, static_cast<unsigned long long>(value));
  return value;
}

uint64_t Seed() {
  return FromEnvironment("SUPPRESSD_DETERMINISM_SEED", std::random_device()());
}

int64_t RecordCount() {
  return static_cast<int64_t>(
      FromEnvironment("SUPPRESSD_DETERMINISM_RECORDS", SUPPRESSD_SANITIZED != 0 ? 4'000 : 20'000));
}

TEST(DeterminismTest, StoresThatApplyOneLogEndEqualInAllFamilies) {
  const uint64_t seed = Seed();
  const int64_t count = RecordCount();
  const TempDirectory directory;
  RecordMaker maker(seed);
  std::vector<std::unique_ptr<Server>> servers;
  for (uint64_t i = 0; i < 4; ++i) {
    servers.push_back(std::make_unique<Server>(directory / std::to_string(i), i, static_cast<uint64_t>(count)));
  }
  for (int64_t made = 0; made < count && !testing::Test::HasFailure();) {
    std::vector<LogRecord> records;
    for (int i = 0; i < 1'000 && made < count; ++i, ++made) records.push_back(maker.Next());
    for (const auto& server : servers) server->Apply(records);
    for (const auto& server : servers) ASSERT_EQ(server->results(), servers[0]->results()) << "of " << made;
  }
  uint64_t changes_from = 1;
  for (const auto& server : servers) changes_from = std::max(changes_from, server->oldest_start() + 1);
  const std::string first = servers[0]->Close(changes_from);
  for (size_t i = 1; i < servers.size(); ++i) EXPECT_EQ(servers[i]->Close(changes_from), first) << i;
}

// The same for servers that append themselves, to a log that takes some appends twice, late or not at all, and that
// crash and restart at any point: each applies what it is told in pieces of its own.
TEST(DeterminismTest, ServersThatShareALogEndEqualWhateverBecomesOfTheirAppends) {
  const uint64_t seed = Seed();
  const int64_t count = RecordCount() / 4;
  std::mt19937_64 random(seed);
  RandomCommands commands(seed);
  MemoryServers servers({.seed = seed, .now_micros = Day(0)}, 3);
  for (int64_t made = 0; made < count && !testing::Test::HasFailure(); ++made) {
    servers.log(static_cast<int>(random() % 3)).Append(commands.Next(), [](const AppendResult&) {});
    servers.shared().SetNow(commands.now_micros());
    for (uint64_t steps = random() % 8; steps > 0; --steps) servers.shared().Step();
    if (random() % 200 == 0) servers.Crash(static_cast<int>(random() % 3));
    if (random() % 500 == 0) servers.Restart(static_cast<int>(random() % 3));
  }
  servers.shared().StepAll();
  const auto position = servers.shared().records().size();
  uint64_t changes_from = 1;
  for (int i = 0; i < servers.size(); ++i) {
    EXPECT_EQ(servers.store(i).head().head(), position) << i;
    changes_from = std::max(changes_from, servers.store(i).reader().oldest_start() + 1);
    servers.Close(i);
  }
  const std::string first = ListDigest(servers.options(0), changes_from);
  for (int i = 1; i < servers.size(); ++i) EXPECT_EQ(ListDigest(servers.options(i), changes_from), first) << i;
}

// More events of one identity than are remembered under it, and the first of them again: it is known by the history, of
// which a part is still in the batch.
TEST(DeterminismTest, ABatchIsWhatItsRecordsAreOneByOne) {
  std::vector<LogRecord> records;
  for (int i = 0; i <= kEventsPerEntryMax - 10; ++i) {
    v1::BounceEvent event = EventOf(v1::Verdict::HARD, v1::ADDRESS_NOT_FOUND, Day(-60 + i % (kEventsPerEntryMax - 10)));
    *event.mutable_received_at() = FromMicros(Day(0));
    event.set_kind(v1::BounceEvent::SMTP_REPLY);
    event.set_identity("one mail");
    LogRecord& record = records.emplace_back();
    record.position = static_cast<uint64_t>(i + 1);
    record.appended_at_micros = Day(0);
    record.command = ReportCommand("jo@example.com", event, SuppressDecision(), Day(0));
  }
  const TempDirectory directory;
  const auto together = *Store::Open({.path = directory / "together"}, kLineage);
  const auto one_by_one = *Store::Open({.path = directory / "one_by_one"}, kLineage);
  const Applied applied = together->applier().Apply(records);
  ASSERT_TRUE(applied.stopped.ok());
  EXPECT_TRUE(applied.results.back().duplicate());
  for (size_t i = 0; i < records.size(); ++i) {
    const Applied one = one_by_one->applier().Apply({records[i]});
    ASSERT_TRUE(one.stopped.ok());
    EXPECT_EQ(one.results[0].SerializeAsString(), applied.results[i].SerializeAsString()) << i;
  }
}

}  // namespace
}  // namespace suppressd
