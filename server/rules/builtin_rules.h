// The text of bounce_rules.yaml, compiled into the binary.
#pragma once

#include "absl/strings/string_view.h"

namespace suppression {

absl::string_view BuiltInRulesYaml();

}  // namespace suppression
