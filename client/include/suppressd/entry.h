// Entries of the list, as a Client answers them: plain values. See types.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "suppressd/enums.h"

namespace suppressd {
inline namespace client_v1 {

// Evidence that the owner of an address wants mail again.
struct Consent {
  std::optional<absl::Time> obtained_at;  // after the complaint it answers, not in the future
  std::string evidence;                   // what proves it; at most 2,000 bytes
};

// Who lifted a cause, when and why.
struct Reactivation {
  std::optional<absl::Time> reactivated_at;
  std::string on_behalf_of;        // for whom, as was said; empty: not said
  std::string actor;               // who, as the server knew it; empty: it knows nobody by name
  std::string note;                // never empty
  std::optional<Consent> consent;  // set when a complaint or an unsubscription was lifted
};

// One reason of its own why an address must not be mailed.
struct Cause {
  CauseType type = CauseType::kUnspecified;
  CauseState state = CauseState::kUnspecified;
  BounceReason reason = BounceReason::kUnspecified;  // set for bounces, optional for kManual
  std::string stream;                                // empty: all mail
  std::optional<absl::Time> first_event_at;
  std::optional<absl::Time> last_event_at;
  std::optional<absl::Time> expires_at;  // unset: never
  int64_t event_count = 0;
  std::string source;                        // empty: not said
  std::string rule_id;                       // empty: set by hand
  std::string note;                          // of Suppress; empty for bounces
  std::string on_behalf_of;                  // for whom it was put on the list by hand; empty: a bounce, or not said
  std::string actor;                         // who did, as the server knew it; empty: it knows nobody by name
  std::optional<Reactivation> reactivation;  // set when state is kReactivated
};

// One entry of the list: an address, or a whole domain, with all its causes.
struct Suppression {
  std::string tenant;
  std::string address;           // normalised; empty: the entry of a whole domain
  std::string domain;            // the whole domain, normalised; empty: the entry of an address
  std::string original_address;  // as first reported; empty: same as address
  std::vector<Cause> causes;     // in the order they first appeared
  std::optional<absl::Time> listed_at;
  std::optional<absl::Time> updated_at;

  // The address, or "@" and the domain.
  std::string Target() const { return domain.empty() ? address : "@" + domain; }
};

// A cause that makes an address suppressed.
struct Match {
  Cause cause;
  std::string matched_domain;      // the domain, when the cause is on the whole of it; empty: on the address
  bool not_yet_delivered = false;  // true: from a report that the sidecar took while the server was away
};

}  // namespace client_v1
}  // namespace suppressd
