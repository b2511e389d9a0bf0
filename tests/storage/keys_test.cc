#include "storage/keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace suppressd {
namespace {

TEST(KeysTest, EntryKeyRoundTrips) {
  const std::string key = EntryKey({"shop", "example.com", "jo"});
  EntryName name;
  ASSERT_TRUE(ParseEntryKey(key, &name));
  EXPECT_EQ(name.tenant, "shop");
  EXPECT_EQ(name.domain, "example.com");
  EXPECT_EQ(name.local_part, "jo");
  EXPECT_EQ(name.Address(), "jo@example.com");
}

TEST(KeysTest, DomainEntrySortsBeforeItsAddressesAndLongerDomainsApart) {
  std::vector<std::string> keys = {EntryKey({"t", "example.com", "a"}), EntryKey({"t", "example.com", ""}),
                                   EntryKey({"t", "example.com.au", ""}), EntryKey({"t", "example.co", "zz"})};
  std::sort(keys.begin(), keys.end());
  EXPECT_EQ(keys,
            (std::vector<std::string>{EntryKey({"t", "example.co", "zz"}), EntryKey({"t", "example.com", ""}),
                                      EntryKey({"t", "example.com", "a"}), EntryKey({"t", "example.com.au", ""})}));
}

TEST(KeysTest, TimeKeysSortNewestFirstAlsoBefore1970) {
  std::vector<std::string> keys;
  for (const int64_t micros : {int64_t{-5}, int64_t{0}, int64_t{7}, int64_t{1'800'000'000'000'000}}) {
    keys.push_back(TimeKey({"t", "example.com", "a"}, v1::MAILBOX_FULL, micros));
    EntryName name;
    int64_t read = 1;
    ASSERT_TRUE(ParseTimeKey(keys.back(), &name, &read));
    EXPECT_EQ(read, micros);
    EXPECT_EQ(name.local_part, "a");
  }
  EXPECT_TRUE(std::is_sorted(keys.rbegin(), keys.rend()));
}

TEST(KeysTest, TimeKeyWithZeroBytesInItsNumberIsReadRight) {
  EntryName name;
  int64_t micros = 0;
  const std::string key = TimeKey({"t", "d", "l"}, v1::BOUNCE_REASON_UNSPECIFIED, -1);  // the names point into it
  ASSERT_TRUE(ParseTimeKey(key, &name, &micros));
  EXPECT_EQ(micros, -1);
  EXPECT_EQ(name.domain, "d");
}

TEST(KeysTest, BounceKeysOfAnAddressSortNewestFirst) {
  EXPECT_LT(BounceKey({"t", "d", "l"}, 2), BounceKey({"t", "d", "l"}, 1));
}

TEST(KeysTest, AuditKeysOfEachFormSortByRevisionAndTellIt) {
  const EntryName name{"t", "example.com", "a"};
  EXPECT_LT(AuditKey(255), AuditKey(256));
  EXPECT_LT(AuditTextKey(255), AuditTextKey(256));
  EXPECT_LT(AuditEntryKey(name, 255), AuditEntryKey(name, 256));
  EXPECT_LT(AuditKey(~uint64_t{0}), AuditTextKey(0)) << "the records stand together";
  for (const std::string& key : {AuditKey(77), AuditTextKey(77), AuditEntryKey(name, 77)}) {
    EXPECT_EQ(ParseAuditKey(key), 77u);
  }
  EXPECT_EQ(ParseAuditKey(RevisionKey(77)), 0u);
  EXPECT_NE(AuditEntryKey({"t", "example.com", "ab"}, 1).find(AuditEntryPrefix({"t", "example.com", "ab"})),
            std::string::npos);
  EXPECT_EQ(AuditEntryKey({"t", "example.com", "ab"}, 1).find(AuditEntryPrefix(name)), std::string::npos);
}

TEST(KeysTest, WhatIsNoKeyIsRefused) {
  EntryName name;
  int64_t micros = 0;
  EXPECT_FALSE(ParseEntryKey("", &name));
  EXPECT_FALSE(ParseEntryKey(std::string("a\0b", 3), &name));
  EXPECT_FALSE(ParseTimeKey(std::string("a\0\0short", 8), &name, &micros));
  EXPECT_EQ(ParseRevisionKey("short"), 0u);
  EXPECT_EQ(ParseRevisionKey(RevisionKey(77)), 77u);
}

}  // namespace
}  // namespace suppressd
