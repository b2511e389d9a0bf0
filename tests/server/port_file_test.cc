#include "server/app/port_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using ::testing::HasSubstr;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

TEST(PortFileTest, ReplacesARegularFileOrNothing) {
  TempDirectory directory;
  const std::string path = directory / "ports";
  EXPECT_TRUE(WritePortFile(path, {"127.0.0.1:1"}).ok());
  EXPECT_TRUE(WritePortFile(path, {"127.0.0.1:2", "unix:/s"}).ok());
  EXPECT_EQ(ReadFile(path), "127.0.0.1:2\nunix:/s\n");
}

TEST(PortFileTest, WhatIsNoRegularFileIsLeftAsItIs) {
  TempDirectory directory;
  std::filesystem::create_directory(directory / "directory");
  std::ofstream(directory / "target") << "kept";
  std::filesystem::create_symlink("target", directory / "link");
  ASSERT_EQ(mkfifo((directory / "pipe").c_str(), 0600), 0);
  for (const std::string name : {"directory", "link", "pipe"}) {
    const auto before = std::filesystem::symlink_status(directory / name).type();
    const absl::Status status = WritePortFile(directory / name, {"127.0.0.1:1"});
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr("not a regular file")) << name;
    EXPECT_EQ(std::filesystem::symlink_status(directory / name).type(), before) << name;
    EXPECT_FALSE(std::filesystem::exists(directory / (name + ".tmp"))) << name;
  }
  EXPECT_EQ(ReadFile(directory / "target"), "kept");
}

TEST(PortFileTest, LinkAtTheTemporaryNameIsNotFollowed) {
  TempDirectory directory;
  std::ofstream(directory / "target") << "kept";
  std::filesystem::create_symlink("target", directory / "ports.tmp");
  EXPECT_FALSE(WritePortFile(directory / "ports", {"127.0.0.1:1"}).ok());
  EXPECT_EQ(ReadFile(directory / "target"), "kept");
}

TEST(PortFileTest, DirectoryThatIsNotThereIsAnError) {
  TempDirectory directory;
  EXPECT_THAT(std::string(WritePortFile(directory / "none/ports", {}).message()), HasSubstr("cannot write port_file"));
}

}  // namespace
}  // namespace suppressd
