#include "server/bounces/mail/mailboxes.h"

#include <gmime/gmime.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "server/bounces/rules/address.h"
#include "server/bounces/rules/reply_text.h"

namespace suppressd {
namespace {

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
};

bool IsMailbox(absl::string_view text) {
  return NormaliseAddress(text).ok();
}

// Whether both ends are the given ones, with something between.
bool IsWithin(absl::string_view text, char open, char close) {
  return text.size() > 2 && text.front() == open && text.back() == close;
}

// Without white space, brackets, and quotes around all of it.
absl::string_view Bare(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  while (IsWithin(text, '<', '>') || IsWithin(text, '\'', '\'') || (IsWithin(text, '"', '"') && !IsMailbox(text))) {
    text = absl::StripAsciiWhitespace(text.substr(1, text.size() - 2));
  }
  return text;
}

// Whether what was found is all of an address: the parser stops at what it does not know.
bool IsWhole(absl::string_view field, absl::string_view address) {
  const size_t at = field.find(address);
  if (at == absl::string_view::npos) return true;  // spelled with comments or spaces within
  constexpr absl::string_view kEnds = " \t\r\n<>()[],;:\"'";
  const size_t end = at + address.size();
  const bool begins = at == 0 || absl::StrContains(kEnds, field.substr(at - 1, 1));
  return begins && (end == field.size() || absl::StrContains(kEnds, field.substr(end, 1)));
}

class Mailboxes {
 public:
  explicit Mailboxes(absl::string_view field) : field_(field) {}

  // An address as it is, when it is one.
  bool Take(absl::string_view text) {
    const absl::string_view bare = Bare(text);
    if (!IsMailbox(bare)) return false;
    const bool known = std::any_of(found_.begin(), found_.end(),
                                   [&](const std::string& one) { return absl::EqualsIgnoreCase(one, bare); });
    if (!known) found_.emplace_back(bare);
    return true;
  }

  void TakeAll(InternetAddressList* list) {
    const int count = list == nullptr ? 0 : internet_address_list_length(list);
    for (int i = 0; i < count; ++i) {
      InternetAddress* const address = internet_address_list_get_address(list, i);
      if (INTERNET_ADDRESS_IS_GROUP(address)) {  // a group has no groups in it
        TakeAll(internet_address_group_get_members(INTERNET_ADDRESS_GROUP(address)));
      } else if (INTERNET_ADDRESS_IS_MAILBOX(address)) {
        const char* const text = internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address));
        if (text != nullptr && IsWhole(field_, text)) Take(text);
      }
    }
  }

  // Addresses that RFC 5322 does not know and some providers have nevertheless ("jo..x@docomo.example").
  void TakePieces() {
    for (absl::string_view piece : absl::StrSplit(field_, absl::ByAnyChar(",;"))) {
      const size_t open = piece.rfind('<');
      if (open != absl::string_view::npos) piece = piece.substr(open, piece.find('>', open) - open + 1);
      if (absl::StrContains(piece, '@')) Take(piece);
    }
  }

  std::vector<std::string> Finish() { return std::move(found_); }

 private:
  const absl::string_view field_;
  std::vector<std::string> found_;
};

}  // namespace

void StartGmime() {
  static std::once_flag once;
  std::call_once(once, [] { g_mime_init(); });
}

std::vector<std::string> MailboxesIn(absl::string_view field) {
  field = Utf8Prefix(field, kMailboxFieldBytesMax);
  Mailboxes mailboxes(field);
  if (!absl::StrContains(field, '@') || mailboxes.Take(field)) return mailboxes.Finish();
  if (absl::StrContains(field, '[')) {
    // An address literal, which GMime 3.2 leaks memory over when it does not like what follows.
    mailboxes.TakePieces();
    return mailboxes.Finish();
  }
  StartGmime();
  // Some separate addresses by semicolons, which end a group only where one began.
  const bool group = absl::StrContains(field, ':');
  const std::string text = group ? std::string(field) : absl::StrReplaceAll(field, {{";", ","}});
  const std::unique_ptr<InternetAddressList, Unref> list(internet_address_list_parse(nullptr, text.c_str()));
  mailboxes.TakeAll(list.get());
  mailboxes.TakePieces();
  return mailboxes.Finish();
}

std::string FirstMailbox(absl::string_view field) {
  std::vector<std::string> mailboxes = MailboxesIn(field);
  return mailboxes.empty() ? "" : std::move(mailboxes.front());
}

bool HidesRecipient(absl::string_view address) {
  const std::string local = absl::AsciiStrToLower(address.substr(0, address.rfind('@')));
  static constexpr absl::string_view kWords[] = {"redacted", "hidden", "undisclosed", "anonymized", "anonymised"};
  const bool worded = std::any_of(std::begin(kWords), std::end(kWords),
                                  [&](absl::string_view word) { return absl::StrContains(local, word); });
  // Mailboxes of one or two such characters are in use.
  const bool masked = local.size() > 2 && local.find_first_not_of("x*.-_") == std::string::npos;
  return local.empty() || worded || masked;
}

}  // namespace suppressd
