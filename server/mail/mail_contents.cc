#include "server/mail/mail_contents.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/rules/reply_text.h"

namespace suppression {
namespace {

// Longest part of a text that is taken for a delivery status that lost its MIME headers.
constexpr size_t kLooseStatusOctetsMax = 4'000;
// The notice that is read; a longer one has the returned mail in it.
constexpr size_t kNoticeOctetsMax = 64 << 10;
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
  explicit ContentsReader(const std::vector<std::string>& ours) : ours_(ours) {}

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
    for (const MailPart& part : mail.parts) {
      if (part.type != "text/plain") continue;
      // Within the notice, or behind it when its MIME headers were lost.
      const size_t at = FindStatusLines(part.text);
      if (at == absl::string_view::npos) continue;
      const size_t begin = at > kLooseStatusOctetsMax ? at : 0;
      contents_.status =
          std::string(Utf8Prefix(absl::string_view(part.text).substr(begin), at - begin + kLooseStatusOctetsMax));
    }
    return std::move(contents_);
  }

 private:
  // The first text that names somebody is the notice; later ones belong to the returned mail.
  void AddText(const MailPart& part) {
    if (!contents_.notice.recipients.empty() || !contents_.status.empty()) return;
    if (contents_.notice.text.size() >= kNoticeOctetsMax || ++texts_ > kTextPartsMax) return;
    if (part.type == "text/html" && plain_) return;  // the same again
    plain_ |= part.type == "text/plain" && !absl::StripAsciiWhitespace(part.text).empty();
    Notice notice = SplitNotice(Utf8Prefix(part.text, kNoticeOctetsMax));
    contents_.notice.text.append(notice.text);
    if (contents_.returned_headers.empty()) {
      contents_.returned_headers = std::move(notice.returned_headers);
      contents_.notice.returned = std::move(notice.returned);
    }
    FindRecipients(ours_, &contents_.notice);
  }

  const std::vector<std::string>& ours_;
  MailContents contents_;
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
    std::vector<std::string> addresses = AddressesIn(ReturnedHeader(name));
    if (addresses.size() == 1) return std::move(addresses[0]);
  }
  return "";
}

MailContents ReadContents(const MimeMail& mail, const std::vector<std::string>& ours) {
  ContentsReader reader(ours);
  for (const MailPart& part : mail.parts) reader.Add(part);
  return reader.Finish(mail);
}

}  // namespace suppression
