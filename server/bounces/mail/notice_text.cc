#include "server/bounces/mail/notice_text.h"

#include <re2/re2.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/bounces/mail/delivery_status.h"
#include "server/bounces/mail/notice_patterns.h"
#include "server/bounces/mail/written_address.h"
#include "server/bounces/rules/reply_text.h"

namespace suppressd {
namespace {

constexpr size_t kLinesMax = 2'000;
constexpr size_t kReplyBytesMax = 2'000;
constexpr size_t kLineBytesMax = 1'000;
// Most addresses of mail systems on one line that are passed over.
constexpr size_t kSystemNamesMax = 10;
// Most bytes kept, all in all, of a text that is said of several recipients; of each at least kReplyBytesMax.
constexpr size_t kSharedBytesMax = 256 << 10;

bool Same(absl::string_view a, absl::string_view b) {
  return absl::EqualsIgnoreCase(a, b);
}

bool Names(const std::vector<NoticeRecipient>& recipients, absl::string_view address) {
  return std::any_of(recipients.begin(), recipients.end(),
                     [&](const NoticeRecipient& one) { return Same(one.address, address); });
}

// The head of a line, as much of it as patterns look at.
re2::StringPiece Head(absl::string_view line) {
  return Piece(line.substr(0, kLineBytesMax));
}

struct Line {
  absl::string_view text;
  std::string address;  // when the line is an address and little else
  absl::string_view rest;
};

// Where the line before asks to write to somebody, and this one goes on with the address.
bool ContinuesHelp(const std::vector<Line>& lines) {
  if (lines.empty() || absl::EndsWith(absl::StripAsciiWhitespace(lines.back().text), ":")) return false;
  return RE2::PartialMatch(Head(lines.back().text), HelpPattern());
}

// The lines of a text up to kLinesMax, which sets *truncated.
std::vector<Line> ReadLines(absl::string_view text, bool* truncated) {
  std::vector<Line> lines;
  for (const absl::string_view raw : absl::StrSplit(text, '\n')) {
    if (lines.size() >= kLinesMax) {
      *truncated = true;
      break;
    }
    Line line{raw, "", ""};
    re2::StringPiece address;
    re2::StringPiece rest;
    if (raw.size() < kLineBytesMax && absl::StrContains(raw, '@') && !ContinuesHelp(lines) &&
        RE2::PartialMatch(Piece(raw), AddressLinePattern(), &address, &rest)) {
      line.address = WrittenAddress(raw, address);
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
      const absl::string_view shared = Utf8Prefix(text, std::max(kReplyBytesMax, kSharedBytesMax / open));
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
    if (Names(notice->recipients, line.address)) {
      absl::StrAppend(&text, line.text, "\n");
      continue;
    }
    const bool row = !SaysSomething(text);
    close();
    if (!row) open = 0;
    if (notice->recipients.size() >= kMailRecipientsMax) {
      notice->truncated = true;
      break;
    }
    notice->recipients.push_back({line.address, ""});
    ++open;
    text = absl::StrCat(line.rest, "\n");
  }
  close();
}

// What is kept of a line that names an address at `at`: of a long one what stands around the address.
absl::string_view AroundAddress(absl::string_view line, size_t at) {
  constexpr size_t kBeforeBytesMax = 200;
  constexpr size_t kAroundBytesMax = 800;  // a thousand recipients on one line are each judged by theirs
  if (line.size() <= kReplyBytesMax) return line;
  const size_t begin = at > kBeforeBytesMax ? Utf8Prefix(line, at - kBeforeBytesMax).size() : 0;
  return Utf8Prefix(line.substr(begin), kAroundBytesMax);
}

// The lines that name an address, and the replies right behind them. `lower`: the text in lower case.
std::string LinesAbout(absl::string_view text, absl::string_view lower, absl::string_view address) {
  const std::string name = absl::AsciiStrToLower(address);
  std::string about;
  size_t next = 0;  // where the lines begin that are not looked at yet
  bool named = false;
  while (next < text.size() && about.size() <= kReplyBytesMax) {
    const size_t end = std::min(text.find('\n', next), text.size());
    const absl::string_view line = text.substr(next, end - next);
    named = named && absl::StartsWith(absl::StripAsciiWhitespace(line), "<<<");
    if (named) {
      absl::StrAppend(&about, Utf8Prefix(line, kReplyBytesMax), "\n");
      next = end + 1;
      continue;
    }
    const size_t at = lower.find(name, next);
    if (at == absl::string_view::npos) break;
    const size_t before = text.rfind('\n', at);
    const size_t begin = before == absl::string_view::npos ? 0 : before + 1;
    next = std::min(text.find('\n', at), text.size()) + 1;
    absl::StrAppend(&about, AroundAddress(text.substr(begin, next - 1 - begin), at - begin), "\n");
    named = true;
  }
  return about;
}

// Recipients that running text blames. The patterns see one line, so that a line is asked once whether it is help.
void FindInWords(absl::string_view text, const std::vector<std::string>& ours, Notice* notice) {
  const std::string lower = absl::AsciiStrToLower(text);
  size_t matches = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::StrContains(line, '@') || RE2::PartialMatch(Head(line), HelpPattern())) continue;
    re2::StringPiece rest = Piece(line);
    re2::StringPiece found;
    while (RE2::FindAndConsume(&rest, BlamePattern(), &found)) {
      if (++matches > kMailRecipientsMax) {
        notice->truncated = true;
        return;
      }
      const std::string address = WrittenAddress(line, found);
      if (address.empty() || Contains(ours, address) || IsSystemName(address)) continue;
      if (Names(notice->recipients, address)) continue;
      notice->recipients.push_back({address, LinesAbout(text, lower, address)});
    }
  }
}

// The only address in the text; several at random say nothing.
void FindAnywhere(absl::string_view text, const std::vector<std::string>& ours, Notice* notice) {
  std::string only;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::StrContains(line, '@') || RE2::PartialMatch(Head(line), HelpPattern())) continue;
    for (const std::string& address : AddressesIn(line, ours.size() + kSystemNamesMax + 2)) {
      if (Contains(ours, address) || IsSystemName(address) || Same(address, only)) continue;
      if (!only.empty()) return;
      only = address;
    }
  }
  if (!only.empty()) notice->recipients.push_back({only, ""});
}

