// The webhook reader: one provider's payload in, one report per event and recipient out.
//
// What a provider calls an event is looked up in a table made from its documentation; what the SMTP reply says that the
// event quotes is the classifier's. Where the two contradict each other the less severe reading wins. Verifying the
// provider's signature is the gateway's job before it calls.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "server/bounces/rules/classifier.h"
#include "server/bounces/rules/json_reader.h"
#include "server/bounces/rules/provider_report.h"
#include "server/bounces/rules/reported.h"
#include "suppressd/v1/bounce.pb.h"

namespace suppressd {

// What the payload says, in its order; each with verdict, diagnostic, remote MTA, message id, feedback type, kind,
// provider, signature_verified, truncated, and the times where the payload says them (not compared with any clock).
// Strings are cut to the limits of BounceEvent and valid UTF-8.
//
// event_id is "PROVIDER:ID", at most 256 characters of printable ASCII, the same when the provider sends the event
// again; of an event about several recipients (SES) with "/" and a hash of the recipient. Empty where the provider
// gives events of that kind no id.
//
// What a provider goes on trying to deliver is NOT_A_BOUNCE, whatever reply it quotes; so is a complaint of which the
// provider only knows that it came from one of several people.
//
// Empty when the payload is understood and about nobody: a provider's test call, an account event. Events of a kind
// that is no bounce are NOT_A_BOUNCE, or skipped where they name no recipient.
//
// Of several events, or several recipients of one, each that cannot be taken fails alone: its report has `error`, and
// no verdict.
//
// All errors are INVALID_ARGUMENT; no message quotes the payload. Nothing in it could be taken, and the first thing
// that is wrong is:
//   UNKNOWN_PROVIDER: none of "ses", "sendgrid", "mailgun", "postmark", "sparkpost" in any case.
//   UNKNOWN_EVENT: a kind of event that is not in the provider's table; names those that are. Also Amazon SNS asking to
//     confirm a subscription, which only the gateway can do.
//   MALFORMED_PAYLOAD: over kPayloadBytesMax or kPayloadDepthMax, not JSON, or not of the provider's form: says where.
// Or, whatever it holds, BATCH_TOO_LARGE: over kPayloadEventsMax.
//
// Thread-safe.
//
// `recipient`: whom an event of SES is about when it is about one and does not say whom; empty: not known.
absl::StatusOr<std::vector<ReportedRecipient>> ReadProviderEvent(const v1::ProviderEvent& request,
                                                                 const Classifier& classifier,
                                                                 absl::string_view recipient = "");

}  // namespace suppressd
