// The words of a bounce: where the notice ends and the returned mail begins, which addresses it blames, and what it
// says of each. Independent of who wrote it: it goes by the shape of lines, not by the sender's phrases.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/bounces/mail/forwarding.h"

namespace suppressd {

// What a notice says of one recipient.
struct NoticeRecipient {
  std::string address;
  // The lines that belong to it; empty when only the notice as a whole says anything.
  std::string text;
};

struct Notice {
  // The notice proper, without the returned mail.
  std::string text;
  // The returned mail, when it stands in the same text, and its header block.
  std::string returned;
  std::string returned_headers;
  // In order of appearance, each address once; those who were mailed, not where their mail was forwarded to.
  std::vector<NoticeRecipient> recipients;
  Forwardings forwardings;
  // It has more lines or recipients than are looked at.
  bool truncated = false;
};

// Splits a text (LF line ends) at the returned mail.
Notice SplitNotice(absl::string_view text);

// Finds the recipients in notice->text. `ours` are addresses that the notice was sent to or from, or that the returned
// mail came from: they are not blamed.
void FindRecipients(const std::vector<std::string>& ours, Notice* notice);

// The last resort where nobody else can be found: those who stand on lines of their own though they got the notice, but
// for the senders of the returned mail.
std::vector<NoticeRecipient> FindAmongOurs(absl::string_view text, const std::vector<std::string>& senders);

// The SMTP reply quoted in a text ("... said: 550 5.1.1 no such user"), with its further lines; else what is given as
// the reason ("Reason: mailbox full"); empty: neither.
std::string QuotedReply(absl::string_view text);

// The text without lines that repeat headers of the returned mail or advertise a scanner: neither must decide.
std::string WithoutNoise(absl::string_view text);

// The host that gave the reply, where the text names it; empty: not said.
std::string QuotedHost(absl::string_view text);

}  // namespace suppressd
