#include "server/bounces/rules/rule_set.h"

#include "absl/strings/str_cat.h"
#include "common/error.h"

namespace suppressd {

const char* LayerName(RuleLayer layer) {
  static constexpr const char* kNames[kRuleLayers] = {"own",       "override", "notice",   "provider", "sender",
                                                      "recipient", "stage",    "enhanced", "fallback"};
  return kNames[static_cast<size_t>(layer)];
}

std::string At(const RuleSet& set, const RulePlace& place, absl::string_view what) {
  return absl::StrCat(set.file_names[place.file], ":", place.line, ": ", what);
}

absl::Status ErrorAt(const RuleSet& set, const RulePlace& place, absl::string_view what) {
  return InvalidArgument(v1::INVALID_FIELD, At(set, place, what));
}

}  // namespace suppressd
