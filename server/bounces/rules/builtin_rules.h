// The text of bounce_rules.yaml, compiled into the binary.
#pragma once

#include "absl/strings/string_view.h"

namespace suppressd {

absl::string_view BuiltInRulesYaml();

}  // namespace suppressd
