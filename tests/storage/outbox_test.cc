#include "storage/outbox.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "absl/synchronization/notification.h"
#include "common/error.h"
#include "tests/testing/commands.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

stored::OutboxReport Report(const std::string& recipient, const std::string& key = "",
                            const std::string& digest = "d") {
  stored::OutboxReport report;
  report.mutable_delivery()->mutable_report()->mutable_smtp_reply()->set_recipient(recipient);
  *report.mutable_delivery()->mutable_taken_at() = FromMicros(Day(1));
  report.set_request_key(key);
  report.set_payload_digest(digest);
  return report;
}

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest() {
    options_.path = directory_ / "outbox";
    options_.env = env_.get();
    Open();
  }
  void Open() {
    outbox_.reset();
    visited_.clear();
    delivered_.clear();
    auto outbox = Outbox::Open(
        options_, [this](uint64_t number, const stored::OutboxReport& report, const std::string& delivered) {
          visited_.emplace_back(number, report.delivery().report().smtp_reply().recipient());
          delivered_.push_back(delivered);
        });
    ASSERT_TRUE(outbox.ok()) << outbox.status();
    outbox_ = *std::move(outbox);
  }
  absl::StatusOr<Outbox::Added> Add(const stored::OutboxReport& report) {
    absl::Notification done;
    absl::StatusOr<Outbox::Added> result = absl::UnknownError("not called");
    outbox_->Add(report, [&](absl::StatusOr<Outbox::Added> added) {
      result = std::move(added);
      done.Notify();
    });
    done.WaitForNotification();
    while (result.ok() && outbox_->summary().newest < result->number) std::this_thread::yield();  // until it is shown
    return result;
  }
  // The recipients that Read shows.
  std::vector<std::string> Shown(uint64_t after = 0, int count_max = 100, int64_t bytes_max = 1 << 20) {
    std::vector<std::string> recipients;
    const auto reports = outbox_->Read(after, count_max, bytes_max);
    EXPECT_TRUE(reports.ok()) << reports.status();
    for (const auto& [number, report] : *reports)
      recipients.push_back(report.delivery().report().smtp_reply().recipient());
    return recipients;
  }
  // Everything that was added and acknowledged is shown, at the latest once another report was added.
  using Names = std::vector<std::string>;

  TempDirectory directory_;
  std::shared_ptr<FaultyFileSystem> files_ = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
  OutboxOptions options_;
  std::vector<std::pair<uint64_t, std::string>> visited_;
  std::vector<std::string> delivered_;
  std::unique_ptr<Outbox> outbox_;
};

TEST_F(OutboxTest, KeepsReportsInOrderOverARestart) {
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(Add(Report(name)).ok());
  Open();
  EXPECT_EQ(Shown(), Names({"a", "b", "c"}));
  ASSERT_EQ(visited_.size(), 3U);
  EXPECT_LT(visited_[0].first, visited_[1].first);
  EXPECT_EQ(Shown(visited_[0].first), Names({"b", "c"}));
  EXPECT_EQ(Shown(0, 2), Names({"a", "b"}));
  EXPECT_EQ(Shown(0, 100, 0), Names({"a"})) << "one at least, whatever its size";
  EXPECT_EQ(outbox_->TakenAt(visited_[1].first), Day(1));
}

TEST_F(OutboxTest, ForgetsWhatWasDeliveredAndPutsAsideWhatWasRefused) {
  uint64_t numbers[3] = {};
  for (int i = 0; i < 3; ++i) numbers[i] = Add(Report(std::to_string(i)))->number;
  ASSERT_TRUE(outbox_->Remove({numbers[0], 999}).ok());
  ASSERT_TRUE(outbox_->Refuse(numbers[1], "NO_RECIPIENT").ok());
  EXPECT_EQ(outbox_->summary().reports, 1);
  EXPECT_EQ(outbox_->summary().refused, 1);
  EXPECT_EQ(outbox_->OldestBut([](uint64_t) { return false; }), numbers[2]);
  Open();
  EXPECT_EQ(Shown(), Names({"2"}));
  EXPECT_EQ(outbox_->summary().refused, 1);
  EXPECT_GT(Add(Report("later"))->number, numbers[2]);
}

TEST_F(OutboxTest, KnowsAfterARestartWhatWasDelivered) {
  const uint64_t first = Add(Report("a"))->number;
  ASSERT_TRUE(Add(Report("b")).ok());
  ASSERT_TRUE(outbox_->NoteDelivered(first, "state").ok());
  Open();
  EXPECT_EQ(delivered_, std::vector<std::string>({"state", ""}));
  ASSERT_TRUE(outbox_->Remove({first}).ok());
  Open();
  EXPECT_EQ(delivered_, std::vector<std::string>({""}));
}

