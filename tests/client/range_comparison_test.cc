#include "client/suppressctl/range_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace suppressd::suppressctl {
namespace {

using ::testing::ElementsAre;

// A list in memory that answers for its checksums as the service does; the sum of a range is its content.
class Copy {
 public:
  void Put(const std::string& key, const std::string& value = "") { entries_[key] = value; }
  void Erase(const std::string& key) { entries_.erase(key); }
  void Fill(int count) {
    for (int i = 0; i < count; ++i) Put(absl::StrCat("key", 1'000'000 + i));
  }

  absl::StatusOr<v1::RangeChecksumsResponse> Answer(const v1::RangeChecksumsRequest& request) {
    ++asked_;
    tenants_.assign(request.tenants().begin(), request.tenants().end());
    if (on_ask) on_ask(request);
    const int at_least = request.at_least().empty() ? 0 : std::stoi(request.at_least());
    if (at_least > revision) return absl::UnavailableError("not reached");
    v1::RangeChecksumsResponse response;
    response.set_revision_token(absl::StrCat(revision));
    v1::RangeChecksum* range = response.add_ranges();
    for (auto it = entries_.upper_bound(request.after_key()); it != entries_.end(); ++it) {
      if (!request.until_key().empty() && it->first > request.until_key()) break;
      if (request.entries_per_range() > 0 && range->entry_count() == request.entries_per_range()) {
        range = response.add_ranges();
      }
      range->set_until_key(it->first);
      range->set_entry_count(range->entry_count() + 1);
      range->mutable_sha256()->append(absl::StrCat(it->first, "=", it->second, ";"));
      response.set_entry_count(response.entry_count() + 1);
    }
    range->set_until_key(request.until_key());
    return response;
  }
  ChecksumSource source() {
    return [this](const v1::RangeChecksumsRequest& request) { return Answer(request); };
  }

  std::function<void(const v1::RangeChecksumsRequest&)> on_ask;
  int revision = 1;
  int asked() const { return asked_; }
  const std::vector<std::string>& tenants() const { return tenants_; }

 private:
  std::map<std::string, std::string> entries_;
  std::vector<std::string> tenants_;
  int asked_ = 0;
};

class RangeComparisonTest : public ::testing::Test {
 protected:
  absl::StatusOr<Comparison> Run() { return Compare(copy_.source(), other_.source(), options_); }

  // The differences as "after-until entries/against".
  std::vector<std::string> Differences() {
    const absl::StatusOr<Comparison> result = Run();
    EXPECT_TRUE(result.ok()) << result.status();
    std::vector<std::string> texts;
    if (!result.ok()) return texts;
    for (const RangeDifference& difference : result->differences) {
      texts.push_back(absl::StrCat(difference.after_key, "-", difference.until_key, " ", difference.entries, "/",
                                   difference.against));
    }
    return texts;
  }

  Copy copy_;
  Copy other_;
  ComparisonOptions options_;
};

TEST_F(RangeComparisonTest, EqualCopiesAreEqualAfterOneQuestionEach) {
  copy_.Fill(100);
  other_.Fill(100);
  options_.tenants = {"a", "b"};
  const absl::StatusOr<Comparison> result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->equal());
  EXPECT_EQ(result->entries, 100);
  EXPECT_EQ(result->against, 100);
  EXPECT_EQ(result->revision_token, "1");
  EXPECT_EQ(copy_.asked() + other_.asked(), 2);
  EXPECT_THAT(other_.tenants(), ElementsAre("a", "b"));
}

TEST_F(RangeComparisonTest, TwoEmptyListsAreEqual) {
  ASSERT_TRUE(Run().ok());
  EXPECT_TRUE(Run()->equal());
}

