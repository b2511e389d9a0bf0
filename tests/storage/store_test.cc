#include "storage/store.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "common/error.h"
#include "storage/entry.h"
#include "storage/timelines.h"
#include "tests/testing/apply.h"
#include "tests/testing/commands.h"
#include "tests/testing/damage.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { Open(); }

  void Open() {
    store_.reset();
    options_.path = directory_ / "data";
    auto store = Store::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  std::vector<stored::CommandResult> Apply(const std::vector<stored::Command>& commands) {
    auto results = ApplyTo(*store_, commands);
    EXPECT_TRUE(results.ok()) << results.status();
    return results.ok() ? *std::move(results) : std::vector<stored::CommandResult>();
  }
  stored::CommandResult ApplyOne(const stored::Command& command) { return Apply({command}).at(0); }
  Lookup Get(const std::string& address, const std::string& tenant = "default") {
    const stored::Target target = TargetOf(address);
    Lookup found;
    EXPECT_TRUE(store_->reader().Get({tenant, target.domain(), target.local_part()}, &found).ok());
    return found;
  }
  ListPage List(const ListQuery& query) {
    auto page = store_->reader().List(query);
    EXPECT_TRUE(page.ok()) << page.status();
    return page.ok() ? *std::move(page) : ListPage();
  }
  static ListQuery Query(int page_size = 100) {
    ListQuery query;
    query.tenant = "default";
    query.now_micros = Day(0);
    query.page_size = page_size;
    return query;
  }
  static std::vector<std::string> Addresses(const ListPage& page) {
    std::vector<std::string> addresses;
    for (const auto& suppression : page.suppressions) addresses.push_back(TargetText(suppression));
    return addresses;
  }

  TempDirectory directory_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, UnknownAddressIsOkWithNothingFound) {
  const Lookup found = Get("nobody@example.com");
  EXPECT_FALSE(found.address.has_value());
  EXPECT_EQ(found.revision, 0u);
}

TEST_F(StoreTest, HardBounceIsFoundAgainAlsoAfterReopening) {
  EXPECT_EQ(ApplyOne(HardBounce("jo@example.com", Day(0))).effects(0), v1::BounceEvent::SUPPRESSED);
  for (int round = 0; round < 2; ++round, Open()) {
    const Lookup found = Get("jo@example.com");
    ASSERT_TRUE(found.address.has_value());
    EXPECT_EQ(found.revision, 1u);
    EXPECT_EQ(found.address->suppression().address(), "jo@example.com");
    EXPECT_EQ(found.address->suppression().tenant(), "default");
    EXPECT_EQ(found.address->suppression().causes(0).reason(), v1::ADDRESS_NOT_FOUND);
  }
}

TEST_F(StoreTest, ARestoredBackupDoesNotShareWhatWasLost) {
  ApplyOne(HardBounce("a@example.com", Day(0)));
  const uint64_t first = store_->reader().timeline();
  EXPECT_TRUE(store_->reader().HasState(first, 1));
  store_.reset();
  const std::string backup = directory_ / "backup";
  std::filesystem::copy(options_.path, backup, std::filesystem::copy_options::recursive);
  Open();
  EXPECT_TRUE(store_->reader().HasState(first, 1)) << "a restart goes on with the same data";
  const uint64_t lost = store_->reader().timeline();
  EXPECT_NE(lost, first);
  ApplyOne(HardBounce("b@example.com", Day(0)));
  EXPECT_TRUE(store_->reader().HasState(lost, 2));
  store_.reset();
  std::filesystem::remove_all(options_.path);
  std::filesystem::rename(backup, options_.path);
  Open();
  ApplyOne(HardBounce("c@example.com", Day(0)));
  ApplyOne(HardBounce("d@example.com", Day(0)));
  EXPECT_FALSE(store_->reader().HasState(lost, 2));
  EXPECT_TRUE(store_->reader().HasState(first, 1));
  EXPECT_TRUE(store_->reader().HasState(store_->reader().timeline(), 3));
}

