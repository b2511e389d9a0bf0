#include "server/mail/notice_text.h"

#include <re2/re2.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/mail/delivery_status.h"
#include "server/mail/notice_patterns.h"
#include "server/rules/reply_text.h"

namespace suppression {
namespace {

constexpr size_t kLinesMax = 2'000;
constexpr size_t kReplyOctetsMax = 2'000;
constexpr size_t kLineOctetsMax = 1'000;
// Most octets kept, all in all, of a text that is said of several recipients; of each at least kReplyOctetsMax.
constexpr size_t kSharedOctetsMax = 256 << 10;

re2::StringPiece Piece(absl::string_view text) {
  return {text.data(), text.size()};
}

std::string CleanAddress(absl::string_view address) {
  for (const absl::string_view label : {"smtp=", "to=", "rfc822="}) {
    if (absl::StartsWithIgnoreCase(address, label)) address.remove_prefix(label.size());
  }
  while (!address.empty() && absl::StrContains(".,;:!?'`*", address.substr(address.size() - 1))) {
    address.remove_suffix(1);
  }
  while (!address.empty() && absl::StrContains("'`*.-", address.substr(0, 1))) address.remove_prefix(1);
  return std::string(address);
}

bool IsAtext(char c) {
  return absl::ascii_isalnum(c) || absl::StrContains("!#$%&*+/=?^_`{|}~.-", absl::string_view(&c, 1));
}

// Whether what was found is not the tail or the head of a longer address, which would be somebody else's.
bool IsWhole(absl::string_view text, const re2::StringPiece& found) {
  const absl::string_view before = text.substr(0, found.data() - text.data());
  const absl::string_view after = text.substr(before.size() + found.size());
  // Letters with accents take two octets in UTF-8; scripts that are written without spaces take three.
  const auto accented = [](char c) {
    return static_cast<unsigned char>(c) >= 0xC2 && static_cast<unsigned char>(c) < 0xE0;
  };
  if (!after.empty() && accented(after[0])) return false;
  if (before.empty()) return true;
  if (before.size() > 1 && accented(before[before.size() - 2])) return false;
  if (absl::EndsWith(before, "\xE2\x80\x99")) return false;  // a typographic apostrophe
  if (before.back() == '\'' || before.back() == '"') return before.size() == 1 || !IsAtext(before[before.size() - 2]);
  return !IsAtext(before.back()) || before.back() == '=' || before.back() == '*' || before.back() == '-';
}

bool Same(absl::string_view a, absl::string_view b) {
  return absl::EqualsIgnoreCase(a, b);
}

bool IsSystemName(absl::string_view address) {
  const absl::string_view local = address.substr(0, address.find('@'));
  return absl::EqualsIgnoreCase(local, "mailer-daemon") || absl::EqualsIgnoreCase(local, "postmaster") ||
         absl::EqualsIgnoreCase(local, "abuse") || absl::EqualsIgnoreCase(local, "no-reply") ||
         absl::EqualsIgnoreCase(local, "noreply");
}

bool Contains(const std::vector<std::string>& addresses, absl::string_view address) {
  return std::any_of(addresses.begin(), addresses.end(), [&](const std::string& one) { return Same(one, address); });
}

struct Line {
  absl::string_view text;
  std::string address;  // when the line is an address and little else
  absl::string_view rest;
};

// Where the line before asks to write to somebody, and this one goes on with the address.
bool ContinuesHelp(const std::vector<Line>& lines) {
  if (lines.empty() || absl::EndsWith(absl::StripAsciiWhitespace(lines.back().text), ":")) return false;
  return RE2::PartialMatch(Piece(lines.back().text), HelpPattern());
}

std::vector<Line> ReadLines(absl::string_view text) {
  std::vector<Line> lines;
  for (const absl::string_view raw : absl::StrSplit(text, '\n')) {
    if (lines.size() >= kLinesMax) break;
    Line line{raw, "", ""};
    re2::StringPiece address;
    re2::StringPiece rest;
    if (raw.size() < 1'000 && absl::StrContains(raw, '@') && !ContinuesHelp(lines) &&
        RE2::PartialMatch(Piece(raw), AddressLinePattern(), &address, &rest)) {
      line.address = CleanAddress({address.data(), address.size()});
      line.rest = {rest.data(), rest.size()};
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

bool SaysSomething(absl::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalpha(c) || (static_cast<unsigned char>(c) & 0x80) != 0;
         }) >= 6;
}

// Recipients that stand on lines of their own; what follows such a line belongs to it.
void FindOnLines(const std::vector<Line>& lines, const std::vector<std::string>& ours, Notice* notice) {
  size_t open = 0;  // recipients in a row that nothing has been said of yet
  std::string text;
  const auto close = [&] {
    if (open > 0 && SaysSomething(text)) {
      const size_t count = notice->recipients.size();
      const absl::string_view shared = Utf8Prefix(text, std::max(kReplyOctetsMax, kSharedOctetsMax / open));
      for (size_t i = count - open; i < count; ++i) absl::StrAppend(&notice->recipients[i].text, shared);
      open = 0;
    }
    text.clear();
  };
  for (const Line& line : lines) {
    if (line.address.empty() || Contains(ours, line.address) || IsSystemName(line.address)) {
      if (!notice->recipients.empty()) absl::StrAppend(&text, line.text, "\n");
      continue;
    }
    const auto known = std::find_if(notice->recipients.begin(), notice->recipients.end(),
                                    [&](const NoticeRecipient& one) { return Same(one.address, line.address); });
    if (known != notice->recipients.end()) {
      absl::StrAppend(&text, line.text, "\n");
      continue;
    }
    const bool row = !SaysSomething(text);
    close();
    if (!row) open = 0;
    if (notice->recipients.size() >= kMailRecipientsMax) break;
    notice->recipients.push_back({line.address, ""});
    ++open;
    text = absl::StrCat(line.rest, "\n");
  }
  close();
}

// The lines that name an address, and the replies right behind them. `lower`: the text in lower case.
std::string LinesAbout(absl::string_view text, absl::string_view lower, absl::string_view address) {
  const std::string name = absl::AsciiStrToLower(address);
  std::string about;
  size_t next = 0;  // where the lines begin that are not looked at yet
  bool named = false;
  while (next < text.size() && about.size() <= kReplyOctetsMax) {
    const size_t end = std::min(text.find('\n', next), text.size());
    named = named && absl::StartsWith(absl::StripAsciiWhitespace(text.substr(next, end - next)), "<<<");
    if (named) {
      absl::StrAppend(&about, text.substr(next, end - next), "\n");
      next = end + 1;
      continue;
    }
    const size_t at = lower.find(name, next);
    if (at == absl::string_view::npos) break;
    const size_t before = text.rfind('\n', at);
    const size_t begin = before == absl::string_view::npos ? 0 : before + 1;
    next = std::min(text.find('\n', at), text.size()) + 1;
    absl::StrAppend(&about, text.substr(begin, next - 1 - begin), "\n");
    named = true;
  }
  return about;
}

// Recipients that running text blames.
void FindInWords(absl::string_view text, const std::vector<std::string>& ours, Notice* notice) {
  const std::string lower = absl::AsciiStrToLower(text);
  re2::StringPiece rest = Piece(text);
  re2::StringPiece found;
  for (size_t matches = 0; matches < kMailRecipientsMax && RE2::FindAndConsume(&rest, BlamePattern(), &found);
       ++matches) {
    if (!IsWhole(text, found)) continue;
    const std::string address = CleanAddress({found.data(), found.size()});
    const bool known = std::any_of(notice->recipients.begin(), notice->recipients.end(),
                                   [&](const NoticeRecipient& one) { return Same(one.address, address); });
    if (known || Contains(ours, address) || IsSystemName(address)) continue;
    const size_t begin = text.rfind('\n', found.data() - text.data());
    const size_t line_begin = begin == absl::string_view::npos ? 0 : begin + 1;
    const absl::string_view line = text.substr(line_begin, text.find('\n', line_begin) - line_begin);
    if (RE2::PartialMatch(Piece(line.substr(0, kLineOctetsMax)), HelpPattern())) continue;
    notice->recipients.push_back({address, LinesAbout(text, lower, address)});
  }
}

void FindAnywhere(absl::string_view text, const std::vector<std::string>& ours, Notice* notice) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (RE2::PartialMatch(Piece(line), HelpPattern())) continue;
    for (const std::string& address : AddressesIn(line)) {
      if (Contains(ours, address) || IsSystemName(address)) continue;
      if (notice->recipients.size() < kMailRecipientsMax) notice->recipients.push_back({address, ""});
    }
  }
  // Several addresses at random say nothing.
  if (notice->recipients.size() > 1) notice->recipients.clear();
}

// The text from the line on that announces the recipients; empty: none does.
absl::string_view Announced(absl::string_view text) {
  size_t begin = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    begin += line.size() + 1;
    if (!RE2::PartialMatch(Piece(line.substr(0, kLineOctetsMax)), AnnouncesRecipientsPattern())) continue;
    return begin < text.size() ? text.substr(begin) : "";
  }
  return "";
}

}  // namespace

