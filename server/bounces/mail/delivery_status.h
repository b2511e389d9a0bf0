// The fields of a delivery status notification (RFC 3464, internationalised by RFC 6533), and of a feedback report
// (RFC 5965): groups of "Name: value" lines. Real senders bend the form: blank lines missing or doubled within it,
// fields in any order, comments, text in between. This parser takes what it can.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace suppressd {

// Most recipients read of one mail.
inline constexpr size_t kMailRecipientsMax = 1'000;

// What a notification says of one recipient. Fields that are missing are empty.
struct RecipientStatus {
  // The mailbox, xtext decoded (RFC 3461 section 4, RFC 6533 section 3); where there is none the value without its
  // type.
  std::string original_recipient;
  std::string final_recipient;
  // Lower case, without comments and quotes: failed, delayed, delivered, relayed, expanded.
  std::string action;
  std::string status;           // "5.1.1", comments dropped
  std::string diagnostic_type;  // lower case: smtp, x-postfix, ...
  std::string diagnostic;       // of several fields the one that says most
  std::string remote_mta;       // without type
  std::string last_attempt_date;
};

struct DeliveryStatus {
  std::string reporting_mta;
  std::string original_envelope_id;
  std::string arrival_date;
  std::vector<RecipientStatus> recipients;
  // There were more than kMailRecipientsMax, or more fields than are read.
  bool truncated = false;
};

// `text` has LF line ends. No recipient group: no recipients.
DeliveryStatus ReadDeliveryStatus(absl::string_view text);

// Whether a line is one that only a delivery status has ("Final-Recipient: ...").
bool IsDeliveryStatusLine(absl::string_view line);

struct StatusField {
  std::string name;   // lower case
  std::string value;  // unfolded, white space collapsed
};

// The "Name: value" lines of a text, folded ones joined; others are skipped. An empty line gives a field without name.
std::vector<StatusField> ReadStatusFields(absl::string_view text);

}  // namespace suppressd