TEST_F(StoreTest, StartsThatToldNothingUseUpNoTimelines) {
  ApplyOne(HardBounce("a@example.com", Day(0)));
  const uint64_t first = store_->reader().timeline();
  for (size_t start = 0; start <= kTimelinesMax; ++start) Open();
  EXPECT_TRUE(store_->reader().HasState(first, 1));
}

TEST_F(StoreTest, TenantsAreApart) {
  Apply({HardBounce("jo@example.com", Day(0), "", "a"), HardBounce("jo@example.com", Day(0), "", "b")});
  EXPECT_EQ(ApplyOne(ReactivateCommand("jo@example.com", Day(1), "a")).changed(), true);
  EXPECT_EQ(Get("jo@example.com", "a").address->suppression().causes(0).state(), v1::Cause::REACTIVATED);
  EXPECT_EQ(Get("jo@example.com", "b").address->suppression().causes(0).state(), v1::Cause::ACTIVE);
  EXPECT_FALSE(Get("jo@example.com", "c").address.has_value());
}

TEST_F(StoreTest, RepeatOfARequestGetsTheFirstAnswerAndChangesNothing) {
  const auto first = ApplyOne(HardBounce("jo@example.com", Day(0), "r:1"));
  for (int repeat = 0; repeat < 46; ++repeat) {
    const auto again = ApplyOne(HardBounce("jo@example.com", Day(1), "r:1"));
    EXPECT_TRUE(again.duplicate());
    EXPECT_EQ(again.revision(), first.revision());
    EXPECT_EQ(again.effects(0), v1::BounceEvent::SUPPRESSED);
  }
  EXPECT_EQ(store_->head().head(), 47u) << "every record takes a revision";
  EXPECT_EQ(Get("jo@example.com").address->suppression().causes(0).event_count(), 1);
}

TEST_F(StoreTest, EqualRequestsInOneBatchAreAppliedOnce) {
  const auto results =
      Apply({HardBounce("jo@example.com", Day(0), "r:1"), HardBounce("jo@example.com", Day(0), "r:1")});
  EXPECT_FALSE(results[0].duplicate());
  EXPECT_TRUE(results[1].duplicate());
  EXPECT_EQ(store_->head().head(), 2u);
}

TEST_F(StoreTest, SameRequestIdWithAnotherPayloadIsRefused) {
  ApplyOne(HardBounce("jo@example.com", Day(0), "r:1"));
  EXPECT_EQ(ApplyOne(HardBounce("al@example.com", Day(0), "r:1")).error_reason(), "REQUEST_ID_REUSED");
  EXPECT_FALSE(Get("al@example.com").address.has_value());
  EXPECT_EQ(store_->head().head(), 2u);
}

TEST_F(StoreTest, RequestIdsAreForgottenAfterTheWindow) {
  ApplyOne(HardBounce("jo@example.com", Day(0), "r:1"));
  EXPECT_TRUE(ApplyOne(HardBounce("jo@example.com", Day(8, -1), "r:1")).duplicate());
  EXPECT_FALSE(ApplyOne(HardBounce("jo@example.com", Day(8, 1), "r:1")).duplicate());
}

TEST_F(StoreTest, WholeDomainIsFoundWithEveryAddressOfIt) {
  EXPECT_FALSE(Get("jo@example.com").domain.has_value());
  ApplyOne(SuppressCommand("@example.com", v1::Cause::MANUAL, Day(0)));
  for (int round = 0; round < 2; ++round, Open()) {
    const Lookup found = Get("jo@example.com");
    EXPECT_FALSE(found.address.has_value());
    ASSERT_TRUE(found.domain.has_value());
    EXPECT_EQ(found.domain->suppression().domain(), "example.com");
    EXPECT_FALSE(Get("jo@sub.example.com").domain.has_value());
  }
}

