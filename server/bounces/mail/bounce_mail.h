// A bounce message, understood: what it is, and a verdict per recipient.
//
//   absl::StatusOr<MailReport> report = ReadBounceMail({.content = "..."}, classifier);
//   for (const ReportedRecipient& one : report->recipients) ... one.recipient, one.event.verdict()
//
// The steps, each in a file of its own: MIME (mime_mail), kind (mail_kind), machine-readable status (delivery_status),
// the words (notice_text); then the same rules as for an SMTP reply (rules/classifier). A provider's JSON event that
// came by mail is read as such (notification_mail). Pure.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "server/bounces/rules/classifier.h"
#include "server/bounces/rules/reported.h"
#include "suppressd/v1/bounce.pb.h"

namespace suppressd {

// Most bytes of diagnostics kept of one mail; each recipient has the same share of them.
inline constexpr size_t kMailDiagnosticsBytesMax = 1 << 20;

struct MailReport {
  v1::BounceEvent::Kind kind = v1::BounceEvent::OTHER_MAIL;
  // Not all of it was read or kept: it is over one of the limits (bytes, parts, levels, recipients, lines of the
  // notice, diagnostics), or the caller had cut it.
  bool truncated = false;
  // The Message-ID of the mail itself, as it stands there; empty: none.
  std::string message_id;
  // One per recipient, in the order of the mail. A bounce or complaint that names nobody gives one with an empty
  // recipient. A mail that is no bounce gives none, a delay notice those it names, NOT_A_BOUNCE. One with an error is
  // an event that cannot be taken (kind PROVIDER_WEBHOOK), or a failed recipient of a delivery status that is no
  // address (INVALID_ADDRESS, NO_RECIPIENT): it has a verdict, for those who want to know what was said.
  std::vector<ReportedRecipient> recipients;
};

// INVALID_ARGUMENT (NOT_A_MESSAGE) when it is no mail at all. A feedback report of a type that nobody registered is
// NOT_A_BOUNCE. Thread-safe.
absl::StatusOr<MailReport> ReadBounceMail(const v1::RawMessage& message, const Classifier& classifier);

}  // namespace suppressd
