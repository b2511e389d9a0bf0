// The addresses of structured fields: whole mailboxes as RFC 5321 and RFC 6531 have them (apostrophes, braces, UTF-8,
// quoted local parts), never a piece of one. Words are notice_text's.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace suppressd {

// Longest field that is read, in bytes; the rest is cut off.
inline constexpr size_t kMailboxFieldBytesMax = 16'384;

// The mailboxes of a field ("Jo <jo@x>, \"a b\"@x (at work)"), in order, each once, as the field spells them without
// brackets, names and comments. Only those that NormaliseAddress takes; none: empty. Thread-safe.
std::vector<std::string> MailboxesIn(absl::string_view field);

// The first of them; empty: none.
std::string FirstMailbox(absl::string_view field);

// Whether an address hides whose it is: it is empty, or its local part was made unreadable ("redacted@x", "xxxx@x"; RFC
// 6590 leaves the form open).
bool HidesRecipient(absl::string_view address);

// Makes GMime ready; to be called before any use of it. Thread-safe.
void StartGmime();

}  // namespace suppressd