TEST_F(StoreTest, MultiGetNamesHitsByIndexAndTheirDomain) {
  Apply({HardBounce("b@example.com", Day(0)), SuppressCommand("@example.org", v1::Cause::MANUAL, Day(0))});
  const std::vector<EntryName> names = {{"default", "example.com", "a"},
                                        {"default", "example.com", "b"},
                                        {"default", "example.org", "c"},
                                        {"default", "example.com", "b"}};
  std::vector<std::pair<size_t, bool>> hits;
  uint64_t revision = 0;
  ASSERT_TRUE(
      store_->reader()
          .MultiGet(
              names, [&](size_t i, bool domain, stored::StoredEntry) { hits.emplace_back(i, domain); }, &revision)
          .ok());
  EXPECT_THAT(hits, ElementsAre(std::pair(1, false), std::pair(2, true), std::pair(3, false)));
  EXPECT_EQ(revision, 2u);
}

TEST_F(StoreTest, EventsAreKeptNewestFirstUpToTheirLimit) {
  for (int i = 0; i < kEventsPerEntryMax + 5; ++i) {
    auto command = HardBounce("jo@example.com", Day(0, i));
    command.mutable_report()->mutable_recipients(0)->mutable_event()->set_diagnostic(std::to_string(i));
    ApplyOne(command);
  }
  const auto entry = *Get("jo@example.com").address;
  const auto events = store_->reader().ReadEvents({"default", "example.com", "jo"}, entry, 1000);
  ASSERT_TRUE(events.ok());
  ASSERT_EQ(events->size(), static_cast<size_t>(kEventsPerEntryMax));
  EXPECT_EQ(events->front().diagnostic(), std::to_string(kEventsPerEntryMax + 4));
  EXPECT_EQ(events->back().diagnostic(), "5");
}

TEST_F(StoreTest, EventsPastTheirRetentionAreNotShown) {
  ApplyOne(HardBounce("jo@example.com", Day(0)));
  ApplyOne(HardBounce("jo@example.com", Day(500)));
  const auto events = store_->reader().ReadEvents({"default", "example.com", "jo"}, *Get("jo@example.com").address, 10);
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events->size(), 1u);
}

TEST_F(StoreTest, ReactivationOfAnUnknownAddressIsRefusedAndAudited) {
  EXPECT_EQ(ApplyOne(ReactivateCommand("jo@example.com", Day(0))).error_reason(), "SUPPRESSION_NOT_FOUND");
  const auto audit = store_->reader().ListAudit({});
  ASSERT_TRUE(audit.ok());
  ASSERT_EQ(audit->records.size(), 1u);
  EXPECT_EQ(audit->records[0].refused_reason(), "SUPPRESSION_NOT_FOUND");
  EXPECT_FALSE(Get("jo@example.com").address.has_value());
}

TEST_F(StoreTest, ReactivationWithoutConsentIsRefusedAndAudited) {
  ApplyOne(ReportCommand("jo@example.com", EventOf(v1::Verdict::COMPLAINT, v1::BOUNCE_REASON_UNSPECIFIED, Day(0)),
                         SuppressDecision(), Day(0)));
  auto command = ReactivateCommand("jo@example.com", Day(1));
  command.mutable_reactivate()->add_selectors()->set_type(v1::Cause::COMPLAINT);
  EXPECT_EQ(ApplyOne(command).error_reason(), "CONSENT_REQUIRED");
  EXPECT_EQ(Get("jo@example.com").address->suppression().causes(0).state(), v1::Cause::ACTIVE);
  EXPECT_EQ(store_->reader().ListAudit({})->records.at(0).refused_reason(), "CONSENT_REQUIRED");
}

