// What reading a mail that came back costs, end to end and in its steps.
#include <benchmark/benchmark.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "server/bounces/mail/bounce_mail.h"
#include "server/bounces/mail/delivery_status.h"
#include "server/bounces/mail/mime_mail.h"

namespace suppressd {
namespace {

constexpr size_t kMailBytes = 5'000;

const Classifier& Rules() {
  static const Classifier& classifier = *Classifier::BuiltIn()->release();
  return classifier;
}

std::string ReportHead() {
  return "Received: by mx.example.org (Postfix) id 4XYZ; Tue, 3 Nov 2026 10:00:05 +0100 (CET)\n"
         "Date: Tue, 3 Nov 2026 10:00:05 +0100 (CET)\n"
         "From: MAILER-DAEMON@mx.example.org (Mail Delivery System)\n"
         "Subject: Undelivered Mail Returned to Sender\n"
         "To: sender@example.org\n"
         "Auto-Submitted: auto-replied\n"
         "MIME-Version: 1.0\n"
         "Content-Type: multipart/report; report-type=delivery-status;\n\tboundary=\"4XYZ.1793696405/mx.example.org\"\n"
         "Message-Id: <20261103100005.4XYZ@mx.example.org>\n\n"
         "This is a MIME-encapsulated message.\n\n"
         "--4XYZ.1793696405/mx.example.org\nContent-Description: Notification\nContent-Type: text/plain; "
         "charset=us-ascii\n\n"
         "This is the mail system at host mx.example.org.\n\n"
         "I'm sorry to have to inform you that your message could not\n"
         "be delivered to one or more recipients. It's attached below.\n\n"
         "For further assistance, please send mail to postmaster.\n\n"
         "If you do so, please include this problem report. You can\n"
         "delete your own text from the attached returned message.\n\n"
         "                   The mail system\n\n";
}

std::string Recipient(int n) {
  return absl::StrCat("user", n, "@example.com");
}

std::string Said(int n) {
  return absl::StrCat("550 5.1.1 <", Recipient(n),
                      ">: Recipient address rejected: User unknown in virtual mailbox table");
}

// A mail as a mail server returns it: words, fields, and the message filled up to `bytes`.
std::string Report(int recipients, size_t bytes) {
  std::string mail = ReportHead();
  for (int i = 0; i < recipients; ++i) {
    absl::StrAppend(&mail, "<", Recipient(i), ">: host mx", i, ".example.com[192.0.2.1] said: ", Said(i),
                    " (in reply to RCPT\n    TO command)\n\n");
  }
  absl::StrAppend(&mail,
                  "--4XYZ.1793696405/mx.example.org\nContent-Type: message/delivery-status\n\n"
                  "Reporting-MTA: dns; mx.example.org\nX-Postfix-Queue-ID: 4XYZ\nX-Postfix-Sender: rfc822; "
                  "sender@example.org\nArrival-Date: Tue,  3 Nov 2026 10:00:00 +0100 (CET)\n\n");
  for (int i = 0; i < recipients; ++i) {
    absl::StrAppend(&mail, "Final-Recipient: rfc822; ", Recipient(i), "\nOriginal-Recipient: rfc822;", Recipient(i),
                    "\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx", i, ".example.com\nDiagnostic-Code: smtp; ",
                    Said(i), "\n\n");
  }
  absl::StrAppend(&mail,
                  "--4XYZ.1793696405/mx.example.org\nContent-Type: message/rfc822\n\n"
                  "Return-Path: <sender@example.org>\nDate: Tue, 3 Nov 2026 10:00:00 +0100\nFrom: sender@example.org\n"
                  "To: user0@example.com\nMessage-ID: <m1@example.org>\nSubject: Hello\n\n");
  while (mail.size() < bytes) absl::StrAppend(&mail, "All work and no play makes a long message that nobody reads.\n");
  return absl::StrCat(mail, "\n--4XYZ.1793696405/mx.example.org--\n");
}

void ReadMail(benchmark::State& state, const std::string& content) {
  v1::RawMessage message;
  message.set_content(content);
  size_t recipients = 0;
  for (auto _ : state) recipients = ReadBounceMail(message, Rules())->recipients.size();
  state.counters["bytes"] = static_cast<double>(content.size());
  state.counters["recipients"] = static_cast<double>(recipients);
}

void Dsn(benchmark::State& state) {
  ReadMail(state, Report(1, kMailBytes));
}
BENCHMARK(Dsn)->Unit(benchmark::kMicrosecond);

void DsnOfAThousandRecipients(benchmark::State& state) {
  ReadMail(state, Report(1'000, kMailBytes));
}
BENCHMARK(DsnOfAThousandRecipients)->Unit(benchmark::kMillisecond);

// The same mail taken apart, and nothing else.
void DsnMimeOnly(benchmark::State& state) {
  const std::string content = Report(1, kMailBytes);
  for (auto _ : state) benchmark::DoNotOptimize(ReadMimeMail(content));
}
BENCHMARK(DsnMimeOnly)->Unit(benchmark::kMicrosecond);

// What the server said, through all rules.
void Diagnostic(benchmark::State& state) {
  v1::SmtpReply reply;
  reply.set_text(Said(1));
  reply.set_enhanced_code("5.1.1");
  reply.set_remote_mta("mx.example.com");
  for (auto _ : state) benchmark::DoNotOptimize(Rules().Classify(reply));
}
BENCHMARK(Diagnostic)->Unit(benchmark::kMicrosecond);

// A bounce in words, with the returned mail in the same text.
void Words(benchmark::State& state) {
  std::string mail =
      "From: MAILER-DAEMON@mx.example.org\nTo: sender@example.org\nSubject: failure notice\n\n"
      "Hi. This is the qmail-send program at mx.example.org.\n"
      "I'm afraid I wasn't able to deliver your message to the following addresses.\n\n";
  absl::StrAppend(&mail, "<", Recipient(1), ">:\n192.0.2.1 does not like recipient.\nRemote host said: ", Said(1),
                  "\nGiving up on 192.0.2.1.\n\n--- Below this line is a copy of the message.\n\nReturn-Path: "
                  "<sender@example.org>\n");
  while (mail.size() < kMailBytes) absl::StrAppend(&mail, "All work and no play makes a long message.\n");
  ReadMail(state, mail);
}
BENCHMARK(Words)->Unit(benchmark::kMicrosecond);

constexpr size_t kHostileBytes = 1 << 20;
constexpr char kHostileHead[] =
    "From: MAILER-DAEMON@mx.example.org\nTo: sender@example.org\nSubject: failure notice\n\n";

std::string Repeated(absl::string_view what) {
  std::string mail = kHostileHead;
  while (mail.size() + what.size() <= kHostileBytes) absl::StrAppend(&mail, what);
  return mail;
}

// Mails of a mebibyte that nobody should send.
void HostileOneLine(benchmark::State& state) {
  ReadMail(state, Repeated("550 a@b.example "));
}
BENCHMARK(HostileOneLine)->Unit(benchmark::kMillisecond);

void HostileAddresses(benchmark::State& state) {
  std::string mail = kHostileHead;
  for (int i = 0; mail.size() < kHostileBytes - 100; ++i) absl::StrAppend(&mail, Recipient(i), "\n");
  ReadMail(state, mail);
}
BENCHMARK(HostileAddresses)->Unit(benchmark::kMillisecond);

// Everybody is named, and then one text is said of all of them.
void HostileSharedText(benchmark::State& state) {
  std::string mail = kHostileHead;
  for (int i = 0; i < 1'000; ++i) absl::StrAppend(&mail, "<", Recipient(i), ">\n");
  while (mail.size() < kHostileBytes - 100) absl::StrAppend(&mail, "550 5.1.1 the mailbox is full of unknown users\n");
  ReadMail(state, mail);
}
BENCHMARK(HostileSharedText)->Unit(benchmark::kMillisecond);

void HostileBlame(benchmark::State& state) {
  std::string mail = kHostileHead;
  for (int i = 0; mail.size() < kHostileBytes - 100; ++i) {
    absl::StrAppend(&mail, "It could not be delivered to the user ", Recipient(i), ", said 550.\n");
  }
  ReadMail(state, mail);
}
BENCHMARK(HostileBlame)->Unit(benchmark::kMillisecond);

void HostileFields(benchmark::State& state) {
  std::string mail = kHostileHead;
  mail.insert(mail.size() - 1, "Content-Type: message/delivery-status\n");
  for (int i = 0; mail.size() < kHostileBytes - 2'000; ++i) {
    absl::StrAppend(&mail, "Final-Recipient: rfc822; ", Recipient(i), "\nAction: failed\nDiagnostic-Code: smtp; 550 ",
                    std::string(900, 'x'), "\n\n");
  }
  ReadMail(state, mail);
}
BENCHMARK(HostileFields)->Unit(benchmark::kMillisecond);

void HostileHtml(benchmark::State& state) {
  std::string mail = kHostileHead;
  mail.insert(mail.size() - 1, "Content-Type: text/html\n");
  while (mail.size() < kHostileBytes - 100) absl::StrAppend(&mail, "<div><table><tr><td>550 user unknown a@b.example");
  ReadMail(state, mail);
}
BENCHMARK(HostileHtml)->Unit(benchmark::kMillisecond);

void HostileHeaders(benchmark::State& state) {
  std::string mail;
  while (mail.size() < kHostileBytes - 100)
    absl::StrAppend(&mail, "To: =?utf-8?Q?=C3=A4?= <a@b.example>, c@d.example\n");
  ReadMail(state, absl::StrCat(mail, kHostileHead, "550 user unknown\n"));
}
BENCHMARK(HostileHeaders)->Unit(benchmark::kMillisecond);

// One line of 64 KiB that names people, twice.
void HostileLongLines(benchmark::State& state) {
  std::string line;
  while (line.size() < (64 << 10) - 20) absl::StrAppend(&line, "500a@b,");
  std::string mail = kHostileHead;
  mail.insert(mail.size() - 1, "Content-Type: multipart/mixed; boundary=b\n");
  for (int i = 0; i < 2; ++i) absl::StrAppend(&mail, "--b\nContent-Type: text/plain\n\n", line, " contact\n");
  ReadMail(state, mail);
}
BENCHMARK(HostileLongLines)->Unit(benchmark::kMillisecond);

// The same with another name each time.
void HostileLongLinesOfMany(benchmark::State& state) {
  std::string mail = kHostileHead;
  mail.insert(mail.size() - 1, "Content-Type: multipart/mixed; boundary=b\n");
  for (int i = 0; i < 10; ++i) {
    std::string line = "contact ";
    for (int j = 0; line.size() < (64 << 10) - 20; ++j) absl::StrAppend(&line, "500 u", j, "@b,");
    absl::StrAppend(&mail, "--b\nContent-Type: text/plain\n\n", line, "\n");
  }
  ReadMail(state, mail);
}
BENCHMARK(HostileLongLinesOfMany)->Unit(benchmark::kMillisecond);

// Many recipients on one line, each of whom all of it is said.
void HostileSharedLine(benchmark::State& state) {
  std::string mail = kHostileHead;
  for (int i = 0; i < 1'000; ++i) absl::StrAppend(&mail, "550 user u", i, "@b.example unknown, ");
  while (mail.size() < (60 << 10)) absl::StrAppend(&mail, "the mailbox is full of unknown users ");
  ReadMail(state, mail);
}
BENCHMARK(HostileSharedLine)->Unit(benchmark::kMillisecond);

void HostileParts(benchmark::State& state) {
  std::string mail = kHostileHead;
  mail.insert(mail.size() - 1, "Content-Type: multipart/mixed; boundary=b\n");
  const std::string text(9'000, 'a');
  while (mail.size() < kHostileBytes - 10'000) {
    absl::StrAppend(&mail, "--b\nContent-Type: text/plain\n\n", text, "\nuser unknown\n");
  }
  ReadMail(state, mail);
}
BENCHMARK(HostileParts)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace suppressd