// Puts who was mailed in the place of those that his mail was forwarded to.
void BlameMailed(Notice* notice) {
  std::vector<NoticeRecipient> mailed;
  for (NoticeRecipient& one : notice->recipients) {
    one.address = notice->forwardings.MailedFor(one.address);
    const auto known = std::find_if(mailed.begin(), mailed.end(),
                                    [&](const NoticeRecipient& other) { return Same(other.address, one.address); });
    if (known == mailed.end()) {
      mailed.push_back(std::move(one));
    } else if (known->text.empty()) {
      known->text = std::move(one.text);
    }
  }
  notice->recipients = std::move(mailed);
}

// The text from the line on that announces the recipients; empty: none does.
absl::string_view Announced(absl::string_view text) {
  size_t begin = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    begin += line.size() + 1;
    if (!RE2::PartialMatch(Head(line), AnnouncesRecipientsPattern())) continue;
    return begin < text.size() ? text.substr(begin) : "";
  }
  return "";
}

}  // namespace

Notice SplitNotice(absl::string_view text) {
  Notice notice;
  size_t begin = 0;
  bool said = false;
  while (begin < text.size()) {
    size_t end = text.find('\n', begin);
    if (end == absl::string_view::npos) end = text.size();
    const absl::string_view line = text.substr(begin, end - begin);
    const bool quoted_address = absl::StartsWith(line, ">") && RE2::PartialMatch(Head(line), AddressLinePattern());
    if (said && !quoted_address && RE2::PartialMatch(Head(line), ReturnedPattern())) {
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
  FindOnLines(ReadLines(Announced(text), &notice->truncated), ours, notice);
  if (notice->recipients.empty()) FindOnLines(ReadLines(text, &notice->truncated), ours, notice);
  if (notice->recipients.empty()) FindInWords(text, ours, notice);
  if (notice->recipients.empty()) FindAnywhere(text, ours, notice);
  notice->forwardings = Forwardings(text);
  if (!notice->forwardings.empty()) BlameMailed(notice);
}

std::vector<NoticeRecipient> FindAmongOurs(absl::string_view text, const std::vector<std::string>& senders) {
  Notice notice;
  FindOnLines(ReadLines(text, &notice.truncated), senders, &notice);
  return std::move(notice.recipients);
}

std::string WithoutNoise(absl::string_view text) {
  std::vector<absl::string_view> kept;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!RE2::PartialMatch(Head(line), NoisePattern())) kept.push_back(line);
  }
  return absl::StrJoin(kept, "\n");
}

std::string QuotedReply(absl::string_view text) {
  re2::StringPiece found;
  if (!RE2::PartialMatch(Piece(text), ReplyPattern(), &found)) {
    if (!RE2::PartialMatch(Piece(text), ReasonPattern(), &found)) return "";
    return std::string(Utf8Prefix({found.data(), found.size()}, kReplyBytesMax));
  }
  const size_t at = found.data() - text.data();
  const std::string code(text.substr(at, 3));
  std::string reply;
  // Further lines: "550-..." of the same code, and folded ones up to an empty line.
  for (const absl::string_view line : absl::StrSplit(Utf8Prefix(text.substr(at), kReplyBytesMax), '\n')) {
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

}  // namespace suppressd