TEST_F(StoreTest, ReactivationTellsWhatTheDomainStillBlocks) {
  ApplyOne(HardBounce("jo@example.com", Day(0)));
  ApplyOne(SuppressCommand("@example.com", v1::Cause::MANUAL, Day(0)));
  const auto result = ApplyOne(ReactivateCommand("jo@example.com", Day(1)));
  EXPECT_TRUE(result.changed());
  ASSERT_EQ(result.domain_causes_size(), 1);
  EXPECT_EQ(result.domain_causes(0).type(), v1::Cause::MANUAL);
}

TEST_F(StoreTest, ChangesComeInOrderWithTheEntryAsItBecame) {
  Apply({HardBounce("a@example.com", Day(0)), HardBounce("b@example.com", Day(0)),
         ReactivateCommand("a@example.com", Day(1))});
  const auto changes = store_->reader().ReadChanges(1, 10);
  ASSERT_TRUE(changes.ok());
  ASSERT_EQ(changes->size(), 2u);
  EXPECT_EQ((*changes)[0].revision, 2u);
  EXPECT_EQ((*changes)[0].change.entries(0).suppression().address(), "b@example.com");
  EXPECT_EQ((*changes)[1].change.entries(0).suppression().causes(0).state(), v1::Cause::REACTIVATED);
}

TEST_F(StoreTest, ChangesAreReadUpToSoManyBytesButAtLeastOne) {
  for (int i = 0; i < 4; ++i) Apply({HardBounce("u" + std::to_string(i) + "@example.com", Day(i))});
  const size_t one = store_->reader().ReadChanges(0, 1)->at(0).change.ByteSizeLong();
  EXPECT_EQ(store_->reader().ReadChanges(0, 10, 0)->size(), 1u);
  EXPECT_EQ(store_->reader().ReadChanges(0, 10, 3 * one - 1)->size(), 2u);
  EXPECT_EQ(store_->reader().ReadChanges(0, 10, 100 * one)->size(), 4u);
  EXPECT_EQ(store_->reader().ReadChanges(2, 10, 0)->at(0).revision, 3u);
}

TEST_F(StoreTest, DamagedEntriesAreToldOneByOne) {
  Apply(
      {HardBounce("a@example.com", Day(0)), HardBounce("b@example.com", Day(0)), HardBounce("c@example.com", Day(0))});
  store_.reset();
  DamageEntry(options_, "b@example.com");
  Open();
  const std::vector<EntryName> names = {
      {"default", "example.com", "a"}, {"default", "example.com", "b"}, {"default", "example.com", "c"}};
  std::vector<size_t> hits, damaged;
  uint64_t revision = 0;
  const auto hit = [&](size_t i, bool, stored::StoredEntry) { hits.push_back(i); };
  ASSERT_TRUE(store_->reader()
                  .MultiGet(
                      names, hit, [&](size_t i) { damaged.push_back(i); }, &revision)
                  .ok());
  EXPECT_THAT(hits, ElementsAre(0, 2));
  EXPECT_THAT(damaged, ElementsAre(1));
  EXPECT_EQ(ReasonOf(store_->reader().MultiGet(names, hit, &revision)), v1::INTERNAL_ERROR);
}

TEST_F(StoreTest, ChangeLogIsTrimmedByCountAndSaysSo) {
  options_.change_log_max_revisions = 10;
  Open();
  for (int i = 0; i < 100; ++i) ApplyOne(HardBounce("a@example.com", Day(0, i)));
  EXPECT_EQ(ReasonOf(store_->reader().ReadChanges(0, 10).status()), v1::HISTORY_GONE);
  EXPECT_GE(store_->reader().oldest_start(), 80u);
  EXPECT_EQ(store_->reader().ReadChanges(store_->reader().oldest_start(), 100)->size(),
            100 - store_->reader().oldest_start());
}

TEST_F(StoreTest, ChangeLogIsTrimmedByAge) {
  std::vector<stored::Command> commands(3000, HardBounce("a@example.com", Day(0)));
  Apply(commands);
  ApplyOne(HardBounce("a@example.com", Day(6)));
  EXPECT_EQ(store_->reader().oldest_start(), 0u);
  ApplyOne(HardBounce("a@example.com", Day(8)));
  EXPECT_EQ(store_->reader().oldest_start(), 2048u);
}

