// Rules in words: what `suppressctl explain` prints. Pure.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/bounces/rules/classifier.h"

namespace suppressd {

// Everything about one rule, as lines of text: where it stands, what it matches, its verdict, source and examples. Also
// knows the rules that are decided in code. NOT_FOUND names ids that begin alike, when there are any.
absl::StatusOr<std::string> ExplainRule(const Classifier& classifier, absl::string_view id);

// One line for each rule, in the order in which they are asked: id, layer, verdict. Rules decided in code come last,
// with "code" as their layer.
std::string ListRules(const Classifier& classifier);

}  // namespace suppressd
