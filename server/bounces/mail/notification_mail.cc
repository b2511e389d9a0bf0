#include "server/bounces/mail/notification_mail.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "server/bounces/mail/mail_kind.h"
#include "server/bounces/mail/mailboxes.h"
#include "server/bounces/rules/json_reader.h"
#include "server/bounces/rules/provider_event.h"

namespace suppressd {
namespace {

// The text of the first part that has words; empty: none.
absl::string_view FirstText(const MimeMail& mail) {
  const auto part = std::find_if(mail.parts.begin(), mail.parts.end(),
                                 [](const MailPart& one) { return absl::StartsWith(one.type, "text/"); });
  return part == mail.parts.end() ? "" : absl::StripLeadingAsciiWhitespace(part->text);
}

// Cheap, and true of every event and envelope that ReadProviderEvent knows of SES.
bool LooksLikeEvent(absl::string_view text) {
  if (!absl::StartsWith(text, "{")) return false;
  const bool envelope = absl::StrContains(text, "\"Type\"") && absl::StrContains(text, "\"Notification\"");
  return envelope || absl::StrContains(text, "\"notificationType\"") || absl::StrContains(text, "\"eventType\"");
}

// The object at the head of a text, its broken lines joined; empty: it does not end. sendmail breaks a line that is too
// long with "!" and puts a space before the rest, others just break it: neither is JSON within a string, nor is a "!"
// outside of one.
std::string FirstObject(absl::string_view text) {
  constexpr absl::string_view kBreak = "!\n ";
  std::string object;
  int depth = 0;
  bool quoted = false;
  bool escaped = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (absl::StartsWith(text.substr(i), kBreak)) {
      i += kBreak.size() - 1;
      continue;
    }
    if (quoted && c == '\n') continue;
    object.push_back(c);
    if (quoted) {
      if (c == '"' && !escaped) quoted = false;
      escaped = c == '\\' && !escaped;
      continue;
    }
    if (c == '"') quoted = true;
    if (c == '{') ++depth;
    if (c == '}' && --depth == 0) return object;
  }
  return "";
}

// Whether a mail says that Amazon SNS sent it. Anybody can say so, but nobody does by mistake.
bool IsFromSns(const MimeMail& mail) {
  const std::string address = absl::AsciiStrToLower(FirstMailbox(mail.Header("from")));
  const std::string domain = address.substr(std::min(address.rfind('@'), address.size()));
  return absl::StartsWith(domain, "@sns.") &&
         (absl::EndsWith(domain, ".amazonaws.com") || absl::EndsWith(domain, ".amazonaws.com.cn"));
}

// Amazon SNS Developer Guide, "Parsing Amazon SNS message formats": what every notification's envelope has.
bool IsEnvelope(const std::string& object) {
  const absl::StatusOr<JsonValue> json = ParseJson(object, "");
  return json.ok() && json->Member("Type").Text() == "Notification" && json->Member("Message").is_string() &&
         json->Member("MessageId").is_string();
}

}  // namespace

std::vector<ReportedRecipient> ReadNotificationMail(const MimeMail& mail, const std::string& recipient,
                                                    const Classifier& classifier) {
  const absl::string_view text = FirstText(mail);
  if (!LooksLikeEvent(text) || IsPassedOn(mail)) return {};
  v1::ProviderEvent event;
  event.set_provider("ses");
  event.set_payload(FirstObject(text));
  if (!IsFromSns(mail) && !IsEnvelope(event.payload())) return {};
  absl::StatusOr<std::vector<ReportedRecipient>> recipients = ReadProviderEvent(event, classifier, recipient);
  if (!recipients.ok()) return {};
  const bool hidden = recipients->size() == 1 && HidesRecipient(recipients->front().recipient);
  if (hidden && !recipient.empty()) recipients->front().recipient = recipient;
  return *std::move(recipients);
}

}  // namespace suppressd