TEST_F(StoreTest, ListIsNewestFirst) {
  Apply({HardBounce("a@example.com", Day(-3)), HardBounce("c@example.com", Day(-2)),
         HardBounce("b@example.com", Day(-1))});
  EXPECT_THAT(Addresses(List(Query())), ElementsAre("b@example.com", "c@example.com", "a@example.com"));
}

TEST_F(StoreTest, ListByAddressPutsTheDomainFirst) {
  Apply({HardBounce("b@example.com", Day(-3)), HardBounce("a@example.com", Day(-1)), HardBounce("c@a.example", Day(-2)),
         SuppressCommand("@example.com", v1::Cause::MANUAL, Day(-1))});
  ListQuery query = Query();
  query.order = v1::ListSuppressionsRequest::BY_ADDRESS;
  EXPECT_THAT(Addresses(List(query)), ElementsAre("c@a.example", "@example.com", "a@example.com", "b@example.com"));
  query.filter.domain = "example.com";
  EXPECT_THAT(Addresses(List(query)), ElementsAre("@example.com", "a@example.com", "b@example.com"));
}

TEST_F(StoreTest, ListFilters) {
  Apply({ReportCommand("d@example.com", EventOf(v1::Verdict::HARD, v1::MAILBOX_FULL, Day(-40)), SuppressDecision(30),
                       Day(-40)),
         HardBounce("e@example.com", Day(-5)), ReactivateCommand("e@example.com", Day(-4)),
         HardBounce("a@example.com", Day(-3)), HardBounce("b@example.org", Day(-2)),
         SuppressCommand("c@example.com", v1::Cause::MANUAL, Day(-1))});
  ListQuery query = Query();
  query.filter.reasons = {v1::ADDRESS_NOT_FOUND};
  EXPECT_THAT(Addresses(List(query)), ElementsAre("b@example.org", "a@example.com"));
  query.filter.domain = "example.org";
  EXPECT_THAT(Addresses(List(query)), ElementsAre("b@example.org"));
  query = Query();
  query.filter.cause_types = {v1::Cause::MANUAL};
  EXPECT_THAT(Addresses(List(query)), ElementsAre("c@example.com"));
  query = Query();
  query.filter.state = v1::SuppressionFilter::EXPIRED;
  EXPECT_THAT(Addresses(List(query)), ElementsAre("d@example.com"));
  query.filter.state = v1::SuppressionFilter::REACTIVATED;
  EXPECT_THAT(Addresses(List(query)), ElementsAre("e@example.com"));
  query = Query();
  query.filter.listed_from_micros = Day(-2);
  query.filter.listed_before_micros = Day(-1);
  EXPECT_THAT(Addresses(List(query)), ElementsAre("b@example.org"));
  query.order = v1::ListSuppressionsRequest::BY_ADDRESS;
  EXPECT_THAT(Addresses(List(query)), ElementsAre("b@example.org"));
}

TEST_F(StoreTest, ListCountsExactlyByReason) {
  Apply({HardBounce("a@example.com", Day(-3)), HardBounce("b@example.org", Day(-2)),
         SuppressCommand("b@example.org", v1::Cause::MANUAL, Day(-1)),
         SuppressCommand("c@example.com", v1::Cause::MANUAL, Day(-1)),
         HardBounce("x@example.com", Day(0), "", "other")});
  ListQuery query = Query(1);
  const auto counts = store_->reader().Count(query, [] { return false; });
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->total, 3);
  EXPECT_THAT(counts->reasons, ElementsAre(std::pair(v1::BOUNCE_REASON_UNSPECIFIED, 2),  // manual
                                           std::pair(v1::ADDRESS_NOT_FOUND, 2)));
  EXPECT_EQ(counts->revision, 5u);
  EXPECT_EQ(store_->reader().Count(query, [] { return false; })->damaged_count, 0);
}

