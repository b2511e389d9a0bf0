// The parts of a mail by what they are for: the notice, the machine-readable fields, the returned mail.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/bounces/mail/delivery_status.h"
#include "server/bounces/mail/mime_mail.h"
#include "server/bounces/mail/notice_text.h"

namespace suppressd {

struct MailContents {
  // The words for people, with the recipients they name.
  Notice notice;
  // Fields of message/delivery-status, also where they stand in a text; empty: none.
  std::string status;
  // Fields of message/feedback-report; empty: none.
  std::string feedback;
  // The header block of the returned mail; empty: it did not come along.
  std::string returned_headers;
  // Who sent it, as its header says: us, whatever the notice was sent to.
  std::vector<std::string> senders;
  // The notice is longer than what is read of it.
  bool truncated = false;

  // A header of the returned mail, by lower-case name; empty: none.
  std::string ReturnedHeader(absl::string_view name) const;
  // Who the returned mail was for, when it was for one person only; else empty.
  std::string ReturnedRecipient() const;
};

// `ours`: addresses the mail was sent to and from; see FindRecipients. Thread-safe.
MailContents ReadContents(const MimeMail& mail, std::vector<std::string> ours);

}  // namespace suppressd
