#include "server/bounces/imports/list_times.h"

#include <gmock/gmock.h>

#include <string>

namespace suppressd {
namespace {

// Empty: no time; "unknown": the file says so.
std::string Read(const std::string& text) {
  const auto time = ReadListTime(text);
  if (!time.has_value()) return "";
  if (!time->time.has_value()) return "unknown";
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E*SZ", *time->time, absl::UTCTimeZone());
}

bool ZoneMissing(const std::string& text) {
  const auto time = ReadListTime(text);
  return time.has_value() && time->zone_missing;
}

constexpr char kMoment[] = "2026-03-04T10:11:12Z";

TEST(ListTimes, SecondsSince1970HaveAllTheirDigits) {
  EXPECT_EQ(Read("1772619072"), kMoment);
  EXPECT_EQ(Read("1772619072.340000"), "2026-03-04T10:11:12.34Z");
  EXPECT_EQ(Read("1772619072.123456"), "2026-03-04T10:11:12.123456Z");
  EXPECT_EQ(Read("1.772619072E9"), kMoment);
}

TEST(ListTimes, LargeNumbersAreMilliseconds) {
  EXPECT_EQ(Read("1772619072340"), "2026-03-04T10:11:12.34Z");
}

TEST(ListTimes, Iso8601WithOffset) {
  EXPECT_EQ(Read("2026-03-04T10:11:12Z"), kMoment);
  EXPECT_EQ(Read("2026-03-04T05:11:12-05:00"), kMoment);
  EXPECT_EQ(Read("2026-03-04T10:11:12.340000+00:00"), "2026-03-04T10:11:12.34Z");
  EXPECT_EQ(Read("2026-03-04T10:11:12.000Z"), kMoment);
  EXPECT_FALSE(ZoneMissing("2026-03-04T10:11:12Z"));
}

TEST(ListTimes, Rfc2822) {
  EXPECT_EQ(Read("Wed, 04 Mar 2026 10:11:12 UTC"), kMoment);
  EXPECT_EQ(Read("Wed, 04 Mar 2026 10:11:12 GMT"), kMoment);
  EXPECT_EQ(Read("Wed, 4 Mar 2026 12:11:12 +0200"), kMoment);
  EXPECT_EQ(Read("Wed, 04 Mar 2026 05:11:12 EST"), kMoment);
  EXPECT_EQ(Read("04 Mar 2026 10:11:12 +0000 (UTC)"), kMoment);
}

TEST(ListTimes, GoAndJavaScript) {
  EXPECT_EQ(Read("2026-03-04 10:11:12.3 +0000 UTC"), "2026-03-04T10:11:12.3Z");
  EXPECT_EQ(Read("2026-03-04 11:11:12 +0100 CET m=+0.123"), kMoment);
  EXPECT_EQ(Read("Wed Mar 04 2026 10:11:12 GMT+0000 (Coordinated Universal Time)"), kMoment);
  EXPECT_EQ(Read("Wed Mar 04 2026 11:11:12 GMT+0100"), kMoment);
}

TEST(ListTimes, WithoutZoneIsUtcAndSaysSo) {
  for (const char* text : {"2026-03-04 10:11:12", "2026-03-04T10:11:12", "2026-03-04 10:11:12.000000"}) {
    EXPECT_EQ(Read(text), kMoment) << text;
    EXPECT_TRUE(ZoneMissing(text)) << text;
  }
  EXPECT_EQ(Read("2026-03-04"), "2026-03-04T00:00:00Z");
  EXPECT_FALSE(ZoneMissing("1772619072"));
  EXPECT_FALSE(ZoneMissing("2026-03-04 10:11:12 UTC"));
}

TEST(ListTimes, WhatIsNotKnown) {
  for (const char* text : {"", " ", "0", "0.0", "NULL", "null", "\\N", "0001-01-01T00:00:00Z", "0000-00-00 00:00:00",
                           "1970-01-01T00:00:00Z", "never"}) {
    EXPECT_EQ(Read(text), "unknown") << text;
  }
}

TEST(ListTimes, WhatIsNoTimeIsRefused) {
  for (const std::string text :
       {"yesterday", "03/04/2026", "04.03.2026", "2026-13-04", "2026-03-04T10:11:12Zzz", "infinite-future",
        "infinite-past", "1e300", "nan", "inf", "-5", "+5", "99999999999999999999", "1.2.3", "E5", "10:11:12"}) {
    EXPECT_EQ(Read(text), "") << text;
  }
  EXPECT_EQ(Read(std::string(1'000, '1')), "");
}

TEST(ListTimes, TimestampsAreRoundedDown) {
  const auto timestamp = ToTimestamp(absl::FromUnixMillis(1'500));
  EXPECT_EQ(timestamp.seconds(), 1);
  EXPECT_EQ(timestamp.nanos(), 500'000'000);
}

}  // namespace
}  // namespace suppressd
