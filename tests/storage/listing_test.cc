// What a listing's filters look at, and where its pages end.
#include "storage/listing.h"

#include <gmock/gmock.h>

#include "storage/entry.h"
#include "storage/store.h"
#include "tests/testing/apply.h"
#include "tests/testing/commands.h"
#include "tests/testing/damage.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Request = v1::ListSuppressionsRequest;

class ListingTest : public ::testing::Test {
 protected:
  ListingTest() {
    options_.path = directory_ / "data";
    store_ = *Store::Open(options_);
    query_.tenant = "default";
    query_.now_micros = Day(0);
  }

  void Apply(const std::vector<stored::Command>& commands) {
    const auto results = ApplyTo(*store_, commands);
    ASSERT_TRUE(results.ok()) << results.status();
    for (const auto& result : *results) EXPECT_EQ(result.error_reason(), "");
  }
  ListPage List() {
    auto page = store_->reader().List(query_);
    EXPECT_TRUE(page.ok()) << page.status();
    return page.ok() ? *std::move(page) : ListPage();
  }
  std::vector<std::string> Addresses() {
    std::vector<std::string> addresses;
    for (const auto& suppression : List().suppressions) addresses.push_back(TargetText(suppression));
    return addresses;
  }
  // "REASON=N" for each row of the counts, the total first.
  std::vector<std::string> Counts() {
    const auto counted = store_->reader().Count(query_, [] { return false; });
    EXPECT_TRUE(counted.ok()) << counted.status();
    if (!counted.ok()) return {};
    std::vector<std::string> counts = {std::to_string(counted->total)};
    for (const auto& [reason, count] : counted->reasons) {
      counts.push_back(v1::BounceReason_Name(reason) + "=" + std::to_string(count));
    }
    return counts;
  }
  // An address whose bounce was lifted, whose full mailbox expired, and that is suppressed by hand if `manual`.
  void AddMixed(const std::string& address, bool manual) {
    v1::BounceEvent full = EventOf(v1::Verdict::HARD, v1::MAILBOX_FULL, Day(-40));
    full.set_source("expired-source");
    v1::BounceEvent gone = EventOf(v1::Verdict::HARD, v1::ADDRESS_NOT_FOUND, Day(-9));
    gone.set_source("lifted-source");
    Apply({ReportCommand(address, full, SuppressDecision(30), Day(-40)),
           ReportCommand(address, gone, SuppressDecision(), Day(-9)), ReactivateCommand(address, Day(-8))});
    if (manual) Apply({SuppressCommand(address, v1::Cause::MANUAL, Day(-7))});
  }

  TempDirectory directory_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  ListQuery query_;
};

TEST_F(ListingTest, SuppressedNowLooksOnlyAtCausesThatCountNow) {
  AddMixed("jo@example.com", true);
  EXPECT_THAT(Counts(), ElementsAre("1", "BOUNCE_REASON_UNSPECIFIED=1"));
  for (const Request::Order order : {Request::NEWEST_FIRST, Request::BY_ADDRESS}) {
    query_.order = order;
    query_.filter.reasons = {v1::ADDRESS_NOT_FOUND};
    EXPECT_THAT(Addresses(), IsEmpty()) << "lifted";
    query_.filter.reasons = {v1::MAILBOX_FULL};
    EXPECT_THAT(Addresses(), IsEmpty()) << "expired";
    query_.filter.reasons = {};
    query_.filter.cause_types = {v1::Cause::HARD_BOUNCE};
    EXPECT_THAT(Addresses(), IsEmpty());
    query_.filter.cause_types = {v1::Cause::MANUAL};
    EXPECT_THAT(Addresses(), ElementsAre("jo@example.com"));
    query_.filter.cause_types = {};
  }
  query_.filter.source = "lifted-source";
  EXPECT_THAT(Addresses(), IsEmpty());
}

TEST_F(ListingTest, ReactivatedLooksOnlyAtLiftedCauses) {
  AddMixed("jo@example.com", false);
  query_.filter.state = v1::SuppressionFilter::REACTIVATED;
  EXPECT_THAT(Counts(), ElementsAre("1", "ADDRESS_NOT_FOUND=1"));
  query_.filter.source = "expired-source";
  EXPECT_THAT(Addresses(), IsEmpty());
  query_.filter.source = "lifted-source";
  EXPECT_THAT(Addresses(), ElementsAre("jo@example.com"));
}

