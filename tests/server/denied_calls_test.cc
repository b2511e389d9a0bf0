#include "server/rpc/denied_calls.h"

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "common/error.h"
#include "server/base/log.h"
#include "storage/log/local_commit_log.h"
#include "storage/store.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

constexpr char kSuppress[] = "/suppressd.v1.SuppressionService/Suppress";
constexpr char kList[] = "/suppressd.v1.SuppressionService/ListSuppressions";

class DeniedCallsTest : public ::testing::Test {
 protected:
  DeniedCallsTest() {
    SetLogLevel("error");
    store_ = *Store::Open({.path = directory_ / "data"});
    EXPECT_TRUE(log_->Start(&store_->applier()).ok());
    denied_ = std::make_unique<DeniedCalls>(
        log_.get(), [this] { return clock_.Now(); }, [this] { return may_write_; });
  }
  // What the trail holds once the log has done all that it was given.
  std::vector<v1::AuditRecord> Records() {
    log_->Close();
    return store_->reader().ListAudit({.page_size = 2'000})->records;
  }

  TempDirectory directory_;
  FakeClock clock_{absl::FromUnixSeconds(1'780'000'000)};
  absl::Status may_write_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<LocalCommitLog> log_ = std::make_unique<LocalCommitLog>();
  std::unique_ptr<DeniedCalls> denied_;
};

TEST_F(DeniedCallsTest, EqualCallsBecomeOneRecordWithTheirCountAndTimes) {
  const absl::Time first = clock_.Now();
  for (int i = 0; i < 500; ++i) {
    denied_->Add({"sender", kSuppress, "shop"});
    clock_.Advance(absl::Milliseconds(10));
  }
  const absl::Time last = clock_.Now() - absl::Milliseconds(10);
  denied_->Add({"sender", kList, "shop"});
  denied_->Add({"desk", kSuppress, ""});
  denied_->Flush();
  denied_->Flush();
  const std::vector<v1::AuditRecord> records = Records();
  ASSERT_EQ(records.size(), 3u) << "nothing is noted twice";
  for (const v1::AuditRecord& record : records) {
    EXPECT_EQ(record.action(), "denied");
    EXPECT_EQ(record.refused_reason(), "ACCESS_DENIED");
    EXPECT_FALSE(record.has_text());
    if (record.detail() != kSuppress || record.actor() != "sender") continue;
    EXPECT_EQ(record.tenant(), "shop");
    EXPECT_EQ(record.count(), 500);
    EXPECT_EQ(ToMicros(record.first_at()), absl::ToUnixMicros(first));
    EXPECT_EQ(ToMicros(record.last_at()), absl::ToUnixMicros(last));
  }
  EXPECT_EQ(records[0].actor(), "desk");
  EXPECT_EQ(records[0].tenant(), "");
}

TEST_F(DeniedCallsTest, OneIdentityCannotCrowdOutTheOthers) {
  const int kinds = static_cast<int>(kDeniedKindsPerIdentityMax);
  for (int i = 0; i < 3 * kinds; ++i) denied_->Add({"noisy", kSuppress, "t" + std::to_string(i)});
  denied_->Add({"quiet", kSuppress, "shop"});
  denied_->Flush();
  int64_t noisy = 0;
  int64_t together = 0;
  int records_of_noisy = 0;
  for (const v1::AuditRecord& record : Records()) {
    if (record.actor() == "quiet") {
      EXPECT_EQ(record.tenant(), "shop");
      continue;
    }
    ++records_of_noisy;
    noisy += record.count();
    if (record.detail().empty()) together += record.count();
  }
  EXPECT_EQ(records_of_noisy, kinds + 1);
  EXPECT_EQ(noisy, 3 * kinds) << "every call is counted";
  EXPECT_EQ(together, 2 * kinds);
}

TEST_F(DeniedCallsTest, ThereIsABoundOnAllOfThem) {
  const auto identities = static_cast<int>(kDeniedKindsMax) + 500;
  for (int i = 0; i < identities; ++i) denied_->Add({"i" + std::to_string(i), kSuppress, "shop"});
  denied_->Flush();
  const std::vector<v1::AuditRecord> records = Records();
  EXPECT_EQ(records.size(), kDeniedKindsMax + 1);
  int64_t all = 0;
  for (const v1::AuditRecord& record : records) {
    all += record.count();
    if (record.actor().empty()) {
      EXPECT_EQ(record.count(), 500);
    }
  }
  EXPECT_EQ(all, identities);
}

TEST_F(DeniedCallsTest, TheyAreFlushedWhenItIsTime) {
  denied_->Add({"sender", kSuppress, "shop"});
  denied_->FlushIfDue();
  clock_.Advance(kDeniedFlushInterval - absl::Milliseconds(1));
  denied_->FlushIfDue();
  EXPECT_EQ(log_->counts().commands, 0u);
  denied_->Add({"sender", kSuppress, "shop"});
  clock_.Advance(absl::Milliseconds(1));
  denied_->FlushIfDue();
  const std::vector<v1::AuditRecord> records = Records();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].count(), 2);
}

TEST_F(DeniedCallsTest, ThoseOfATimeWithoutWritesAreNotedLater) {
  may_write_ = MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE, "the disk is full");
  denied_->Add({"sender", kSuppress, "shop"});
  denied_->Flush();
  denied_->Add({"sender", kSuppress, "shop"});
  may_write_ = absl::OkStatus();
  denied_->Flush();
  const std::vector<v1::AuditRecord> records = Records();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].count(), 2);
}

// Takes nothing until it is told to.
class RefusingLog final : public CommitLog {
 public:
  absl::Status Start(LogApplier*) override { return absl::OkStatus(); }
  void Append(stored::Command command, Done done) override {
    if (!takes) return done(AppendResult::NotAppended(absl::UnavailableError("full")));
    taken.push_back(std::move(command));
    done(AppendResult::Of({}));
  }
  void Barrier(std::function<void(absl::Status)> done) override { done(absl::OkStatus()); }
  LogHealth Health() const override { return {}; }
  LogIdentity Identity() const override { return {}; }
  void Close() override {}

  bool takes = false;
  std::vector<stored::Command> taken;
};

TEST_F(DeniedCallsTest, WhatTheLogDoesNotTakeIsNotedTheNextTime) {
  RefusingLog log;
  DeniedCalls denied(
      &log, [this] { return clock_.Now(); }, [] { return absl::OkStatus(); });
  denied.Add({"sender", kSuppress, "shop"});
  denied.Flush();
  clock_.Advance(absl::Seconds(10));
  denied.Add({"sender", kSuppress, "shop"});
  log.takes = true;
  denied.Flush();
  ASSERT_EQ(log.taken.size(), 1u);
  EXPECT_EQ(log.taken[0].note().count(), 2);
  EXPECT_EQ(log.taken[0].note().last_at().seconds() - log.taken[0].note().first_at().seconds(), 10);
}

}  // namespace
}  // namespace suppressd
