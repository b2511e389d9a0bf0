// What one report says of one recipient, whatever the report was: a mail, or a provider's event.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "suppressd/v1/bounce.pb.h"
#include "suppressd/v1/errors.pb.h"

namespace suppressd {

struct ReportedRecipient {
  // The address as the report spells it; not validated.
  std::string recipient;
  // The verdict, with its diagnostic, remote MTA, message id, feedback type, kind and truncated. occurred_at and
  // mail_sent_at only where the report says them; received_at, stream, source and effect never.
  v1::BounceEvent event;
  // The provider's id of the event; empty: none.
  std::string event_id;
  // The event names several recipients, and event_id is the event's with the recipient's behind it.
  bool is_one_of_several = false;
  // UNKNOWN_EVENT or MALFORMED_PAYLOAD: one event of several that could not be taken; it has no verdict.
  // INVALID_ADDRESS or NO_RECIPIENT: one recipient of several that a mail does not name so that he could be suppressed.
  // The recipient may be empty. ERROR_REASON_UNSPECIFIED: none.
  v1::ErrorReason error = v1::ERROR_REASON_UNSPECIFIED;
  // When a mail says that it bounced, in seconds since 1970; the one that knows it best first. Strangers' clocks: any
  // of them may be absurd.
  std::vector<int64_t> bounced_at{};
};

}  // namespace suppressd
