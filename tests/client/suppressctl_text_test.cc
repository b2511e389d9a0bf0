#include <gtest/gtest.h>

#include <sstream>

#include "client/suppressctl/parse.h"
#include "client/suppressctl/report.h"
#include "client/suppressctl/text.h"

namespace suppressd::suppressctl {
namespace {

TEST(EscapeTest, ControlsCannotReachTheTerminal) {
  EXPECT_EQ(Escape("a\x1b[31mred\x07"), "a\\x1b[31mred\\x07");
  EXPECT_EQ(Escape("one\r\n\ttwo"), "one\\r\\n\\ttwo");
  EXPECT_EQ(Escape(std::string("nul\0!", 5)), "nul\\x00!");
  EXPECT_EQ(Escape("\x7f"), "\\x7f");
  EXPECT_EQ(Escape("\xc2\x9b"
                   "31m"),
            "\\x9b31m");  // C1 CSI as UTF-8
  EXPECT_EQ(Escape("\x9b"
                   "31m"),
            "\\x9b31m");  // and as a raw byte
}

TEST(EscapeTest, BidirectionalOverridesAreWrittenOut) {
  EXPECT_EQ(Escape("\u202eevil"), "\\u{202e}evil");
}

TEST(EscapeTest, ReadableTextStays) {
  EXPECT_EQ(Escape("Gr\u00fc\u00dfe, \u65e5\u672c \U0001F4EC"), "Gr\u00fc\u00dfe, \u65e5\u672c \U0001F4EC");
  EXPECT_EQ(Escape("back\\slash"), "back\\\\slash");
}

TEST(EscapeTest, BrokenUtf8IsWrittenOutByteByByte) {
  EXPECT_EQ(Escape("\xff"), "\\xff");
  EXPECT_EQ(Escape("\xe2\x82"), "\\xe2\\x82");           // cut short
  EXPECT_EQ(Escape("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(Escape("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(Escape("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(JsonStringTest, IsValidWhateverComes) {
  EXPECT_EQ(JsonString("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
  EXPECT_EQ(JsonString("\xff"), "\"\\ufffd\"");
  EXPECT_EQ(JsonString("\u202e\u00fc"), "\"\\u202e\u00fc\"");
}

TEST(TableTest, ColumnsLineUpAndCellsAreEscaped) {
  Table table({"A", "LONGER"});
  table.Add({"gr\u00fcn", "x\ny"});
  table.Add({"", "z"});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(), "A     LONGER\ngr\u00fcn  x\\ny\n-     z\n");
}

TEST(TimeTextTest, IsRfc3339InUtc) {
  EXPECT_EQ(TimeText(absl::FromUnixSeconds(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(TimeText(absl::FromUnixMillis(1500)), "1970-01-01T00:00:01.5Z");
  EXPECT_EQ(TimeText(std::nullopt), "-");
}

TEST(ParseTest, Durations) {
  EXPECT_EQ(ParseDuration("30d").value(), absl::Hours(720));
  EXPECT_EQ(ParseDuration("1h30m").value(), absl::Minutes(90));
  for (const char* bad : {"", "d", "0", "-1s", "5", "inf", "40000d", "1y"})
    EXPECT_FALSE(ParseDuration(bad).ok()) << bad;
}

TEST(ParseTest, Times) {
  EXPECT_EQ(ParseTime("1970-01-01T01:00:00+01:00").value(), absl::UnixEpoch());
  for (const char* bad :
       {"", "yesterday", "2026-03-01", "2026-03-01T12:00:00", "infinite-future", "10000-01-01T00:00:00Z"}) {
    EXPECT_FALSE(ParseTime(bad).ok()) << bad;
  }
  EXPECT_EQ(ParseTimeOrDuration("2d", absl::UnixEpoch()).value(), absl::FromUnixSeconds(172'800));
}

TEST(ParseTest, CauseSelectors) {
  EXPECT_EQ(ParseCauseSelector("complaint")->type, CauseType::kComplaint);
  EXPECT_EQ(ParseCauseSelector("HARD_BOUNCE:MAILBOX_FULL")->reason, BounceReason::kMailboxFull);
  EXPECT_EQ(ParseCauseSelector("UNSUBSCRIBE::news")->stream, "news");
  EXPECT_EQ(ParseCauseSelector("UNSUBSCRIBE::news")->reason, std::nullopt);
  EXPECT_EQ(ParseCauseSelector("UNSUBSCRIBE")->stream, std::nullopt);
  EXPECT_EQ(ParseCauseSelector("UNSUBSCRIBE::")->stream, "") << "the one that applies to all mail";
  for (const char* bad : {"", ":", "NOPE", "COMPLAINT:NOPE", "a:b:c:d"})
    EXPECT_FALSE(ParseCauseSelector(bad).ok()) << bad;
}

TEST(ParseTest, AnUnknownNameListsTheKnownOnes) {
  SmtpStage stage = SmtpStage::kUnspecified;
  EXPECT_EQ(ParseEnum("--stage", "nowhere", &stage).message(),
            "--stage must be one of CONNECT, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA");
}

TEST(DurationTextTest, IsSecondsWithAsManyDecimalsAsNeeded) {
  EXPECT_EQ(DurationText(absl::ZeroDuration()), "0s");
  EXPECT_EQ(DurationText(absl::Seconds(90)), "90s");
  EXPECT_EQ(DurationText(absl::Milliseconds(1500)), "1.5s");
  EXPECT_EQ(DurationText(absl::Nanoseconds(7)), "0.000000007s");
  EXPECT_EQ(DurationText(-absl::Milliseconds(250)), "-0.25s");
}

TEST(ReportLineTest, AllFields) {
  const absl::StatusOr<ReportRequest> request =
      ParseReportLine("a@example.com\t550\t5.1.1\trcpt\tmx.example.com\tno\tsuch user", ReportOptions());
  ASSERT_TRUE(request.ok()) << request.status();
  const SmtpReply& reply = std::get<SmtpReply>(request->report);
  EXPECT_EQ(reply.recipient, "a@example.com");
  EXPECT_EQ(reply.code, 550);
  EXPECT_EQ(reply.enhanced_code, "5.1.1");
  EXPECT_EQ(reply.stage, SmtpStage::kRcpt);
  EXPECT_EQ(reply.remote_mta, "mx.example.com");
  EXPECT_EQ(reply.text, "no\tsuch user");
}

TEST(ReportLineTest, FieldsFromTheThirdOnMayBeMissing) {
  ASSERT_TRUE(ParseReportLine("a@example.com\t550", ReportOptions()).ok());
  ASSERT_TRUE(ParseReportLine("a@example.com\t-\t-\t-\t-\t550 no", ReportOptions()).ok());
}

TEST(ReportLineTest, BadLinesAreRefusedWithoutNamingTheAddress) {
  for (const char* bad : {"a@example.com", "\t550", "a@example.com\tfive", "a@example.com\t199", "a@example.com\t600",
                          "a@example.com\t550\t\tnowhere"}) {
    const absl::StatusOr<ReportRequest> request = ParseReportLine(bad, ReportOptions());
    ASSERT_FALSE(request.ok()) << bad;
    EXPECT_EQ(request.status().message().find("example"), absl::string_view::npos) << request.status();
  }
}

}  // namespace
}  // namespace suppressd::suppressctl
