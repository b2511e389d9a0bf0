// Reads a rule file. bounce_rules.yaml describes the format, docs/rules.md what a file of one's own adds to it.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/bounces/rules/rule_set.h"

namespace suppressd {

// The rules of a file, above those of `base` (null: alone). A rule with the id of one in `base` replaces it; the list
// `off` names rules of `base` that are left out; a family of `base` is widened, and its words can be used. Patterns are
// not compiled and examples not tried. INVALID_ARGUMENT (INVALID_FIELD) with "NAME:LINE: what is wrong". Thread-safe.
absl::StatusOr<RuleSet> ReadRuleFile(absl::string_view name, absl::string_view yaml, const RuleSet* base = nullptr);

}  // namespace suppressd
