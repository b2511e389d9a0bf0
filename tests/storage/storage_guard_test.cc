#include "storage/storage_guard.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "common/error.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

constexpr int64_t kMib = 1 << 20;

absl::Status Refused(absl::string_view why) {
  return MakeError(absl::StatusCode::kUnavailable, v1::STORAGE_UNAVAILABLE, why);
}

class StorageGuardTest : public ::testing::Test {
 protected:
  StorageGuardTest() {
    options_.path = directory_.path();
    options_.min_free_mib = 100;
    options_.free_bytes = [this](const std::string&) { return free_; };
    options_.env = env_.get();
    options_.changed = [this](const StorageState& state) { phases_.push_back(state.phase); };
  }
  void Make() {
    guard_ = std::make_unique<StorageGuard>(
        options_, std::vector<GuardedStorage>{{.trouble = [this](absl::Time) { return trouble_; },
                                               .shed = [this](const absl::Status& why) { shed_ = why; },
                                               .recover =
                                                   [this] {
                                                     ++recoveries_;
                                                     if (recovered_.ok()) trouble_ = absl::OkStatus();
                                                     return recovered_;
                                                   }}});
  }
  // Looks once a second.
  void LookFor(int seconds) {
    for (int i = 0; i < seconds; ++i) {
      now_ += absl::Seconds(1);
      guard_->Look(now_);
    }
  }

  TempDirectory directory_;
  std::shared_ptr<FaultyFileSystem> files_ = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
  StorageGuardOptions options_;
  absl::StatusOr<int64_t> free_ = 1'000 * kMib;
  absl::Status trouble_, shed_, recovered_;
  int recoveries_ = 0;
  std::vector<StoragePhase> phases_;
  absl::Time now_ = absl::UnixEpoch();
  std::unique_ptr<StorageGuard> guard_;
};

using Phases = std::vector<StoragePhase>;

TEST_F(StorageGuardTest, WhereAllIsWellNothingIsShedAndNothingWritten) {
  Make();
  LookFor(10);
  EXPECT_TRUE(guard_->status().ok());
  EXPECT_EQ(guard_->state().phase, StoragePhase::kOk);
  EXPECT_EQ(guard_->state().free_bytes, 1'000 * kMib);
  EXPECT_TRUE(phases_.empty());
}

TEST_F(StorageGuardTest, LowSpaceShedsBeforeTheDiskIsFullAndAFourthMoreEndsIt) {
  Make();
  free_ = 99 * kMib;
  LookFor(1);
  EXPECT_EQ(ReasonOf(shed_), v1::STORAGE_UNAVAILABLE);
  EXPECT_EQ(shed_, guard_->status());
  EXPECT_EQ(guard_->state().phase, StoragePhase::kShedding);
  EXPECT_EQ(guard_->state().since, now_);
  EXPECT_THAT(guard_->state().cause, ::testing::HasSubstr("100 MiB"));
  free_ = 124 * kMib;
  LookFor(30);
  EXPECT_FALSE(shed_.ok());
  free_ = 125 * kMib;
  LookFor(5);
  EXPECT_FALSE(shed_.ok()) << "not yet for the quiet time";
  LookFor(1);
  EXPECT_TRUE(shed_.ok());
  EXPECT_EQ(phases_, Phases({StoragePhase::kShedding, StoragePhase::kRecovering, StoragePhase::kOk}));
  EXPECT_EQ(guard_->state().cause, "");
  EXPECT_EQ(guard_->state().shed_count, 1u);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "PROBE"));
}

TEST_F(StorageGuardTest, WithoutLimitNoSpaceIsTooLittle) {
  options_.min_free_mib = 0;
  Make();
  free_ = 0;
  LookFor(3);
  EXPECT_TRUE(shed_.ok());
}

TEST_F(StorageGuardTest, SpaceThatCannotBeToldShedsNothing) {
  Make();
  free_ = absl::NotFoundError("no such directory");
  LookFor(3);
  EXPECT_TRUE(shed_.ok());
  EXPECT_LT(guard_->state().free_bytes, 0);
}

TEST_F(StorageGuardTest, AProbeThatFailsBeginsTheQuietTimeAgain) {
  Make();
  trouble_ = Refused("a failed write");
  LookFor(1);
  LookFor(4);
  files_->FailAt("PROBE", FaultyFileSystem::Operation::kSync);
  LookFor(30);
  EXPECT_EQ(recoveries_, 0);
  files_->Heal();
  LookFor(5);
  EXPECT_EQ(recoveries_, 0);
  LookFor(1);
  EXPECT_EQ(recoveries_, 1);
  EXPECT_TRUE(guard_->status().ok());
}

TEST_F(StorageGuardTest, ARecoveryThatFailsIsTriedLessAndLessOften) {
  Make();
  trouble_ = Refused("a failed write");
  recovered_ = Refused("the disk still refuses writes");
  LookFor(1 + 6);
  EXPECT_EQ(recoveries_, 1);
  EXPECT_EQ(guard_->state().phase, StoragePhase::kShedding);
  EXPECT_THAT(guard_->state().cause, ::testing::HasSubstr("still refuses"));
  LookFor(10);
  EXPECT_EQ(recoveries_, 1);
  LookFor(1);
  EXPECT_EQ(recoveries_, 2);
  LookFor(600);
  EXPECT_GE(recoveries_, 2 + 600 / 61 - 1) << "at least once in the longest quiet time";
  EXPECT_LE(recoveries_, 2 + 600 / 20);
  recovered_ = absl::OkStatus();
  LookFor(62);
  EXPECT_TRUE(guard_->status().ok());
}

TEST_F(StorageGuardTest, TroubleThatComesBackSoonIsGivenALongerQuietTime) {
  Make();
  trouble_ = Refused("a failed write");
  LookFor(1 + 6);
  EXPECT_TRUE(guard_->status().ok());
  trouble_ = Refused("a failed write");
  LookFor(1 + 10);
  EXPECT_FALSE(guard_->status().ok());
  LookFor(1);
  EXPECT_TRUE(guard_->status().ok());
  LookFor(61);
  trouble_ = Refused("a failed write");
  LookFor(1 + 6);
  EXPECT_TRUE(guard_->status().ok()) << "after it was well for long the time is short again";
  EXPECT_EQ(guard_->state().shed_count, 3u);
}

TEST(FreeBytesTest, TellsOfADirectoryAndFailsWithoutOne) {
  TempDirectory directory;
  const absl::StatusOr<int64_t> free = FreeBytes(directory.path());
  ASSERT_TRUE(free.ok()) << free.status();
  EXPECT_GT(*free, 0);
  EXPECT_FALSE(FreeBytes(directory / "none").ok());
}

}  // namespace
}  // namespace suppressd
