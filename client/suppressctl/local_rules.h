// The rules as suppressctl itself knows them: the built-in ones, with a rule file and a policy of one's own.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/bounces/rules/classifier.h"
#include "server/bounces/rules/policy.h"

namespace suppressd::suppressctl {

struct LocalRulesOptions {
  std::string rules_file;
  std::string policy_file;
};

struct LocalRules {
  std::shared_ptr<const Classifier> classifier;
  std::shared_ptr<const Policy> policy;
  std::string tenant;

  // Whether a verdict suppresses at once for the tenant.
  bool Suppresses(const v1::Verdict& verdict) const;
};

void AddRulesOptions(CLI::App& command, LocalRulesOptions* options);

// INVALID_ARGUMENT with "FILE:LINE: what is wrong", NOT_FOUND for a file that cannot be read. An empty tenant is
// "default".
absl::StatusOr<LocalRules> LoadRules(const LocalRulesOptions& options, const std::string& tenant);

}  // namespace suppressd::suppressctl