TEST_F(OutboxTest, ARepeatIsTakenOnceAndAnotherPayloadUnderItsKeyRefused) {
  const auto first = Add(Report("a", "r:1", "digest"));
  ASSERT_TRUE(first.ok());
  EXPECT_FALSE(first->duplicate);
  Open();
  const auto repeat = Add(Report("a", "r:1", "digest"));
  ASSERT_TRUE(repeat.ok());
  EXPECT_TRUE(repeat->duplicate);
  EXPECT_EQ(repeat->number, first->number);
  EXPECT_EQ(ReasonOf(Add(Report("b", "r:1", "other")).status()), v1::REQUEST_ID_REUSED);
  EXPECT_EQ(outbox_->summary().reports, 1);
  ASSERT_TRUE(outbox_->Remove({first->number}).ok());
  EXPECT_FALSE(Add(Report("a", "r:1", "digest"))->duplicate);
}

TEST_F(OutboxTest, IsFullAtItsLimitsAndDropsNothing) {
  options_.reports_max = 2;
  Open();
  ASSERT_TRUE(Add(Report("a", "r:a")).ok());
  ASSERT_TRUE(Add(Report("b")).ok());
  EXPECT_EQ(ReasonOf(Add(Report("c")).status()), v1::OUTBOX_FULL);
  EXPECT_TRUE(Add(Report("a", "r:a")).ok()) << "a repeat needs no room";
  options_.reports_max = 100;
  options_.bytes_max = outbox_->summary().bytes;
  Open();
  EXPECT_EQ(ReasonOf(Add(Report("c")).status()), v1::OUTBOX_FULL);
  EXPECT_EQ(Shown(), Names({"a", "b"}));
}

TEST_F(OutboxTest, AFullDiskRefusesAndRoomThatCameBackIsUsedOnceItRecovered) {
  ASSERT_TRUE(Add(Report("a")).ok());
  files_->SetFull(true);
  EXPECT_EQ(ReasonOf(Add(Report("b", "r:b")).status()), v1::STORAGE_UNAVAILABLE);
  EXPECT_EQ(ReasonOf(Add(Report("c")).status()), v1::STORAGE_UNAVAILABLE);
  EXPECT_EQ(ReasonOf(outbox_->trouble()), v1::STORAGE_UNAVAILABLE);
  EXPECT_FALSE(outbox_->Recover().ok());
  EXPECT_EQ(Shown(), Names({"a"}));
  files_->SetFull(false);
  EXPECT_FALSE(Add(Report("d")).ok()) << "it does not recover by itself";
  ASSERT_TRUE(outbox_->Recover().ok());
  EXPECT_TRUE(outbox_->trouble().ok());
  ASSERT_TRUE(Add(Report("d")).ok());
  EXPECT_EQ(Shown(), Names({"a", "d"}));
  Open();
  EXPECT_EQ(Shown(), Names({"a", "d"}));
}

TEST_F(OutboxTest, WhatWasRefusedAndIsThereAllTheSameIsDropped) {
  ASSERT_TRUE(Add(Report("a")).ok());
  files_->FailAt(".log", FaultyFileSystem::Operation::kSync);
  EXPECT_FALSE(Add(Report("b", "r:b")).ok());
  files_->Heal();
  ASSERT_TRUE(outbox_->Recover().ok());
  EXPECT_EQ(Shown(), Names({"a"}));
  const auto repeated = Add(Report("b", "r:b"));
  ASSERT_TRUE(repeated.ok());
  EXPECT_FALSE(repeated->duplicate);
  EXPECT_EQ(Shown(), Names({"a", "b"}));
  Open();
  EXPECT_EQ(Shown(), Names({"a", "b"}));
}

TEST_F(OutboxTest, WhatWasDeliveredMeanwhileIsForgottenOnceItRecovered) {
  const uint64_t first = Add(Report("a"))->number;
  ASSERT_TRUE(Add(Report("b")).ok());
  for (const auto operation : {FaultyFileSystem::Operation::kAppend, FaultyFileSystem::Operation::kSync}) {
    files_->FailAt(".log", operation);
    EXPECT_FALSE(Add(Report("c")).ok());
    EXPECT_FALSE(outbox_->Remove({first}).ok());
    files_->Heal();
    EXPECT_FALSE(outbox_->Remove({first}).ok());
    ASSERT_TRUE(outbox_->Recover().ok());
  }
  ASSERT_TRUE(outbox_->Remove({first}).ok());
  EXPECT_EQ(Shown(), Names({"b"}));
}

