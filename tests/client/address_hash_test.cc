#include "common/address_hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

constexpr char kKeyText[] = "0123456789abcdef0123456789abcdef";

LogKey KeyOf(absl::string_view content) {
  absl::StatusOr<LogKey> key = LogKey::FromContent("the key", content);
  EXPECT_TRUE(key.ok()) << key.status();
  return key.ok() ? *key : LogKey::Random();
}

TEST(AddressHashTest, AHashIsTheHeadOfHmacSha256) {
  // printf %s jo@example.com | openssl dgst -sha256 -hmac KEY
  EXPECT_EQ(KeyOf(kKeyText).Hash("jo@example.com"), "6dd2947535d86d27");
  EXPECT_EQ(KeyOf(kKeyText).Hash("@example.com"), "0a55dc61a717a02c");
}

TEST(AddressHashTest, AnIdIsTheHeadOfSha256BehindItsDomain) {
  // printf 'suppressd log key id\0%s' KEY | sha256sum
  EXPECT_EQ(KeyOf(kKeyText).id(), "35f5c9f3");
}

TEST(AddressHashTest, OneLineEndIsNotPartOfTheKey) {
  const std::string key = kKeyText;
  EXPECT_EQ(KeyOf(key + "\n").id(), KeyOf(key).id());
  EXPECT_EQ(KeyOf(key + "\r\n").id(), KeyOf(key).id());
  EXPECT_EQ(KeyOf(key + "\n").Hash("a@b.example"), KeyOf(key).Hash("a@b.example"));
  EXPECT_NE(KeyOf(key + "\n\n").id(), KeyOf(key).id());
  EXPECT_NE(KeyOf(key + " ").id(), KeyOf(key).id());
}

TEST(AddressHashTest, EveryByteOfAKeyCounts) {
  std::string key(kLogKeyBytesMax, '\0');
  const LogKey zeros = KeyOf(key);
  key.back() = 1;
  EXPECT_NE(KeyOf(key).id(), zeros.id());
  EXPECT_NE(KeyOf(key).Hash("a@b.example"), zeros.Hash("a@b.example"));
}

TEST(AddressHashTest, RandomKeysDiffer) {
  const LogKey one = LogKey::Random();
  const LogKey other = LogKey::Random();
  EXPECT_NE(one.id(), other.id());
  EXPECT_NE(one.Hash("a@b.example"), other.Hash("a@b.example"));
  EXPECT_EQ(one.Hash("a@b.example"), one.Hash("a@b.example"));
  EXPECT_THAT(one.Hash(""), MatchesRegex("[0-9a-f]{16}"));
  EXPECT_THAT(one.id(), MatchesRegex("[0-9a-f]{8}"));
}

TEST(AddressHashTest, AKeyOfAnotherLengthIsRefused) {
  for (const size_t bytes : {size_t{0}, size_t{1}, kLogKeyBytesMin - 1, kLogKeyBytesMax + 1, size_t{5'000}}) {
    const absl::Status status = LogKey::FromContent("the key", std::string(bytes, 'k')).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << bytes;
    EXPECT_THAT(std::string(status.message()), HasSubstr("the key must hold 32 to 1024 bytes"));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("kk")));
  }
  EXPECT_TRUE(LogKey::FromContent("k", std::string(kLogKeyBytesMin, 'k')).ok());
  EXPECT_TRUE(LogKey::FromContent("k", std::string(kLogKeyBytesMax, 'k') + "\r\n").ok());
}

class LogKeyFileTest : public ::testing::Test {
 protected:
  void Write(const std::string& content, mode_t mode) {
    std::ofstream(path_, std::ios::binary) << content;
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }

  TempDirectory directory_;
  const std::string path_ = directory_ / "key";
};

TEST_F(LogKeyFileTest, AFileOfOwnerOrGroupIsRead) {
  for (const mode_t mode : {0400, 0600, 0440, 0640, 0660, 0750}) {
    Write(std::string(kKeyText) + "\n", mode | S_IWUSR);
    const absl::StatusOr<LogKey> key = LogKey::FromFile(path_);
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_EQ(key->id(), "35f5c9f3");
  }
}

TEST_F(LogKeyFileTest, ALinkIsFollowedAsKubernetesHasThem) {
  Write(kKeyText, 0640);
  std::filesystem::create_symlink("key", directory_ / "link");
  EXPECT_TRUE(LogKey::FromFile(directory_ / "link").ok());
}

TEST_F(LogKeyFileTest, AFileThatOthersMayReadOrWriteIsRefused) {
  for (const mode_t mode : {0644, 0604, 0602, 0666}) {
    Write(kKeyText, mode);
    const absl::Status status = LogKey::FromFile(path_).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path_ + " may be read or written by others"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("chmod o= "));
  }
}

TEST_F(LogKeyFileTest, WhatIsNoKeySaysWhyAndNamesTheFile) {
  EXPECT_TRUE(absl::IsNotFound(LogKey::FromFile(path_).status()));
  Write("short\n", 0600);
  EXPECT_THAT(std::string(LogKey::FromFile(path_).status().message()), HasSubstr(path_ + " must hold 32 to 1024"));
  EXPECT_THAT(std::string(LogKey::FromFile(path_).status().message()), HasSubstr("has 5:"));
  Write(std::string(100'000, 'k'), 0600);
  EXPECT_THAT(std::string(LogKey::FromFile(path_).status().message()), HasSubstr("has more:"));
  const std::string pipe = directory_ / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {pipe, directory_ / ""}) {
    const absl::Status status = LogKey::FromFile(path).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("no regular file"));
  }
}

}  // namespace
}  // namespace suppressd