TEST_F(RangeComparisonTest, TheOneEntryThatDiffersIsFound) {
  copy_.Fill(5'000);
  other_.Fill(5'000);
  copy_.Put("key1003210", "changed");
  EXPECT_THAT(Differences(), ElementsAre("key1003209-key1003210 1/1"));
}

TEST_F(RangeComparisonTest, AnEntryThatOneLacksIsFoundOnBothSides) {
  copy_.Fill(500);
  other_.Fill(500);
  copy_.Erase("key1000007");
  other_.Erase("key1000499");
  EXPECT_THAT(Differences(), ElementsAre("key1000006-key1000007 0/1", "key1000498- 1/0"));
}

TEST_F(RangeComparisonTest, NeighboursThatEachOneLacksAreToldApart) {
  for (Copy* copy : {&copy_, &other_}) {
    copy->Put("a");
    copy->Put("d");
  }
  copy_.Put("b");
  other_.Put("c");
  EXPECT_THAT(Differences(), ElementsAre("a-b 1/0", "b-c 0/1"));
}

TEST_F(RangeComparisonTest, AnEmptyCopyLacksEverything) {
  other_.Put("a");
  other_.Put("b");
  EXPECT_THAT(Differences(), ElementsAre("-a 0/1", "a- 0/1"));
}

TEST_F(RangeComparisonTest, RangesAreNoNarrowerThanAskedFor) {
  copy_.Fill(320);
  other_.Fill(320);
  copy_.Put("key1000045", "changed");
  options_.entries_per_range = 20;
  EXPECT_THAT(Differences(), ElementsAre("key1000039-key1000059 20/20"));
}

TEST_F(RangeComparisonTest, NoMoreDifferencesAreLookedForThanAskedFor) {
  other_.Fill(1'000);
  options_.differences_max = 3;
  const absl::StatusOr<Comparison> result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->differences.size(), 3u);
  EXPECT_TRUE(result->more);
  EXPECT_LT(other_.asked(), 100);
}

TEST_F(RangeComparisonTest, ACopyThatIsBehindIsComparedAtTheStateOfTheOther) {
  other_.revision = 7;
  other_.Put("new");
  copy_.on_ask = [this](const v1::RangeChecksumsRequest& request) {
    if (request.at_least() != "7") return;
    copy_.revision = 7;
    copy_.Put("new");
  };
  ASSERT_TRUE(Run().ok());
  EXPECT_TRUE(Run()->equal());
}

TEST_F(RangeComparisonTest, ADifferenceCountsOnlyAtOneState) {
  // The other one is ahead at first, and the copy then lacks what it should hold by now.
  other_.revision = 7;
  other_.Put("new");
  copy_.on_ask = [this](const v1::RangeChecksumsRequest& request) {
    if (request.at_least() == "7") copy_.revision = 7;
  };
  EXPECT_THAT(Differences(), ElementsAre("- 0/1"));
}

TEST_F(RangeComparisonTest, AListThatMovesOnIsProvenEqualInSmallerRanges) {
  // All of it is never met at one state, since every look at all of it sees another change at its end.
  copy_.Fill(200);
  other_.Fill(200);
  const auto change = [this](const v1::RangeChecksumsRequest& request) {
    const bool whole = request.after_key().empty() && request.until_key().empty();
    if (!whole || request.entries_per_range() > 0) return;
    for (Copy* copy : {&copy_, &other_}) {
      ++copy->revision;
      copy->Put("zzz", absl::StrCat(copy->revision));
    }
  };
  copy_.on_ask = change;
  other_.on_ask = change;
  const absl::StatusOr<Comparison> result = Run();
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_TRUE(result->equal());
}

TEST_F(RangeComparisonTest, AnEntryThatNeverStandsStillIsNoDifference) {
  const auto change = [this](const v1::RangeChecksumsRequest&) {
    for (Copy* copy : {&copy_, &other_}) copy->Put("hot", absl::StrCat(++copy->revision));
  };
  copy_.on_ask = change;
  other_.on_ask = change;
  options_.attempts_max = 3;
  EXPECT_TRUE(absl::IsUnavailable(Run().status()));
  EXPECT_EQ(copy_.asked() + other_.asked(), 4);
}

TEST_F(RangeComparisonTest, TheErrorOfEitherIsTheError) {
  const ChecksumSource broken = [](const v1::RangeChecksumsRequest&) { return absl::DataLossError("damaged"); };
  EXPECT_EQ(Compare(broken, other_.source(), options_).status(), absl::DataLossError("damaged"));
  EXPECT_EQ(Compare(copy_.source(), broken, options_).status(), absl::DataLossError("damaged"));
}

}  // namespace
}  // namespace suppressd::suppressctl
