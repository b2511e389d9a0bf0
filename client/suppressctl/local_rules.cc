#include "client/suppressctl/local_rules.h"

#include <utility>

#include "client/suppressctl/read_file.h"

namespace suppressd::suppressctl {
bool LocalRules::Suppresses(const v1::Verdict& verdict) const {
  return policy->Decide(tenant, verdict).action() == storage::v1::PolicyDecision::SUPPRESS;
}

void AddRulesOptions(CLI::App& command, LocalRulesOptions* options) {
  command.add_option("--rules_file", options->rules_file, "Rules of your own above the built-in ones (docs/rules.md)");
  command.add_option("--policy_file", options->policy_file, "Policy file (docs/policy.md) [default: built in]");
}

absl::StatusOr<LocalRules> LoadRules(const LocalRulesOptions& options, const std::string& tenant) {
  LocalRules rules;
  rules.tenant = tenant.empty() ? "default" : tenant;
  rules.policy = Policy::BuiltIn();
  absl::StatusOr<std::unique_ptr<const Classifier>> classifier = Classifier::BuiltIn();
  if (!options.rules_file.empty() && classifier.ok()) {
    const absl::StatusOr<std::string> text = ReadAll(options.rules_file);
    if (!text.ok()) return text.status();
    classifier = (*classifier)->WithUserRules(options.rules_file, *text);
  }
  if (!classifier.ok()) return classifier.status();
  rules.classifier = *std::move(classifier);
  if (options.policy_file.empty()) return rules;
  const absl::StatusOr<std::string> text = ReadAll(options.policy_file);
  if (!text.ok()) return text.status();
  absl::StatusOr<std::unique_ptr<const Policy>> policy = Policy::FromYaml(options.policy_file, *text);
  if (!policy.ok()) return policy.status();
  rules.policy = *std::move(policy);
  return rules;
}

}  // namespace suppressd::suppressctl
