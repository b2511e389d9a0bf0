#include "server/bounces/rules/refusal_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"

namespace suppressd {
namespace {

constexpr absl::string_view kMarkerName = "{marker}";

// No commas: what stands before one is the reason, to those who read the text.
const char* ReasonWords(const v1::Cause& cause) {
  if (cause.type() == v1::Cause::COMPLAINT) return "complaint";
  if (cause.type() == v1::Cause::UNSUBSCRIBE) return "unsubscribed";
  switch (cause.reason()) {
    case v1::ADDRESS_NOT_FOUND:
      return "address not found";
    case v1::BLOCKED_BY_RECIPIENT_SERVER:
      return "blocked by recipient server";
    case v1::DOMAIN_NOT_FOUND:
      return "domain not found";
    case v1::MAIL_SERVER_MISCONFIGURED:
      return "mail server misconfigured";
    case v1::MAILBOX_FULL:
      return "mailbox full";
    case v1::MAILBOX_INACTIVE:
      return "mailbox inactive";
    case v1::REJECTS_UNKNOWN_SENDERS:
      return "rejects unknown senders";
    case v1::UNDETERMINED:
      return "undetermined failures";
    default:
      return "listed by hand";
  }
}

// One line of ASCII that survives a mail server: no address, which is masked, no double space, which is collapsed.
bool IsPlain(absl::string_view text) {
  const bool printable =
      std::all_of(text.begin(), text.end(), [](unsigned char c) { return absl::ascii_isprint(c) && c != '@'; });
  return printable && !absl::StrContains(text, "  ") && absl::StripAsciiWhitespace(text) == text;
}

}  // namespace

std::string ProblemOf(const RefusalFormat& format) {
  const std::string& marker = format.marker;
  const bool sized = marker.size() >= kRefusalMarkerMinBytes && marker.size() <= kRefusalMarkerMaxBytes;
  if (!sized || !IsPlain(marker) || absl::StrContains(marker, '{') || absl::StrContains(marker, '}')) {
    return "marker is not 6 to 40 printable ASCII characters without @ { } and double spaces";
  }
  if (format.text.size() > kRefusalWordsMaxBytes || !IsPlain(format.text)) {
    return "text is not up to 120 printable ASCII characters without @ and double spaces";
  }
  const absl::string_view text = format.text;
  const size_t at = text.find(kMarkerName);
  if (at == absl::string_view::npos || absl::StrContains(text.substr(at + 1), kMarkerName)) {
    return "text does not hold {marker} once";
  }
  const std::string rest = absl::StrReplaceAll(format.text, {{kMarkerName, ""}, {"{reason}", ""}, {"{date}", ""}});
  if (absl::StrContains(rest, '{') || absl::StrContains(rest, '}')) {
    return "text holds something else in braces than {reason}, {date} and {marker}";
  }
  return "";
}

std::string RefusalText(const RefusalFormat& format, const v1::Cause& cause) {
  const absl::Time since = absl::FromUnixSeconds(cause.first_event_at().seconds());
  return absl::StrReplaceAll(format.text, {{"{reason}", ReasonWords(cause)},
                                           {"{date}", absl::FormatTime("%Y-%m-%d", since, absl::UTCTimeZone())},
                                           {kMarkerName, format.marker}});
}

}  // namespace suppressd
