#include "server/bounces/mail/mail_contents.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/bounces/mail/mailboxes.h"
#include "server/bounces/rules/reply_text.h"

namespace suppressd {
namespace {

// Longest part of a text that is taken for a delivery status that lost its MIME headers.
constexpr size_t kLooseStatusBytesMax = 4'000;
// The notice that is read; a longer one has the returned mail in it.
constexpr size_t kNoticeBytesMax = 64 << 10;
// Most text parts that are looked through for somebody to blame.
constexpr int kTextPartsMax = 10;

// A text part that is the returned mail or its headers, though not labelled so.
bool LooksLikeHeaders(absl::string_view text) {
  text = absl::StripLeadingAsciiWhitespace(text);
  static constexpr absl::string_view kStarts[] = {"received:",     "return-path:", "dkim-signature:", "x-ctch-",
                                                  "delivered-to:", "message-id:",  "mime-version:",   "arc-"};
  return std::any_of(std::begin(kStarts), std::end(kStarts),
                     [&](absl::string_view start) { return absl::StartsWithIgnoreCase(text, start); });
}

// Where the fields of a delivery status begin in a text; npos: they do not.
size_t FindStatusLines(absl::string_view text) {
  size_t begin = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWithIgnoreCase(line, "final-recipient:")) return begin;
    begin += line.size() + 1;
  }
  return absl::string_view::npos;
}

class ContentsReader {
 public:
  explicit ContentsReader(std::vector<std::string> ours) : ours_(std::move(ours)) {}

  // To be told of every part before any is added: the returned mail stands behind the notice.
  void AddSenders(const MailPart& part) {
    if (IsAttachedMail(part.type) || LooksLikeHeaders(part.text)) AddSenders(part.text);
  }

  void Add(const MailPart& part) {
    if (absl::EndsWith(part.type, "delivery-status")) {
      absl::StrAppend(&contents_.status, part.text, "\n\n");
    } else if (part.type == "message/feedback-report") {
      contents_.feedback = part.text;
    } else if (IsAttachedMail(part.type) || LooksLikeHeaders(part.text)) {
      if (contents_.returned_headers.empty()) contents_.returned_headers = part.text;
    } else if (absl::StartsWith(part.type, "text/") && contents_.returned_headers.empty()) {
      AddText(part);
    }
  }

  MailContents Finish(const MimeMail& mail) {
    if (!contents_.status.empty()) return std::move(contents_);
    contents_.truncated = cut_ || contents_.notice.truncated;
    for (const MailPart& part : mail.parts) {
      if (part.type != "text/plain") continue;
      // Within the notice, or behind it when its MIME headers were lost.
      const size_t at = FindStatusLines(part.text);
      if (at == absl::string_view::npos) continue;
      const size_t begin = at > kLooseStatusBytesMax ? at : 0;
      contents_.status =
          std::string(Utf8Prefix(absl::string_view(part.text).substr(begin), at - begin + kLooseStatusBytesMax));
    }
    return std::move(contents_);
  }

 private:
  // The first text that names somebody is the notice; later ones belong to the returned mail.
  void AddText(const MailPart& part) {
    if (!contents_.notice.recipients.empty() || !contents_.status.empty()) return;
    if (contents_.notice.text.size() >= kNoticeBytesMax || ++texts_ > kTextPartsMax) {
      cut_ = true;
      return;
    }
    if (part.type == "text/html" && plain_) return;  // the same again
    plain_ |= part.type == "text/plain" && !absl::StripAsciiWhitespace(part.text).empty();
    Notice notice = SplitNotice(Utf8Prefix(part.text, kNoticeBytesMax));
    cut_ |= part.text.size() > kNoticeBytesMax && notice.returned.empty();
    contents_.notice.text.append(notice.text);
    AddSenders(notice.returned_headers);
    if (contents_.returned_headers.empty()) {
      contents_.returned_headers = std::move(notice.returned_headers);
      contents_.notice.returned = std::move(notice.returned);
    }
    FindRecipients(ours_, &contents_.notice);
  }

  void AddSenders(absl::string_view headers) {
    for (const StatusField& field : ReadStatusFields(headers)) {
      if (field.name != "from" && field.name != "sender" && field.name != "return-path") continue;
      for (std::string& address : MailboxesIn(field.value)) {
        ours_.push_back(address);
        contents_.senders.push_back(std::move(address));
      }
    }
  }

  std::vector<std::string> ours_;
  MailContents contents_;
  bool cut_ = false;
  bool plain_ = false;
  int texts_ = 0;
};

}  // namespace

std::string MailContents::ReturnedHeader(absl::string_view name) const {
  for (const StatusField& field : ReadStatusFields(returned_headers)) {
    if (field.name == name) return field.value;
  }
  return "";
}

std::string MailContents::ReturnedRecipient() const {
  for (const absl::string_view name : {"to", "delivered-to", "x-original-to"}) {
    std::vector<std::string> addresses = MailboxesIn(ReturnedHeader(name));
    if (addresses.size() == 1) return std::move(addresses[0]);
  }
  return "";
}

MailContents ReadContents(const MimeMail& mail, std::vector<std::string> ours) {
  ContentsReader reader(std::move(ours));
  for (const MailPart& part : mail.parts) reader.AddSenders(part);
  for (const MailPart& part : mail.parts) reader.Add(part);
  return reader.Finish(mail);
}

}  // namespace suppressd
