// What a Client takes and answers: plain values, copied freely, owning all they hold.
//
// An unset std::optional means "not known" in answers and "not given" in requests. Texts are UTF-8,
// but for SmtpReply::text and the bytes of a mail or payload; others are refused without a call, INVALID_ARGUMENT
// (INVALID_FIELD), in a batch each address for itself. What the service refuses (malformed address, too long a note)
// comes back as an error of the call, see ErrorReason() in client.h. Requests: an empty tenant means
// ClientOptions::tenant.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "suppressd/entry.h"
#include "suppressd/enums.h"

namespace suppressd {
inline namespace client_v1 {

// How fresh the answer of a sidecar is.
struct Freshness {
  FreshnessBasis basis = FreshnessBasis::kUnspecified;
  // The answer holds all that the server had this long ago, by the sidecar's clock. Unset: not known.
  std::optional<absl::Duration> staleness;
};

// One check. at_least: a token of an earlier answer; the check then sees that state or a later one,
// or fails UNAVAILABLE (REVISION_NOT_REACHED). Empty: the newest state of the server asked.
struct CheckRequest {
  std::string tenant;
  std::string address;
  std::string stream;  // of the mail to be sent; empty: only causes that apply to all mail match
  std::string at_least;
  // How old the answer of a sidecar may be (Freshness::staleness). An older sidecar catches up first, within the call's
  // deadline, or fails UNAVAILABLE (TOO_STALE). Zero: the newest state of the server. Unset, or over 10,000 years:
  // however old. Negative: INVALID_ARGUMENT (INVALID_FIELD). Without effect at the server.
  std::optional<absl::Duration> max_staleness;
};

// The answer to a check.
struct CheckResult {
  Answer answer = Answer::kUnspecified;
  bool suppressed = false;     // it is known to be on the list; see MaySend()
  std::vector<Match> matches;  // every cause that matches; empty when not suppressed or assumed
  std::string revision_token;  // the state this was answered from; empty when assumed, or without a replica
  bool assumed = false;        // true: nobody answered, ClientOptions::when_unavailable decided
  absl::Status unavailable;    // when assumed: why there was no answer; else OK
  // How fresh the answer of a sidecar is. Unset: answered by the server, which holds the list itself, or assumed.
  std::optional<Freshness> freshness;
  // What a mail server is to say when it refuses the recipient, so that it is recognised when it comes back as a
  // bounce. Empty when not suppressed or assumed.
  std::string refusal_text;

  // Whether the address may be mailed: the answer is kNotSuppressed. False also where nobody knows (kNotKnown).
  bool MaySend() const { return answer == Answer::kNotSuppressed; }
};

// Many checks, answered from one state. At most 10,000 addresses.
struct BatchRequest {
  std::string tenant;
  std::vector<std::string> addresses;
  std::string stream;
  std::string at_least;
  std::optional<absl::Duration> max_staleness;  // see CheckRequest
};

// Why one item of several failed, alone.
struct ItemError {
  std::string reason;   // as ErrorReason() gives it: "INVALID_ADDRESS"; empty: no error
  std::string message;  // without an address
  std::string field;    // the field of the request at fault; empty: none
  absl::StatusCode code = absl::StatusCode::kOk;
};

// Why one address of a batch may not be mailed.
struct BatchItem {
  int32_t index = 0;  // position in BatchRequest::addresses
  bool suppressed = false;
  std::vector<Match> matches;     // without note and reactivation; GetBounceDetails has them
  ItemError error;                // "INVALID_ADDRESS" ...: do not send
  bool matches_left_out = false;  // suppressed, but the answer was too large to say why: ask for this one alone
};

// Answers for all, and details of those that may not be mailed.
struct BatchResult {
  std::vector<Answer> answers;         // one for each address, in the order of the request
  std::vector<BatchItem> items;        // of those that may not be mailed: why; ascending by index
  std::string revision_token;          // see CheckResult
  bool assumed = false;                // see CheckResult
  absl::Status unavailable;            // see CheckResult
  std::optional<Freshness> freshness;  // see CheckResult

  // Whether the address at `index` of the request may be mailed: its answer is kNotSuppressed.
  bool MaySend(int32_t index) const;
};

// One SMTP reply to one recipient.
struct SmtpReply {
  std::string recipient;      // any spelling; required
  int32_t code = 0;           // 200 to 599; 0: read it from the text
  std::string enhanced_code;  // "5.1.1"; empty: read it from the text
  std::string text;           // exactly as received, in any encoding; at most 16,384 bytes
  SmtpStage stage = SmtpStage::kUnspecified;
  std::string remote_mta;  // empty: unknown
};

// A spam complaint, already taken apart (RFC 5965 fields).
struct Complaint {
  std::string recipient;      // required
  std::string feedback_type;  // empty: "abuse"
  std::string reporter;       // empty: unknown
};

// A bounce message, whole: a delivery status notification, a bounce in words, a feedback report, or whatever else
// arrives at the bounce address.
struct RawMessage {
  std::string content;     // as received, any line ends; the client sends the first 1,048,576 bytes and sets truncated
  std::string recipient;   // whom the mail was sent to, from a VERP return path; empty: not known
  bool truncated = false;  // the caller has cut the content already
};

// What a mail provider sent to a webhook.
struct ProviderEvent {
  std::string provider;             // "ses", "sendgrid", "mailgun", "postmark" or "sparkpost", any case
  std::string payload;              // the JSON body, unchanged; at most 1,048,576 bytes and 1,000 events
  bool signature_verified = false;  // the caller has verified the provider's signature; recorded, not checked
};

// One report: about one recipient, or about as many as the mail or the payload names.
struct ReportRequest {
  std::string tenant;
  // Idempotency key, a UUID. Empty: the client makes one, once per call, so that its retries count
  // once; not when event_id is given, which is the key then.
  std::string request_id;
  std::string event_id;  // the provider's id of the event; the same event reported twice counts once
  std::variant<SmtpReply, Complaint, RawMessage, ProviderEvent> report;
  std::optional<absl::Time> occurred_at;   // unset: now
  std::optional<absl::Time> mail_sent_at;  // unset: occurred_at
  std::string stream;
  std::string source;
  std::string message_id;
};

// What the classifier took a report for.
struct Verdict {
  VerdictClass bounce_class = VerdictClass::kUnspecified;
  BounceReason reason = BounceReason::kUnspecified;  // set for kHard and kSoft
  std::string rule_id;
  std::string rule_set_version;
  std::string evidence;   // the part of the text that decided; empty: the codes alone did
  bool conflict = false;  // text and codes contradicted each other; the milder reading was taken
  int32_t code = 0;
  std::string enhanced_code;
  SmtpStage stage = SmtpStage::kUnspecified;
};

// What a report meant for one recipient.
struct Outcome {
  std::string address;  // normalised; with an error only where it is known and valid
  Verdict verdict;      // says nothing when there is an error
  Effect effect = Effect::kUnspecified;
  std::string event_id;    // the provider's id of the event; empty: none
  bool duplicate = false;  // this event of a payload was reported before, and this is what was answered then
  ItemError error;         // "INVALID_ADDRESS" ...: this one of several was not taken
};

struct ReportResult {
  // In the order of the report. Empty only when nothing was recorded: a mail that is no bounce and names nobody, a
  // payload without events.
  std::vector<Outcome> outcomes;
  std::string revision_token;  // the state that includes the report; empty when the server does not have it yet
  bool duplicate = false;  // the answer to an earlier call with the same id; all events of a payload were known already
  ReportKind kind = ReportKind::kUnspecified;  // what the report was
  bool truncated = false;                      // its end was not read
  // Where it is kept. kAtSidecar: the server was away, and the sidecar delivers it later. What it suppresses is
  // suppressed by this sidecar at once, by others after that; effects are what the sidecar makes of it.
  Durability durability = Durability::kUnspecified;
};

// Which entries. Unset fields pass all. One and the same cause must pass reasons, cause_types, stream and source, and
// of an entry only the causes that `state` is about are looked at.
struct SuppressionFilter {
  StateFilter state = StateFilter::kUnspecified;
  // Only addresses that begin with this, or that hold this (3 bytes at least); empty: all. Both look through the list.
  std::string address_prefix;
  std::string address_contains;
  std::vector<BounceReason> reasons;  // kUnspecified among them: a cause without one
  std::vector<CauseType> cause_types;
  std::optional<std::string> stream;  // set and empty: causes that apply to all mail
  std::string source;
  std::string domain;                       // its own entry and its addresses
  std::optional<absl::Time> listed_from;    // at or after
  std::optional<absl::Time> listed_before;  // before
};

struct ListRequest {
  std::string tenant;
  int32_t page_size = 0;   // 0: 100; at most 1,000
  std::string page_token;  // Page::next_page_token with tenant, order and filter unchanged; empty: the first page
  ListOrder order = ListOrder::kUnspecified;
  SuppressionFilter filter;
  std::string at_least;
  std::optional<absl::Duration> max_staleness;  // see CheckRequest
};

struct Page {
  std::vector<Suppression> suppressions;  // may be empty while next_page_token is set
  std::string next_page_token;            // empty: this was the last page
  std::string revision_token;
  int64_t damaged_count = 0;           // entries left out, because they are damaged on the server's disk
  std::optional<Freshness> freshness;  // see CheckResult; a listing leaves out what a sidecar has yet to deliver
};

// Walks the whole list: give it time.
struct CountRequest {
  std::string tenant;
  SuppressionFilter filter;
  std::string at_least;
  std::optional<absl::Duration> max_staleness;  // see CheckRequest
};

struct ReasonCount {
  BounceReason reason = BounceReason::kUnspecified;
  int64_t entry_count = 0;
};

// Exact counts at one state; an entry with two reasons counts under both.
struct Counts {
  int64_t total_count = 0;
  std::vector<ReasonCount> reasons;
  std::string revision_token;
  int64_t damaged_count = 0;           // entries that are damaged on the server's disk, and in no count
  std::optional<Freshness> freshness;  // see CheckResult
};

// Exactly one of address and domain.
struct DetailsRequest {
  std::string tenant;
  std::string address;
  std::string domain;
  std::string stream;      // that Details::suppressed is asked for; empty: mail without a stream
  int32_t max_events = 0;  // newest first; 0: 10; at most 50
  std::string at_least;
};

// One report in the history of an address.
struct BounceEvent {
  std::optional<absl::Time> occurred_at;
  std::optional<absl::Time> received_at;
  std::optional<absl::Time> mail_sent_at;
  Verdict verdict;
  std::string diagnostic;  // the exact text; it is a stranger's, escape it before printing
  std::string remote_mta;
  std::string stream;
  std::string source;
  std::string message_id;
  std::string feedback_type;  // of a complaint; empty for bounces
  Effect effect = Effect::kUnspecified;
  ReportKind kind = ReportKind::kUnspecified;
  bool truncated = false;           // the end of the report was not read
  std::string provider;             // whose event it was, lower case; empty: none
  bool signature_verified = false;  // the reporter said that it had verified the provider's signature
  std::string identity;             // the same for all reports of one event; empty: none can be told
  std::string id;                   // names the event within its address forever; opaque
  std::string event_id;             // the id by which its reporter made it idempotent; empty: none
};

// A cause in plain words.
struct ExplainedCause {
  Cause cause;
  std::string matched_domain;  // the domain, when the cause is on the whole of it; empty: on the target itself
  std::string meaning;
  std::string suggested_action;
  bool can_reactivate = false;
  std::vector<Requirement> requirements;  // all of them; empty: it cannot be lifted now
};

// Everything known of an address or domain.
struct Details {
  Suppression suppression;
  bool suppressed = false;                // for mail of the stream asked for, the domain's entry included
  bool suppressed_in_any_stream = false;  // the domain's entry included
  std::vector<BounceEvent> events;        // newest first
  std::vector<ExplainedCause> causes;     // of suppression.causes, then those of the whole domain that count now
  std::string revision_token;
};

// Selects causes of an entry. type is required; reason and stream narrow it.
struct CauseSelector {
  CauseType type = CauseType::kUnspecified;
  std::optional<BounceReason> reason;  // unset: every reason
  std::optional<std::string> stream;   // empty: the cause that applies to all mail; unset: every stream
};

// Lifts causes. Exactly one of address and domain.
struct ReactivateRequest {
  std::string tenant;
  std::string address;
  std::string domain;
  std::string request_id;             // empty: the client makes one
  std::string note;                   // required; at most 2,000 bytes
  std::string on_behalf_of;           // who asks; empty: not said
  std::vector<CauseSelector> causes;  // empty: all bounces; all selected causes are lifted or none
  std::optional<Consent> consent;     // needed for complaints and unsubscriptions
  std::string unchanged_since;        // a token: lift only if the entry has not changed after it; empty: in any case
};

struct ReactivateResult {
  Suppression suppression;
  bool changed = false;                   // false: nothing was active among the selected causes
  bool suppressed = false;                // for mail without a stream, the domain's entry included
  bool suppressed_in_any_stream = false;  // the same for mail of any stream
  std::vector<Match> blocking;            // what still suppresses it
  std::string revision_token;
  bool duplicate = false;
};

// Puts an address or a whole domain on the list. Exactly one of address and domain.
struct SuppressRequest {
  std::string tenant;
  std::string address;
  std::string domain;
  std::string request_id;                            // empty: the client makes one
  CauseType type = CauseType::kUnspecified;          // kManual, kUnsubscribe or kComplaint; unspecified: kManual
  BounceReason reason = BounceReason::kUnspecified;  // only with kManual
  std::string stream;                                // empty: all mail
  std::string note;                                  // required; at most 2,000 bytes
  std::string on_behalf_of;
  std::optional<absl::Time> expires_at;  // in the future; unset: never
  std::string source;
};

struct SuppressResult {
  Suppression suppression;
  bool newly_suppressed = false;
  std::string revision_token;
  bool duplicate = false;
};

struct WatchRequest {
  std::vector<std::string> tenants;  // at most 100; empty: ClientOptions::tenant, or all when that is empty too
  std::string after;                 // the token to start after; empty: from the moment the server takes the call
  bool heartbeats = false;           // true: the callback also gets steps without changes
};

// What became of an entry.
struct Change {
  ChangeKind kind = ChangeKind::kUnspecified;
  Suppression suppression;
};

// A step of the change stream, or a part of one. The first of a stream only tells where it starts.
struct WatchStep {
  std::string revision_token;              // the state after this step (of a part that is not the last: before it)
  std::vector<Change> changes;             // empty: a heartbeat
  std::optional<absl::Time> committed_at;  // unset for a heartbeat
  bool more_follows = false;               // the step goes on in the next part
};

}  // namespace client_v1
}  // namespace suppressd
