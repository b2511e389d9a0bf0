#include "server/bounces/mail/mime_mail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "common/error.h"

namespace suppressd {
namespace {

using ::testing::HasSubstr;

MimeMail Read(absl::string_view content) {
  absl::StatusOr<MimeMail> mail = ReadMimeMail(content);
  EXPECT_TRUE(mail.ok()) << mail.status();
  return mail.ok() ? *std::move(mail) : MimeMail();
}

constexpr char kTwoParts[] =
    "Subject: =?utf-8?q?Zustellung_unm=C3=B6glich?=\n"
    "Content-Type: multipart/mixed; boundary=b\n\n"
    "--b\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nEmpf=E4nger\n"
    "--b\nContent-Type: message/rfc822\n\nTo: jo@example.com\n\nbody\n--b--\n";

TEST(MimeMailTest, DecodesHeadersAndTextAndKeepsHeadersOfAttachedMails) {
  const MimeMail mail = Read(kTwoParts);
  EXPECT_EQ(mail.Header("subject"), "Zustellung unmöglich");
  ASSERT_EQ(mail.parts.size(), 2);
  EXPECT_THAT(mail.parts[0].text, HasSubstr("Empfänger"));
  EXPECT_EQ(mail.parts[1].type, "message/rfc822");
  EXPECT_THAT(mail.parts[1].text, HasSubstr("jo@example.com"));
  EXPECT_THAT(mail.parts[1].text, ::testing::Not(HasSubstr("body")));
}

TEST(MimeMailTest, LineEndsDoNotMatter) {
  const MimeMail lf = Read(kTwoParts);
  for (const char* end : {"\r\n", "\r"}) {
    const MimeMail other = Read(absl::StrReplaceAll(kTwoParts, {{"\n", end}}));
    ASSERT_EQ(other.parts.size(), lf.parts.size());
    for (size_t i = 0; i < lf.parts.size(); ++i) EXPECT_EQ(other.parts[i].text, lf.parts[i].text);
    EXPECT_EQ(other.Header("subject"), lf.Header("subject"));
  }
}

TEST(MimeMailTest, SkipsTheFromLineOfAnMbox) {
  EXPECT_EQ(Read("From MAILER-DAEMON Tue Nov  3 10:00:00 2026\nSubject: x\n\ntext\n").Header("subject"), "x");
}

TEST(MimeMailTest, ReadsThePlainWordsOfHtml) {
  const MimeMail mail = Read(
      "Content-Type: text/html; charset=utf-8\n\n<html><head><style>p {}</style></head><body><p>Nicht "
      "zustellbar:</p><div>jo@example.com</div><script>x()</script></body></html>");
  ASSERT_EQ(mail.parts.size(), 1);
  EXPECT_EQ(mail.parts[0].text, "Nicht zustellbar:\njo@example.com\n");
}

TEST(MimeMailTest, ReadsIso2022JpWithoutALabel) {
  EXPECT_THAT(Read("Subject: x\n\n\x1b$B<uEE\x1b(B\n").parts[0].text, HasSubstr("受電"));
}

TEST(MimeMailTest, TakesUnlabelledBytesForWindows1252) {
  EXPECT_THAT(Read("Subject: x\n\nBo\xEEte pleine \x96 fin\n").parts[0].text, HasSubstr("Boîte pleine – fin"));
}

TEST(MimeMailTest, CutsAtTheLimitAndSaysSo) {
  const std::string big = "Subject: x\n\n" + std::string(kMailBytesMax, 'a');
  const MimeMail mail = Read(big);
  EXPECT_TRUE(mail.truncated);
  EXPECT_LE(mail.parts[0].text.size(), kPartBytesMax);
  EXPECT_FALSE(Read("Subject: x\n\ny\n").truncated);
}

TEST(MimeMailTest, NothingIsNoMessage) {
  for (const char* content : {"", "\n\n", "From x\n", " \t \r\n"}) {
    EXPECT_EQ(ReasonOf(ReadMimeMail(content).status()), v1::NOT_A_MESSAGE) << content;
  }
}

TEST(MimeMailTest, ReadsDates) {
  EXPECT_EQ(ParseMailDate("Thu, 01 Jan 1970 01:00:10 +0100"), 10);
  EXPECT_EQ(ParseMailDate(""), std::nullopt);
  EXPECT_EQ(ParseMailDate("soon"), std::nullopt);
}

TEST(MimeMailTest, ALongPartIsCutBetweenCharacters) {
  std::string wide = "x";
  while (wide.size() < kPartBytesMax + 100) wide += "ö";
  const MimeMail mail = Read("Subject: x\nContent-Type: text/plain; charset=utf-8\n\n" + wide);
  ASSERT_EQ(mail.parts.size(), 1u);
  EXPECT_EQ(mail.parts[0].text, wide.substr(0, kPartBytesMax - 1));
}

TEST(MimeMailTest, ReadsWideCharsets) {
  const std::string head = "Subject: x\nContent-Transfer-Encoding: base64\nContent-Type: text/plain; charset=";
  for (const char* rest : {"utf-16\n\n//5CAG8A7gB0AGUACgBOAA==",  // a mark, little-endian
                           "utf-16\n\n/v8AQgBvAO4AdABlAAoATg==",  // a mark, big-endian
                           "UTF-16LE\n\nQgBvAO4AdABlAAoATgA=", "utf-16be\n\nAEIAbwDuAHQAZQAKAE4=",
                           "utf-16\n\nQgBvAO4AdABlAAoATgA=",  // neither mark nor order
                           "utf-32le\n\nQgAAAG8AAADuAAAAdAAAAGUAAAAKAAAATgAAAA=="}) {
    const MimeMail mail = Read(head + rest + "\n");
    ASSERT_EQ(mail.parts.size(), 1u) << rest;
    EXPECT_THAT(mail.parts[0].text, ::testing::StartsWith("Bo\xC3\xAEte\n")) << rest;
  }
  // A label that lies.
  EXPECT_THAT(Read("Subject: x\nContent-Type: text/plain; charset=utf-16\n\nplain words\n").parts[0].text,
              HasSubstr("plain words"));
}

TEST(MimeMailTest, ANulDoesNotEndAText) {
  EXPECT_THAT(Read("Subject: x\nContent-Transfer-Encoding: quoted-printable\nContent-Type: text/plain; "
                   "charset=windows-1252\n\nlink=00id=92s\nrest\n")
                  .parts[0]
                  .text,
              HasSubstr("rest"));
}

TEST(MimeMailTest, SkipsAByteOrderMark) {
  EXPECT_EQ(Read("\xEF\xBB\xBFSubject: x\n\ntext\n").Header("subject"), "x");
}

TEST(MimeMailTest, ADigestIsTheMailsOwnWhateverItWasKeptIn) {
  const std::string digest = MailDigest("Subject: x\n\nFrom here on\n");
  EXPECT_EQ(digest.size(), 64u);
  EXPECT_EQ(MailDigest("Subject: x\r\n\r\nFrom here on\r\n"), digest);
  EXPECT_EQ(MailDigest("From a Mon Mar  2 09:15:07 2026\nSubject: x\n\nFrom here on\n\n"), digest);
  EXPECT_NE(MailDigest("Subject: x\n\nFrom there on\n"), digest);
  EXPECT_EQ(MailDigest("").size(), 64u);
}

TEST(MimeMailTest, PartsAndLevelsThatAreLeftOutAreSaid) {
  const auto with_parts = [](int parts) {
    std::string mail = "Content-Type: multipart/mixed; boundary=b\n\n";
    for (int i = 0; i < parts; ++i) mail += "--b\n\nx\n";
    return Read(mail + "--b--\n").truncated;
  };
  EXPECT_FALSE(with_parts(kMailPartsMax));
  EXPECT_TRUE(with_parts(kMailPartsMax + 1));
}

}  // namespace
}  // namespace suppressd
