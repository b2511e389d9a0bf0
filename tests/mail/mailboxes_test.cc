#include "server/bounces/mail/mailboxes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace suppressd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(MailboxesTest, AFieldHasItsMailboxesInOrder) {
  EXPECT_THAT(MailboxesIn("\"Doe, Jo\" <jo@x.example>, ann@x.example (Ann), Team: a@x.example, b@x.example;"),
              ElementsAre("jo@x.example", "ann@x.example", "a@x.example", "b@x.example"));
  EXPECT_THAT(MailboxesIn("jo@x.example; ann@x.example; JO@x.example"), ElementsAre("jo@x.example", "ann@x.example"));
  EXPECT_THAT(MailboxesIn("SMTP:jo@x.example"), ElementsAre("jo@x.example"));
}

TEST(MailboxesTest, EveryMailboxOfTheStandardIsOne) {
  for (const char* address : {"o'brien@x.example", "a{b}|c@x.example", "m\xC3\xBCller@x.example", "jo@[192.0.2.1]",
                              "\"john doe\"@x.example", "jo@m\xC3\xBCller.example", "!#$%&'*+-/=?^_`{|}~@x.example"}) {
    EXPECT_THAT(MailboxesIn(address), ElementsAre(address));
    EXPECT_THAT(MailboxesIn(std::string("Jo <") + address + ">"), ElementsAre(address));
  }
}

TEST(MailboxesTest, WhatSomeProvidersHaveIsOneToo) {
  EXPECT_THAT(MailboxesIn("jo..x.@x.example, ann@x.example"),
              ::testing::UnorderedElementsAre("jo..x.@x.example", "ann@x.example"));
}

TEST(MailboxesTest, QuotesAroundAnAddressAreNoPartOfIt) {
  for (const char* field : {"'jo@x.example'", "\"jo@x.example\"", "<'jo@x.example'>", " < jo@x.example > "}) {
    EXPECT_THAT(MailboxesIn(field), ElementsAre("jo@x.example")) << field;
  }
}

TEST(MailboxesTest, APieceOfAnAddressIsNone) {
  for (const char* field : {"", "undisclosed-recipients:;", "jo", "jo@x@y.example", "a b@x.example", "x\\{F6@x.example",
                            "|/bin/prog", "Jo <jo>"}) {
    EXPECT_THAT(MailboxesIn(field), IsEmpty()) << field;
  }
}

TEST(MailboxesTest, KnowsAddressesThatHideWhoItIs) {
  for (const char* address : {"", "redacted@x.example", "[redacted]@x.example", "xxxxxx@x.example", "***@x.example"}) {
    EXPECT_TRUE(HidesRecipient(address)) << address;
  }
  for (const char* address : {"jo@x.example", "x@x.example", "xx@x.example", "max@redacted.example"}) {
    EXPECT_FALSE(HidesRecipient(address)) << address;
  }
}

}  // namespace
}  // namespace suppressd
