// The closed sets of words the service speaks, as plain enums.
//
// Values equal those of the API (protos/suppressd/v1) and never change their number. A value that
// a newer service sends and this library does not know is kept as its number; Name() then says
// "UNKNOWN_" and the number, so a switch over these enums needs a default.
#pragma once

#include <optional>
#include <string>

namespace suppressd {
inline namespace client_v1 {

// Why mail to an address does not arrive.
enum class BounceReason {
  kUnspecified = 0,               // no reason: a complaint, a sender-side reply, or a filter that matches all
  kAddressNotFound = 1,           // the recipient address does not exist, misspellings included
  kBlockedByRecipientServer = 2,  // the recipient's server has completely blocked delivery from us
  kDomainNotFound = 3,            // the domain does not exist
  kMailServerMisconfigured = 4,   // null MX, no route, a loop
  kMailboxFull = 5,               // over its quota
  kMailboxInactive = 6,           // dormant, disabled or closed
  kRejectsUnknownSenders = 7,     // refuses mail from senders it does not know
  kUndetermined = 8,              // a failure that no rule recognises; never suppresses at once
};

// The point of the SMTP dialogue at which a reply came (RFC 5321 section 4.1).
enum class SmtpStage {
  kUnspecified = 0,  // not known; the service looks for it in the text
  kConnect = 1,
  kEhlo = 2,
  kStarttls = 3,
  kAuth = 4,
  kMail = 5,
  kRcpt = 6,
  kData = 7,
};

// What kind of news a report is.
enum class VerdictClass {
  kUnspecified = 0,
  kHard = 1,        // a permanent failure of this recipient
  kSoft = 2,        // transient or unrecognised: counted
  kComplaint = 3,   // the recipient complained of spam
  kSenderSide = 4,  // about the sender; never suppresses
  kNotABounce = 5,  // a delay notice, a success, an auto-reply
};

// What a report turned out to be, before any verdict.
enum class ReportKind {
  kUnspecified = 0,              // stored before kinds were
  kSmtpReply = 1,                // an SMTP reply, reported as such
  kFeedbackReport = 2,           // a complaint, reported as such or as a feedback report (RFC 5965)
  kDeliveryStatus = 3,           // a delivery status notification (RFC 3464, RFC 6533)
  kBounceText = 4,               // a bounce that says so in words only
  kAutoReply = 5,                // a vacation notice or other automatic answer
  kDispositionNotification = 6,  // a read receipt
  kChallenge = 7,                // a filter's demand to prove that the sender is human
  kOtherMail = 8,                // a mail that is none of these
  kProviderWebhook = 9,          // a provider's event, from a webhook or by mail
};

// What a report changed.
enum class Effect {
  kUnspecified = 0,
  kRecorded = 1,           // kept in the history; the list is as before
  kCounted = 2,            // added to a soft-bounce counter below its threshold
  kSuppressed = 3,         // the address was not suppressed for this cause and now is
  kAlreadySuppressed = 4,  // it was already; the cause was refreshed
  kOutdated = 5,           // about mail older than the last reactivation; suppresses nothing
};

// What kind of cause suppresses an address.
enum class CauseType {
  kUnspecified = 0,  // in a request: that request's default
  kHardBounce = 1,
  kSoftBounce = 2,
  kComplaint = 3,
  kUnsubscribe = 4,
  kManual = 5,
};

// Whether a cause still counts, at the time of the read.
enum class CauseState { kUnspecified = 0, kActive = 1, kReactivated = 2, kExpired = 3 };

// What an answer of a sidecar rests on.
enum class FreshnessBasis {
  kUnspecified = 0,  // never sent
  kReplica = 1,      // its replica, and the reports that it has yet to deliver
  kNothing = 2,      // the reports that it has yet to deliver; it has no replica
};

// Where an acknowledged report is kept.
enum class Durability {
  kUnspecified = 0,  // never sent
  kAtServer = 1,     // on the disk of the server that holds the list
  kAtSidecar = 2,    // on the disk of the sidecar, which delivers it when the server is back
  kNotKept = 3,      // nowhere: there was nothing to keep
};

// Whether an address may be mailed. Every value but kNotSuppressed means: do not send; also one that is not listed
// here.
enum class Answer {
  kUnspecified = 0,    // never sent
  kNotSuppressed = 1,  // it may be mailed
  kSuppressed = 2,     // it must not be mailed
  kNotKnown = 3,       // a sidecar without a replica (--on_empty unknown) does not know
  kFailed = 4,         // of a batch only: the address is invalid, or what is stored of it is damaged
};

// What became of an entry.
enum class ChangeKind {
  kUnspecified = 0,  // never sent
  kUpdated = 1,      // it is as it stands here
  kErased = 2,       // nothing is known of the target any more: delete your copy. Only tenant and target are set
};

// The order of a listing.
enum class ListOrder {
  kUnspecified = 0,  // kNewestFirst
  kNewestFirst = 1,  // by the time the address went on the list, latest first
  kByAddress = 2,    // by domain, then local part
};

// Which entries a listing returns, by what they are worth now.
enum class StateFilter {
  kUnspecified = 0,      // kSuppressedNow
  kSuppressedNow = 1,    // at least one cause that counts now
  kReactivated = 2,      // none that counts now, at least one lifted
  kExpired = 3,          // none that counts now, none lifted
  kEverSuppressed = 4,   // all that ever were suppressed
  kNeverSuppressed = 5,  // those with a history only; order kByAddress, no other filter than domain
};

// What lifting a cause takes.
enum class Requirement {
  kUnspecified = 0,  // never sent
  kNote = 1,         // a note
  kSelection = 2,    // the cause, selected in ReactivateRequest::causes
  kConsent = 3,      // consent evidence dated after the latest event of the cause
};

// The name of a value as in the API ("ADDRESS_NOT_FOUND"); "UNKNOWN_<number>" for a value that is
// not listed above. Thread-safe.
std::string Name(BounceReason value);
std::string Name(SmtpStage value);
std::string Name(VerdictClass value);
std::string Name(ReportKind value);
std::string Name(Effect value);
std::string Name(CauseType value);
std::string Name(CauseState value);
std::string Name(ListOrder value);
std::string Name(StateFilter value);
std::string Name(Requirement value);
std::string Name(Answer value);
std::string Name(ChangeKind value);
std::string Name(FreshnessBasis value);
std::string Name(Durability value);

// The value of a name, in any case ("mailbox_full"); nothing when there is no such name. For the enums above.
template <typename Enum>
std::optional<Enum> FromName(const std::string& name);

}  // namespace client_v1
}  // namespace suppressd