TEST_F(ListingTest, AnyStateLooksAtAllCauses) {
  AddMixed("jo@example.com", true);
  query_.filter.state = v1::SuppressionFilter::EVER_SUPPRESSED;
  EXPECT_THAT(Counts(), ElementsAre("1", "BOUNCE_REASON_UNSPECIFIED=1", "ADDRESS_NOT_FOUND=1", "MAILBOX_FULL=1"));
  query_.filter.source = "expired-source";
  EXPECT_THAT(Addresses(), ElementsAre("jo@example.com"));
}

TEST_F(ListingTest, PageEndsAfterItsBytesAndTheNextGoesOn) {
  constexpr int kEntries = 30;
  for (int i = 0; i < kEntries; ++i) {
    for (int stream = 0; stream < 47; ++stream) {
      stored::Command command =
          SuppressCommand("u" + std::to_string(100 + i) + "@example.com", v1::Cause::MANUAL, Day(-9, i));
      command.mutable_suppress()->mutable_cause()->set_stream("s" + std::to_string(stream));
      command.mutable_suppress()->mutable_cause()->set_note(std::string(2'000, 'n'));
      Apply({command});
    }
  }
  for (const Request::Order order : {Request::NEWEST_FIRST, Request::BY_ADDRESS}) {
    query_.order = order;
    query_.after_key.clear();
    query_.first_revision = 0;
    int entries = 0;
    int pages = 0;
    for (bool more = true; more; ++pages) {
      const ListPage page = List();
      size_t bytes = 0;
      for (const v1::Suppression& suppression : page.suppressions) bytes += suppression.ByteSizeLong();
      EXPECT_LT(bytes, kListPageMaxBytes + 200'000u) << "the last entry may lie across the limit";
      entries += static_cast<int>(page.suppressions.size());
      query_.after_key = page.next_after_key;
      query_.first_revision = page.first_revision;
      more = !page.next_after_key.empty();
    }
    EXPECT_EQ(entries, kEntries);
    EXPECT_EQ(pages, 2);
  }
}

TEST_F(ListingTest, DamagedEntriesAreLeftOutAndCounted) {
  for (const char* address : {"a@example.com", "b@example.com", "c@example.com"}) Apply({HardBounce(address, Day(-1))});
  store_.reset();
  DamageEntry(options_, "b@example.com");
  store_ = *Store::Open(options_);
  for (const auto order : {Request::NEWEST_FIRST, Request::BY_ADDRESS}) {
    query_.order = order;
    const ListPage page = List();
    EXPECT_EQ(page.suppressions.size(), 2u);
    EXPECT_EQ(page.damaged_count, 1);
    const auto counted = store_->reader().Count(query_, [] { return false; });
    EXPECT_EQ(counted->total, 2);
    EXPECT_EQ(counted->damaged_count, 1);
  }
  query_.filter.domain = "example.org";
  EXPECT_EQ(List().damaged_count, 0) << "nothing of this domain is damaged";
}

TEST_F(ListingTest, PagesGoOnBehindADamagedEntry) {
  for (const char* address : {"a@example.com", "b@example.com", "c@example.com"}) Apply({HardBounce(address, Day(-1))});
  store_.reset();
  DamageEntry(options_, "b@example.com");
  store_ = *Store::Open(options_);
  query_.page_size = 1;
  for (const auto order : {Request::NEWEST_FIRST, Request::BY_ADDRESS}) {
    query_.order = order;
    query_.after_key.clear();
    query_.first_revision = 0;
    int entries = 0;
    int64_t damaged = 0;
    do {
      const ListPage page = List();
      entries += static_cast<int>(page.suppressions.size());
      damaged += page.damaged_count;
      query_.after_key = page.next_after_key;
      query_.first_revision = page.first_revision;
    } while (!query_.after_key.empty());
    EXPECT_EQ(entries, 2);
    EXPECT_EQ(damaged, 1);
  }
}

}  // namespace
}  // namespace suppressd
