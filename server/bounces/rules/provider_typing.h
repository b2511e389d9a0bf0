// What a provider's own typing of an event means, and how it is weighed against the text of the SMTP reply.
#pragma once

#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/bounces/rules/classifier.h"
#include "suppressd/v1/bounce.pb.h"

namespace suppressd {

// The version of all provider tables; stands in a verdict that one of them gave. Goes up when a row changes its
// meaning.
inline constexpr char kProviderRulesVersion[] = "provider-1";

// One row of a provider's table: something that its documentation defines.
struct ProviderTyping {
  // What the provider says, lower case, such as "permanent/noemail".
  absl::string_view says;
  // The verdict when the text of the reply says nothing better.
  v1::Verdict::Class bounce_class;
  v1::BounceReason reason;
  // The worst class that the text may make of it; what it says beyond is a contradiction, and the less severe reading
  // wins. CLASS_UNSPECIFIED: the text is not asked.
  v1::Verdict::Class worst;
  // The end of the rule's id: "provider.ses.no_email".
  absl::string_view rule;
  // The document that defines it.
  absl::string_view source;
};

// The text is not asked.
inline constexpr v1::Verdict::Class kTextNotAsked = v1::Verdict::CLASS_UNSPECIFIED;

// The row of the first of several sayings that has one, ignoring case; else the table's first row, which is what holds
// when the provider says nothing known. The table is not empty.
const ProviderTyping& FindTyping(absl::Span<const ProviderTyping> table,
                                 std::initializer_list<absl::string_view> sayings);

// The verdict on an event that a provider has typed. `reply` holds what the event quotes of the SMTP reply, within the
// limits of its fields; it may be empty. Never fails.
//
// Where the classifier recognises the text, its verdict holds, unless it is worse than `worst` allows: then a HARD
// becomes SOFT, and anything else gives way to the row. Where it does not, the row holds, except that no 4xx is HARD.
// `conflict` is set where the two contradict each other.
v1::Verdict DecideProviderVerdict(absl::string_view provider, const ProviderTyping& typing, const v1::SmtpReply& reply,
                                  const Classifier& classifier);

}  // namespace suppressd
