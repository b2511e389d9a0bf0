#include "server/bounces/rules/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "common/error.h"

namespace suppressd {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Normalised(absl::string_view input) {
  const absl::StatusOr<Address> address = NormaliseAddress(input);
  return address.ok() ? address->ToString() : std::string("refused: ") + std::string(address.status().message());
}

struct Row {
  const char* fact;
  std::string input;
  std::string expected;
};

class AcceptedAddress : public testing::TestWithParam<Row> {};

TEST_P(AcceptedAddress, HasThisForm) {
  EXPECT_EQ(Normalised(GetParam().input), GetParam().expected);
}

TEST_P(AcceptedAddress, IsNormalisedOnce) {
  EXPECT_EQ(Normalised(GetParam().expected), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Table, AcceptedAddress,
    testing::Values(Row{"Plain", "john@example.com", "john@example.com"},
                    Row{"Case", "John.Doe@EXAMPLE.Com", "john.doe@example.com"},
                    Row{"Brackets", "<john@example.com>", "john@example.com"},
                    Row{"WhiteSpace", " \t< john@example.com >\r\n", "john@example.com"},
                    Row{"IdeographicSpace", "\xE3\x80\x80john@example.com\xE3\x80\x80", "john@example.com"},
                    Row{"TrailingDot", "john@example.com.", "john@example.com"},
                    Row{"PlusIsKept", "john+news@example.com", "john+news@example.com"},
                    Row{"SpecialAtext", "!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
                    Row{"DoubleDot", "foo..bar@example.jp", "foo..bar@example.jp"},
                    Row{"DotsAtTheEnds", ".foo.@example.jp", ".foo.@example.jp"},
                    Row{"QuotedDoubleDot", "\"foo..bar\"@example.jp", "foo..bar@example.jp"},
                    Row{"NeedlessQuotes", "\"john\"@example.com", "john@example.com"},
                    Row{"NeedlessEscape", "\"j\\ohn\"@example.com", "john@example.com"},
                    Row{"QuotedSpace", "\"John Doe\"@example.com", "\"john doe\"@example.com"},
                    Row{"QuotedAt", "\"a@b\"@example.com", "\"a@b\"@example.com"},
                    Row{"QuotedQuote", "\"a\\\"b\\\\c\"@example.com", "\"a\\\"b\\\\c\"@example.com"},
                    Row{"EmptyQuotes", "\"\"@example.com", "\"\"@example.com"},
                    Row{"Utf8LocalPart", "J\xC3\x9CRGEN@example.com", "j\xC3\xBCrgen@example.com"},
                    Row{"DecomposedLocalPart", "ju\xCC\x88rgen@example.com", "j\xC3\xBCrgen@example.com"},
                    Row{"QuotedUtf8", "\"j\xC3\xBCrgen\"@example.com", "j\xC3\xBCrgen@example.com"},
                    Row{"SharpS",
                        "stra\xC3\x9F"
                        "e@example.com",
                        "strasse@example.com"},
                    Row{"KelvinSign", "\xE2\x84\xAA@example.com", "k@example.com"},
                    Row{"SingleLabel", "root@localhost", "root@localhost"},
                    Row{"Underscore", "a@my_host.example.com", "a@my_host.example.com"},
                    Row{"TwoHyphens", "a@r3---x.example.com", "a@r3---x.example.com"},
                    Row{"ULabel",
                        "a@B\xC3\x9C"
                        "CHER.example",
                        "a@xn--bcher-kva.example"},
                    Row{"ALabel", "a@XN--BCHER-KVA.example", "a@xn--bcher-kva.example"},
                    Row{"SharpSDomain",
                        "a@stra\xC3\x9F"
                        "e.example",
                        "a@xn--strae-oqa.example"},
                    Row{"FullWidthDomain", "a@\xEF\xBD\x85xample.com", "a@example.com"},
                    Row{"IdeographicFullStop", "a@\xE6\x97\xA5\xE6\x9C\xAC\xE3\x80\x82jp", "a@xn--wgv71a.jp"},
                    Row{"TrailingIdeographicFullStop", "a@example.jp\xE3\x80\x82", "a@example.jp"},
                    Row{"EmojiALabel", "a@xn--n3h.net", "a@xn--n3h.net"},
                    Row{"MixedLabels",
                        "a@x--y.b\xC3\xBC"
                        "cher.example",
                        "a@x--y.xn--bcher-kva.example"},
                    Row{"Ipv4Literal", "a@[192.0.2.1]", "a@[192.0.2.1]"},
                    Row{"Ipv6Literal", "a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]"},
                    Row{"LongestLocalPart", std::string(64, 'a') + "@example.com",
                        std::string(64, 'a') + "@example.com"},
                    Row{"LongestLabel", "a@" + std::string(63, 'b') + ".com", "a@" + std::string(63, 'b') + ".com"}),
    [](const auto& row) { return row.param.fact; });

class RefusedAddress : public testing::TestWithParam<Row> {};

TEST_P(RefusedAddress, SaysWhatIsWrongWithoutTheAddress) {
  const absl::StatusOr<Address> address = NormaliseAddress(GetParam().input);
  ASSERT_FALSE(address.ok()) << address->ToString();
  EXPECT_EQ(ReasonOf(address.status()), v1::INVALID_ADDRESS);
  EXPECT_THAT(std::string(address.status().message()), HasSubstr(GetParam().expected));
  EXPECT_THAT(std::string(address.status().message()), Not(HasSubstr("canary")));
}

INSTANTIATE_TEST_SUITE_P(
    Table, RefusedAddress,
    testing::Values(
        Row{"Empty", "", "empty"}, Row{"OnlySpace", "  ", "empty"}, Row{"EmptyBrackets", "<>", "empty"},
        Row{"NoAt", "canary.example.com", "no \"@\""}, Row{"NothingBeforeAt", "@canary.example", "before"},
        Row{"NoDomain", "canary@", "empty"}, Row{"OnlyDot", "canary@.", "empty"},
        Row{"TwoAts", "a@canary@example.com", "needs quotes"},
        Row{"SourceRoute", "@a.example,@b.example:canary@example.com", "needs quotes"},
        Row{"DisplayName", "Canary <canary@example.com>", "needs quotes"},
        Row{"TwoBrackets", "<<canary@example.com>>", "needs quotes"},
        Row{"Space", "ca nary@example.com", "needs quotes"}, Row{"Comment", "canary(x)@example.com", "needs quotes"},
        Row{"GreekQuestionMark", "canary\xCD\xBE@example.com", "needs quotes"},
        Row{"Nul", std::string("can\0ary@example.com", 19), "needs quotes"},
        Row{"NulInQuotes", std::string("\"can\0ary\"@example.com", 21), "control"},
        Row{"NulInDomain", std::string("a@can\0ary.com", 13), "control"},
        Row{"NewLineInQuotes", "\"can\nary\"@example.com", "control"},
        Row{"NoBreakSpaceInside",
            "can\xC2\xA0"
            "ary@example.com",
            "invisible"},
        Row{"ZeroWidthSpace",
            "can\xE2\x80\x8B"
            "ary@example.com",
            "invisible"},
        Row{"InvalidUtf8",
            "can\xFF"
            "ary@example.com",
            "UTF-8"},
        Row{"InvalidUtf8Domain", "a@can\xC3.com", "UTF-8"}, Row{"OpenQuote", "\"canary@example.com", "does not end"},
        Row{"EscapeAtEnd", "\"canary\\", "does not end"}, Row{"HalfQuoted", "\"canary\".x@example.com", "followed"},
        Row{"EmptyLabel", "a@canary..com", "empty label"}, Row{"TwoTrailingDots", "a@canary.com..", "empty label"},
        Row{"LeadingDot", "a@.canary.com", "empty label"}, Row{"LeadingHyphen", "a@-canary.com", "\"-\""},
        Row{"TrailingHyphen", "a@canary-.com", "\"-\""}, Row{"OddCharacter", "a@can!ary.com", "not allowed"},
        Row{"SpaceInDomain", "a@can ary.com", "not allowed"},
        Row{"BadPunycode", "a@xn--canary-.com", "internationalised"},
        Row{"NotRoundTrip", "a@xn--a.com", "internationalised"},
        Row{"Ipv4WithoutBrackets", "a@[192.0.2.256]", "neither"}, Row{"GeneralLiteral", "a@[canary:1]", "neither"},
        Row{"EmptyLiteral", "a@[]", "neither"}, Row{"OpenLiteral", "a@[192.0.2.1", "does not end"},
        Row{"LoneBracket", "a@[", "does not end"}, Row{"Ipv6WithoutTag", "a@[2001:db8::1]", "neither"},
        Row{"LongLocalPart", std::string(65, 'a') + "@example.com", "64 bytes"},
        Row{"LongLabel", "a@" + std::string(64, 'b') + ".com", "63 bytes"},
        Row{"LongInput", std::string(1020, 'a') + "@a.com", "1,024"}),
    [](const auto& row) { return row.param.fact; });

TEST(NormaliseAddress, LimitsTheWholeAddressTo254Bytes) {
  std::string domain;
  for (int i = 0; i < 3; ++i) domain += std::string(63, 'b') + ".";
  const std::string local_part(254 - 1 - domain.size() - 2, 'a');
  EXPECT_TRUE(NormaliseAddress(local_part + "@" + domain + "cc").ok());
  EXPECT_FALSE(NormaliseAddress(local_part + "@" + domain + "ccc").ok());
}

TEST(NormaliseAddress, CountsTheLimitOfTheLocalPartAfterFolding) {
  std::string sharp;
  for (int i = 0; i < 32; ++i) sharp += "\xC3\x9F";
  EXPECT_TRUE(NormaliseAddress(sharp + "@example.com").ok());
  EXPECT_FALSE(NormaliseAddress(sharp + "\xC3\x9F@example.com").ok());
}

TEST(NormaliseAddress, IsIdempotentForEveryCodePointInTheLocalPart) {
  for (uint32_t code = 0x80; code <= 0x10FFFF; ++code) {
    if (code >= 0xD800 && code <= 0xDFFF) continue;
    std::string utf8;
    if (code < 0x800) {
      utf8 = {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
    } else if (code < 0x10000) {
      utf8 = {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3F)),
              static_cast<char>(0x80 | (code & 0x3F))};
    } else {
      utf8 = {static_cast<char>(0xF0 | code >> 18), static_cast<char>(0x80 | (code >> 12 & 0x3F)),
              static_cast<char>(0x80 | (code >> 6 & 0x3F)), static_cast<char>(0x80 | (code & 0x3F))};
    }
    const absl::StatusOr<Address> once = NormaliseAddress("a" + utf8 + "\xCC\x81@example.com");
    if (!once.ok()) continue;
    const absl::StatusOr<Address> twice = NormaliseAddress(once->ToString());
    ASSERT_TRUE(twice.ok()) << std::hex << code << " " << twice.status();
    ASSERT_EQ(twice->ToString(), once->ToString()) << std::hex << code;
  }
}

TEST(NormaliseAddress, IsIdempotentForRandomDomains) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const std::vector<std::string> pieces = {
      "a", "XN--",         "xn--",         "-",        ".", "\xC3\xBC",     "\xC3\x9F", "\xE3\x80\x82", "tda",
      "_", "\xEF\xBD\x98", "\xE2\x80\x8D", "\xD7\x90", "1", "\xE2\x98\x83", "\xCC\x81"};
  for (int i = 0; i < 20'000; ++i) {
    std::string domain;
    for (uint32_t n = random() % 8; n > 0; --n) domain += pieces[random() % pieces.size()];
    const absl::StatusOr<Address> once = NormaliseDomain(domain);
    if (!once.ok()) continue;
    const absl::StatusOr<Address> twice = NormaliseDomain(once->domain);
    ASSERT_TRUE(twice.ok()) << domain << " " << once->domain << " " << twice.status();
    ASSERT_EQ(twice->domain, once->domain) << domain;
  }
}

TEST(NormaliseDomain, HasNoLocalPart) {
  const absl::StatusOr<Address> domain = NormaliseDomain(" EXAMPLE.com. ");
  ASSERT_TRUE(domain.ok());
  EXPECT_EQ(domain->local_part, "");
  EXPECT_EQ(domain->ToString(), "@example.com");
}

TEST(NormaliseDomain, RefusesWithItsOwnReason) {
  for (const char* input : {"", " ", "a@example.com", "a..b", "-a", "a b"}) {
    EXPECT_EQ(ReasonOf(NormaliseDomain(input).status()), v1::INVALID_DOMAIN) << input;
  }
}

}  // namespace
}  // namespace suppressd