std::vector<std::string> AddressesIn(absl::string_view text) {
  std::vector<std::string> addresses;
  re2::StringPiece rest = Piece(text);
  re2::StringPiece found;
  while (addresses.size() < kMailRecipientsMax && RE2::FindAndConsume(&rest, AddressPattern(), &found)) {
    if (!IsWhole(text, found)) continue;
    std::string address = CleanAddress({found.data(), found.size()});
    if (!Contains(addresses, address) && !absl::EndsWith(address, "@")) addresses.push_back(std::move(address));
  }
  return addresses;
}

Notice SplitNotice(absl::string_view text) {
  Notice notice;
  size_t begin = 0;
  bool said = false;
  while (begin < text.size()) {
    size_t end = text.find('\n', begin);
    if (end == absl::string_view::npos) end = text.size();
    const absl::string_view line = text.substr(begin, end - begin);
    const bool quoted_address = absl::StartsWith(line, ">") && RE2::PartialMatch(Piece(line), AddressLinePattern());
    if (said && !quoted_address && RE2::PartialMatch(Piece(line.substr(0, kLineOctetsMax)), ReturnedPattern())) {
      notice.returned = std::string(text.substr(begin));
      const size_t headers_end = text.find("\n\n", std::min(text.size(), end + 2));
      notice.returned_headers = std::string(
          text.substr(begin, headers_end == absl::string_view::npos ? absl::string_view::npos : headers_end - begin));
      break;
    }
    said |= SaysSomething(line);
    begin = end + 1;
  }
  notice.text = std::string(text.substr(0, std::min(begin, text.size())));
  return notice;
}

