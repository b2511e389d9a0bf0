// The shapes of lines that notice_text goes by. All ignore letter case, see one line unless said otherwise, and are
// compiled once. An address that they find may be the piece of a longer one, or have its angle brackets around it.
#pragma once

#include <re2/re2.h>

namespace suppressd {

// Group 1: an address anywhere.
const RE2& AddressPattern();
// A line that announces the returned mail, or is its first header.
const RE2& ReturnedPattern();
// A line that is an address and little else. Group 1: the address, group 2: what follows.
const RE2& AddressLinePattern();
// Words that blame the address behind them; for a whole text. Group 1: the address.
const RE2& BlamePattern();
// Words that say for whom a mail was before it was forwarded or expanded, for a whole text. Group 1: the words,
// group 2: that address.
const RE2& OriginPattern();
// Words that say where mail for an address was forwarded to. Group 1: the address, group 2: where to.
const RE2& ForwardPattern();
// A line that announces the recipients ("did not reach the following recipient(s):").
const RE2& AnnouncesRecipientsPattern();
// A line that speaks of people who are not recipients.
const RE2& HelpPattern();
// For a whole text. Group 1: an SMTP reply from its code to the end of the line.
const RE2& ReplyPattern();
// For a whole text. Group 1: what is given as the reason, to the end of the line.
const RE2& ReasonPattern();
// For a whole text. Group 1: the host that replied.
const RE2& HostPattern();
// A line that says nothing about the failure: an echoed header, a scanner's advertisement.
const RE2& NoisePattern();

}  // namespace suppressd
