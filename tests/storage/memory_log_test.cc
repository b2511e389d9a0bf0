#include "tests/testing/memory_log.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "common/error.h"
#include "tests/testing/commands.h"
#include "tests/testing/memory_servers.h"

namespace suppressd {
namespace {

// Nothing but what a test asks for.
MemoryLogOptions Faultless() {
  return {.repeated_one_in = 0, .late_one_in = 0, .refused_one_in = 0, .now_micros = Day(0)};
}

stored::Command CommandOf(int number) {
  return HardBounce("u" + std::to_string(number) + "@example.com", Day(0));
}

CommitLog::Done Into(std::vector<AppendResult>* results) {
  return [results](AppendResult result) { results->push_back(std::move(result)); };
}

// What is in the log after two servers appended to it, as text.
std::string RunOf(uint64_t seed) {
  std::string text;
  MemoryServers servers({.seed = seed, .now_micros = Day(0)}, 2);
  for (int number = 0; number < 60; ++number) {
    servers.log(number % 2).Append(CommandOf(number), [&text, number](const AppendResult& result) {
      text += std::to_string(number) + (result.applied() ? "+ " : "- ");
    });
    servers.shared().Step();
    if (number == 30) servers.Crash(0);
  }
  servers.shared().StepAll();
  for (const LogRecord& record : servers.shared().records()) {
    text += std::to_string(record.id.writer) + ":" + std::to_string(record.id.number) + " ";
  }
  return text;
}

TEST(MemoryLogTest, TheSameSeedGivesTheSameRun) {
  EXPECT_EQ(RunOf(7), RunOf(7));
  EXPECT_NE(RunOf(7), RunOf(8));
}

TEST(MemoryLogTest, ARecordThatIsInTheLogTwiceIsAppliedOnce) {
  MemoryLogOptions options = Faultless();
  options.repeated_one_in = 1;
  MemoryServers servers(options, 1);
  std::vector<AppendResult> results;
  for (int number = 0; number < 10; ++number) servers.log(0).Append(CommandOf(number), Into(&results));
  servers.shared().StepAll();
  ASSERT_EQ(results.size(), 10u);
  for (const AppendResult& result : results) EXPECT_TRUE(result.applied());
  EXPECT_EQ(servers.shared().records().size(), 20u);
  EXPECT_EQ(servers.store(0).head().head(), 20u) << "each takes a revision";
  ListQuery query;
  query.tenant = "default";
  query.now_micros = Day(0);
  const auto counts = servers.store(0).reader().Count(query, [] { return false; });
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->total, 10);
}

TEST(MemoryLogTest, ARecordThatComesBehindALaterOneOfItsServerHasNoEffectAndItsCallerKnows) {
  MemoryServers servers({.seed = 3, .repeated_one_in = 0, .late_one_in = 2, .refused_one_in = 0, .now_micros = Day(0)},
                        1);
  std::vector<AppendResult> results(40);
  for (int number = 0; number < 40; ++number) {
    servers.log(0).Append(CommandOf(number),
                          [&results, number](AppendResult result) { results[number] = std::move(result); });
  }
  for (int i = 0; i < 40; ++i) servers.log(0).SendOne();
  servers.shared().StepAll();
  EXPECT_EQ(servers.shared().records().size(), 40u);
  int refused = 0;
  for (int number = 0; number < 40; ++number) {
    Lookup found;
    ASSERT_TRUE(servers.store(0).reader().Get({"default", "example.com", "u" + std::to_string(number)}, &found).ok());
    EXPECT_EQ(found.address.has_value(), results[number].applied()) << number;
    refused += results[number].outcome == AppendResult::kNotAppended ? 1 : 0;
  }
  EXPECT_GT(refused, 0);
}

TEST(MemoryLogTest, AnAnswerThatIsLostInACrashIsUnknownAndItsRecordIsThere) {
  MemoryServers servers(Faultless(), 1);
  std::vector<AppendResult> results;
  servers.log(0).Append(CommandOf(1), Into(&results));
  ASSERT_TRUE(servers.log(0).SendOne());
  ASSERT_TRUE(servers.log(0).Deliver());
  ASSERT_TRUE(results.empty());
  servers.Crash(0);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(results[0].outcome, AppendResult::kUnknown);
  EXPECT_EQ(servers.store(0).head().head(), 1u);
}

TEST(MemoryLogTest, HealthSaysHowFarAServerIsBehind) {
  MemoryServers servers(Faultless(), 2);
  std::vector<AppendResult> results;
  servers.log(1).HoldDeliveries(true);
  for (int number = 0; number < 5; ++number) servers.log(0).Append(CommandOf(number), Into(&results));
  servers.shared().StepAll();
  EXPECT_EQ(results.size(), 5u);
  EXPECT_EQ(servers.log(0).Health().behind, 0u);
  EXPECT_EQ(servers.log(1).Health().behind, 5u);
  EXPECT_EQ(servers.log(1).Health().position, 0u);
}

TEST(MemoryLogTest, AppendsThatAreHeldAreNotInTheLog) {
  MemoryServers servers(Faultless(), 1);
  std::vector<AppendResult> results;
  servers.log(0).HoldAppends(true);
  servers.log(0).Append(CommandOf(1), Into(&results));
  EXPECT_FALSE(servers.shared().Step());
  servers.log(0).HoldAppends(false);
  servers.shared().StepAll();
  ASSERT_EQ(results.size(), 1u);
  EXPECT_TRUE(results[0].applied());
}

TEST(MemoryLogTest, ARecordThatCannotBeAppliedStopsTheServersAndIsNotPassedOver) {
  MemoryServers servers(Faultless(), 2);
  std::vector<AppendResult> results;
  servers.log(0).Append(CommandOf(1), Into(&results));
  servers.log(0).Append({}, Into(&results));  // a command that nobody knows
  servers.log(0).Append(CommandOf(2), Into(&results));
  servers.shared().StepAll();
  ASSERT_EQ(results.size(), 3u);
  EXPECT_TRUE(results[0].applied());
  EXPECT_EQ(results[1].outcome, AppendResult::kUnknown);
  EXPECT_EQ(results[2].outcome, AppendResult::kUnknown);
  for (int i = 0; i < 2; ++i) {
    const LogHealth health = servers.log(i).Health();
    EXPECT_FALSE(health.connected);
    EXPECT_EQ(health.position, 1u);
    EXPECT_EQ(ReasonOf(health.stopped), v1::INTERNAL_ERROR) << health.stopped;
  }
  servers.log(1).Append(CommandOf(3), Into(&results));
  ASSERT_EQ(results.size(), 4u);
  EXPECT_EQ(results[3].outcome, AppendResult::kNotAppended);
}

TEST(MemoryLogTest, AStoreOfAnotherLogIsRefused) {
  const TempDirectory directory;
  const auto store = *Store::Open({.path = directory / "data"}, 78);
  MemoryLog log({.lineage = 77});
  const std::unique_ptr<MemoryLogServer> server = log.Connect();
  EXPECT_EQ(ReasonOf(server->Start(&store->applier())), v1::LINEAGE_MISMATCH);
}

}  // namespace
}  // namespace suppressd
