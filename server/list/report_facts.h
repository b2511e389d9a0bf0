// What a report says of itself: when it happened, and what tells it from other reports. Pure.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/bounces/rules/address.h"
#include "server/bounces/rules/reported.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// Fills in what the request says of all events (`shared`); what the report itself says of one comes second, but for its
// verdict. Times of the report are taken only where they can be: a bounce is not later than its report (`reported_at`),
// not older than bounce messages are (1996), and not more than a day older than the mail that it returns. False:
// neither request nor report says when it happened, so that the event has the time of the report.
bool CompleteEvent(const v1::BounceEvent& shared, const v1::ReportBounceRequest& request, absl::Time reported_at,
                   v1::BounceEvent::Kind kind, ReportedRecipient* reported);

// A Message-ID without its angle brackets and what stands around them; empty: none.
absl::string_view BareMessageId(absl::string_view message_id);

// What tells a bounce message from others where it does not say which mail it returns: its own Message-ID, else the
// digest of its content.
std::string OwnIdOf(absl::string_view message_id, absl::string_view content);

// BounceEvent.identity: of the mail that bounced, else of `own_id`; empty: neither is known. Whoever forges a mail can
// take only the identity of an event that means the same for the same address.
std::string EventIdentity(const v1::BounceEvent& event, const Address& address, absl::string_view own_id);

}  // namespace suppressd