void FindRecipients(const std::vector<std::string>& ours, Notice* notice) {
  const std::string text = notice->text;
  FindOnLines(ReadLines(Announced(text)), ours, notice);
  if (notice->recipients.empty()) FindOnLines(ReadLines(text), ours, notice);
  if (notice->recipients.empty()) FindInWords(text, ours, notice);
  if (notice->recipients.empty()) FindAnywhere(text, ours, notice);
  if (notice->recipients.empty()) FindOnLines(ReadLines(text), {}, notice);
}

std::string WithoutNoise(absl::string_view text) {
  std::vector<absl::string_view> kept;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!RE2::PartialMatch(Piece(line.substr(0, kLineOctetsMax)), NoisePattern())) kept.push_back(line);
  }
  return absl::StrJoin(kept, "\n");
}

std::string QuotedReply(absl::string_view text) {
  re2::StringPiece found;
  if (!RE2::PartialMatch(Piece(text), ReplyPattern(), &found)) {
    if (!RE2::PartialMatch(Piece(text), ReasonPattern(), &found)) return "";
    return std::string(Utf8Prefix({found.data(), found.size()}, kReplyOctetsMax));
  }
  const size_t at = found.data() - text.data();
  const std::string code(text.substr(at, 3));
  std::string reply;
  // Further lines: "550-..." of the same code, and folded ones up to an empty line.
  for (const absl::string_view line : absl::StrSplit(Utf8Prefix(text.substr(at), kReplyOctetsMax), '\n')) {
    const absl::string_view stripped = absl::StripAsciiWhitespace(line);
    if (stripped.empty() || absl::StartsWith(stripped, ">>>") || absl::StartsWith(stripped, "---")) break;
    absl::StrAppend(&reply, reply.empty() ? "" : "\n", absl::StripPrefix(stripped, "<<< "));
  }
  return reply;
}

std::string QuotedHost(absl::string_view text) {
  std::string host;
  RE2::PartialMatch(Piece(text), HostPattern(), &host);
  return host;
}

}  // namespace suppression
