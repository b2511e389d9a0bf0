// Mails for tests, made up after the forms that RFCs and mail servers document.
#pragma once

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace suppressd {

// A multipart/report of the given notice and delivery-status fields, with the headers of the returned mail.
inline std::string Dsn(absl::string_view notice, absl::string_view status) {
  return absl::StrCat(
      "From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\n"
      "To: sender@example.org\n"
      "Subject: Undelivered Mail Returned to Sender\n"
      "MIME-Version: 1.0\n"
      "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b1\"\n"
      "\n"
      "--b1\n"
      "Content-Type: text/plain; charset=us-ascii\n\n",
      notice,
      "\n--b1\n"
      "Content-Type: message/delivery-status\n\n",
      status,
      "\n--b1\n"
      "Content-Type: text/rfc822-headers\n\n"
      "From: sender@example.org\n"
      "To: jo@example.com\n"
      "Date: Tue, 03 Nov 2026 10:00:00 +0100\n"
      "Message-ID: <m1@example.org>\n"
      "Subject: account suspended\n"
      "\n--b1--\n");
}

// A bounce in words only.
inline std::string TextBounce(absl::string_view text) {
  return absl::StrCat(
      "From: Mail Delivery Subsystem <mailer-daemon@mx.example.org>\n"
      "To: sender@example.org\n"
      "Subject: failure notice\n"
      "\n",
      text);
}

}  // namespace suppressd
