// The options that say which entries: of list, export and reactivate.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "suppressd/types.h"

namespace suppressd::suppressctl {

// As given.
struct FilterOptions {
  std::string reason;
  std::string type;
  std::optional<std::string> stream;
  std::string domain;
  std::string source;
  std::string prefix;
  std::string contains;
  std::string from;
  std::string before;
  std::string state;

  // Whether any was given.
  bool any() const;
};

// Adds them to a command, but for --domain; `options` must outlive it. `state_default`: what holds without --state, for
// the help.
void AddFilterOptions(CLI::App* command, FilterOptions* options, const std::string& state_default);
// Adds --domain.
void AddDomainOption(CLI::App* command, FilterOptions* options);
// INVALID_ARGUMENT.
absl::StatusOr<SuppressionFilter> MakeFilter(const FilterOptions& options);

}  // namespace suppressd::suppressctl