TEST_F(OutboxTest, AReportThatIsMissingKeepsItFromRecovering) {
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(Add(Report(name)).ok());
  files_->FailAt(".log", FaultyFileSystem::Operation::kSync);
  EXPECT_FALSE(Add(Report("d")).ok());
  files_->Heal();
  std::filesystem::path log;
  for (const auto& item : std::filesystem::directory_iterator(options_.path + "/db")) {
    if (item.path().extension() == ".log" && item.path() > log) log = item.path();
  }
  std::filesystem::rename(log, directory_ / "aside");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(outbox_->Recover().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(outbox_->summary().reports, 3);
  }
  std::filesystem::rename(directory_ / "aside", log);
  ASSERT_TRUE(outbox_->Recover().ok());
  EXPECT_EQ(Shown(), Names({"a", "b", "c"}));
}

TEST_F(OutboxTest, WhatIsShedIsRefusedForThatReason) {
  ASSERT_TRUE(Add(Report("a")).ok());
  outbox_->Shed(MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE, "too little is free"));
  EXPECT_EQ(Add(Report("b")).status().message(), "too little is free");
  EXPECT_TRUE(outbox_->trouble().ok());
  outbox_->Shed(absl::OkStatus());
  EXPECT_TRUE(Add(Report("b")).ok());
}

TEST_F(OutboxTest, WhereItCannotBeOpenedAgainReadingFailsRatherThanFindNothing) {
  ASSERT_TRUE(Add(Report("a")).ok());
  files_->SetFull(true);
  EXPECT_FALSE(Add(Report("b")).ok());
  files_->SetFull(false);
  files_->SetUnreadable(true);
  EXPECT_FALSE(outbox_->Recover().ok());
  EXPECT_EQ(ReasonOf(outbox_->Read(0, 10, 1 << 20).status()), v1::STORAGE_UNAVAILABLE);
  EXPECT_EQ(outbox_->summary().reports, 1) << "it still waits";
  files_->SetUnreadable(false);
  ASSERT_TRUE(outbox_->Recover().ok());
  ASSERT_TRUE(Add(Report("d")).ok());
  EXPECT_EQ(Shown(), Names({"a", "d"}));
}

TEST_F(OutboxTest, ADiskThatHangsIsGivenUpAndNothingOfItStays) {
  ASSERT_TRUE(Add(Report("a")).ok());
  files_->SetHanging(true);
  std::atomic<bool> answered{false};
  absl::Status refused;
  outbox_->Add(Report("b", "r:b"), [&](const absl::StatusOr<Outbox::Added>& added) {
    refused = added.status();
    answered = true;
  });
  files_->AwaitHanging();  // this very batch, and not what follows the one before it
  absl::Time now = absl::UnixEpoch();
  while (outbox_->GiveUpStuck(now).ok()) now += kBatchTimeMax / 10;
  while (!answered) std::this_thread::yield();
  EXPECT_EQ(ReasonOf(refused), v1::STORAGE_UNAVAILABLE);
  EXPECT_EQ(ReasonOf(Add(Report("c")).status()), v1::STORAGE_UNAVAILABLE) << "at once";
  files_->SetHanging(false);
  while (!outbox_->GiveUpStuck(now).ok()) std::this_thread::yield();
  const auto repeated = Add(Report("b", "r:b"));
  ASSERT_TRUE(repeated.ok());
  EXPECT_FALSE(repeated->duplicate);
  EXPECT_EQ(Shown(), Names({"a", "b"}));
}

TEST_F(OutboxTest, ManyAddersAtOnceAreAllKept) {
  constexpr int kThreads = 8;
  constexpr int kEach = 200;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) EXPECT_TRUE(Add(Report(std::to_string(t) + "." + std::to_string(i))).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  Open();
  EXPECT_EQ(visited_.size(), static_cast<size_t>(kThreads * kEach));
}

TEST_F(OutboxTest, OneProcessOnly) {
  EXPECT_FALSE(Outbox::Open(options_, [](uint64_t, const stored::OutboxReport&, const std::string&) {}).ok());
}

TEST_F(OutboxTest, ClosingRefusesWhatComesAfter) {
  outbox_->Close();
  EXPECT_EQ(ReasonOf(Add(Report("a")).status()), v1::SHUTTING_DOWN);
}

}  // namespace
}  // namespace suppressd