TEST_F(StoreTest, PagesMissNoneAndDoubleNoneWhileEntriesMove) {
  std::vector<stored::Command> commands;
  std::set<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    const std::string address = "u" + std::to_string(i) + "@example.com";
    commands.push_back(HardBounce(address, Day(-100, i)));
    expected.insert(address);
  }
  Apply(commands);
  ListQuery query = Query(7);
  std::vector<std::string> seen;
  for (int page_number = 0;; ++page_number) {
    const ListPage page = List(query);
    for (const std::string& address : Addresses(page)) seen.push_back(address);
    if (page.next_after_key.empty()) break;
    query.after_key = page.next_after_key;
    query.first_revision = page.first_revision;
    // Between pages: entries leave and come back to the top, new ones appear.
    for (int i = 0; i < 5; ++i) {
      const std::string mover = "u" + std::to_string((page_number * 37 + i * 101) % 500) + "@example.com";
      Apply(
          {ReactivateCommand(mover, Day(-50, page_number * 100 + i)),
           HardBounce(mover, Day(-50, page_number * 100 + i + 50)),
           HardBounce("new" + std::to_string(page_number * 10 + i) + "@example.com", Day(-49, page_number * 100 + i))});
    }
  }
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()), expected);
  EXPECT_EQ(seen.size(), expected.size());
}

TEST_F(StoreTest, EntryThatExpiresBetweenTwoPagesIsNotListedAsSuppressed) {
  Apply({ReportCommand("full@example.com", EventOf(v1::Verdict::HARD, v1::MAILBOX_FULL, Day(-29)), SuppressDecision(30),
                       Day(-29)),
         HardBounce("new@example.com", Day(-1))});
  ListQuery query = Query(1);
  const ListPage first = List(query);
  EXPECT_THAT(Addresses(first), ElementsAre("new@example.com"));
  query.after_key = first.next_after_key;
  query.first_revision = first.first_revision;
  query.now_micros = Day(1);  // the instant of expiry
  EXPECT_THAT(Addresses(List(query)), ElementsAre());
}

TEST_F(StoreTest, LastPageHasNoNext) {
  Apply({HardBounce("a@example.com", Day(-3)), HardBounce("b@example.com", Day(-2))});
  EXPECT_TRUE(List(Query(2)).next_after_key.empty());
  EXPECT_FALSE(List(Query(1)).next_after_key.empty());
}

TEST_F(StoreTest, SameCommandsGiveTheSameEntries) {
  const std::vector<stored::Command> commands = {
      HardBounce("a@example.com", Day(0)), ReactivateCommand("a@example.com", Day(1)),
      HardBounce("a@example.com", Day(2), "r:1"), HardBounce("a@example.com", Day(2), "r:1")};
  Apply(commands);
  TempDirectory other;
  auto store = Store::Open({.path = other / "data"});
  ASSERT_TRUE(store.ok());
  for (const auto& command : commands) ASSERT_TRUE(ApplyTo(*(*store), {command}).ok());
  Lookup found;
  ASSERT_TRUE((*store)->reader().Get({"default", "example.com", "a"}, &found).ok());
  EXPECT_EQ(found.address->SerializeAsString(), Get("a@example.com").address->SerializeAsString());
}

TEST_F(StoreTest, SecondOpenOfTheSameDirectoryIsRefused) {
  const auto second = Store::Open(options_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("in use by another process"));
}

TEST_F(StoreTest, LineageStaysAcrossReopenAndDiffersBetweenDirectories) {
  const uint64_t lineage = store_->lineage();
  Open();
  EXPECT_EQ(store_->lineage(), lineage);
  TempDirectory other;
  EXPECT_NE((*Store::Open({.path = other / "data"}))->lineage(), lineage);
}

}  // namespace
}  // namespace suppressd
