// Whether the examples of rules turn out as the rules say: what keeps a rule from being shadowed by another.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "server/bounces/rules/rule_set.h"

namespace suppressd {

// Every problem of the rules that come from one file of the set, in order of layers, as "NAME:LINE: what": a rule
// without an example, an example that another rule takes or that gives another verdict, a not_example that its rule
// takes. Texts are not quoted: they may hold addresses. Empty: all is well. `classify` decides by the whole set.
std::vector<std::string> FindRuleProblems(const RuleSet& set, int file,
                                          const std::function<v1::Verdict(const v1::SmtpReply&)>& classify);

}  // namespace suppressd
