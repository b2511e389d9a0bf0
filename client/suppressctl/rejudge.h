// What another rule set makes of an entry's history. Pure.
#pragma once

#include <string>
#include <vector>

#include "client/suppressctl/local_rules.h"
#include "suppressd/types.h"

namespace suppressd::suppressctl {

// A difference between what stands on the list and what the rules say now.
struct Finding {
  // True: a bounce would suppress that did not. False: a hard-bounce cause would not be there.
  bool more = false;
  // The reason of the cause, or the one that a new cause would have.
  BounceReason reason = BounceReason::kUnspecified;
  // The rules that decided the newest event concerned, then and now, and what it is taken for now.
  std::string old_rule;
  std::string new_rule;
  std::string new_class;
  std::string new_reason;
};

// Judges the kept bounces of an entry again, from their exact texts and codes. A cause stays as soon as one of its
// bounces would still suppress at once, or when none of them is kept. Complaints, causes set by hand, leases after soft
// bounces and what a provider decided by its own tables are left alone.
std::vector<Finding> Rejudge(const Details& details, const LocalRules& rules);

}  // namespace suppressd::suppressctl
