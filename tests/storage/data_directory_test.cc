#include "storage/data_directory.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "storage/store.h"
#include "tests/testing/commands.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using ::testing::HasSubstr;

class DataDirectoryTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(path_);
    std::ofstream(path_ + "/" + name) << text;
  }
  std::string Refusal() {
    const auto directory = DataDirectory::Open(path_);
    EXPECT_EQ(directory.status().code(), absl::StatusCode::kFailedPrecondition) << directory.status();
    return std::string(directory.status().message());
  }

  TempDirectory directory_;
  const std::string path_ = directory_ / "data";
};

TEST_F(DataDirectoryTest, EmptyOrMissingDirectoryIsNew) {
  auto directory = DataDirectory::Open(path_);
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_TRUE((*directory)->is_new());
}

TEST_F(DataDirectoryTest, InterruptedCreationIsDoneAgain) {
  { ASSERT_TRUE(DataDirectory::Open(path_).ok()); }  // never marked ready
  std::filesystem::create_directories(path_ + "/db");
  Write("db/CURRENT", "half made");
  auto directory = DataDirectory::Open(path_);
  ASSERT_TRUE(directory.ok()) << directory.status();
  EXPECT_TRUE((*directory)->is_new());
  EXPECT_FALSE(std::filesystem::exists(path_ + "/db/CURRENT"));
}

TEST_F(DataDirectoryTest, AnotherProgramsDirectoryIsRefusedAndLeftAsItIs) {
  Write("postgresql.conf", "x");
  EXPECT_THAT(Refusal(), HasSubstr("not a suppressd data directory"));
  EXPECT_FALSE(std::filesystem::exists(path_ + "/LOCK"));
}

TEST_F(DataDirectoryTest, AnotherFormatIsRefused) {
  Write("FORMAT", "suppressd data directory\nformat 3\nstate ready\n");
  EXPECT_THAT(Refusal(), HasSubstr("use a newer suppressd"));
  Write("FORMAT", "suppressd data directory\nformat 1\nstate ready\n");
  EXPECT_THAT(Refusal(), HasSubstr("has format 1; this program reads format 2 only"));
}

TEST_F(DataDirectoryTest, DamagedFormatFileIsRefused) {
  for (const std::string text : {"", "something else\nformat 2\nstate ready\n", "suppressd data directory\nformat x\n",
                                 "suppressd data directory\nformat 2\nstate odd\n"}) {
    Write("FORMAT", text);
    EXPECT_THAT(Refusal(), HasSubstr("not ours or is damaged")) << text;
  }
}

TEST_F(DataDirectoryTest, LostDatabaseIsRefusedAndNotMadeAnew) {
  { ASSERT_TRUE(Store::Open({.path = path_}).ok()); }
  std::filesystem::remove_all(path_ + "/db");
  EXPECT_THAT(Refusal(), HasSubstr("lost its database"));
}

TEST_F(DataDirectoryTest, FormatThatCannotBeReadIsNoNewDirectory) {
  { ASSERT_TRUE(Store::Open({.path = path_}).ok()); }
  std::filesystem::remove(path_ + "/FORMAT");
  std::filesystem::create_directory(path_ + "/FORMAT");  // opens, but reads with an error, whoever runs the test
  EXPECT_FALSE(DataDirectory::Open(path_).ok());
  EXPECT_TRUE(std::filesystem::exists(path_ + "/db/CURRENT")) << "and nothing was removed";
}

TEST_F(DataDirectoryTest, MissingHeadMakesANewLineage) {
  const uint64_t lineage = (*Store::Open({.path = path_}))->lineage();
  EXPECT_EQ((*Store::Open({.path = path_}))->lineage(), lineage);
  std::filesystem::remove(path_ + "/HEAD");
  const uint64_t renewed = (*Store::Open({.path = path_}))->lineage();
  EXPECT_NE(renewed, lineage);
  EXPECT_EQ((*Store::Open({.path = path_}))->lineage(), renewed);
}

TEST_F(DataDirectoryTest, PathBelowAFileSaysSo) {
  Write("file", "x");
  const auto directory = DataDirectory::Open(path_ + "/file/data");
  EXPECT_FALSE(directory.ok());
  EXPECT_THAT(std::string(directory.status().message()), HasSubstr("cannot create directory"));
}

TEST_F(DataDirectoryTest, ADirectoryOfOneKindIsNeverTakenForAnother) {
  { ASSERT_TRUE((*DataDirectory::Open(path_, DirectoryKind::kSidecar))->MarkReady().ok()); }
  ASSERT_TRUE(DataDirectory::Open(path_, DirectoryKind::kSidecar).ok()) << "it has no database of its own";
  const auto refused = DataDirectory::Open(path_);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_NE(refused.status().message().find("is a suppressd sidecar directory"), std::string::npos) << refused.status();
}

}  // namespace
}  // namespace suppressd
