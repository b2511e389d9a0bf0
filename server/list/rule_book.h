// The rules in force: classifier and policy, each replaced as a whole when its file is read again.
#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/bounces/rules/classifier.h"
#include "server/bounces/rules/policy.h"

namespace suppressd {

// Thread-safe.
class RuleBook {
 public:
  // How reading each file again went.
  struct Reloaded {
    absl::Status policy;
    absl::Status rules;
  };

  // `policy_file`: path of the policy file; empty: the built-in policy. `rules_file`: path of a file of rules above the
  // built-in ones (docs/rules.md); empty: none. Fails like Reload.
  static absl::StatusOr<std::unique_ptr<RuleBook>> Open(const std::string& policy_file,
                                                        const std::string& rules_file = "");

  // What is in force; it stays valid as long as the caller holds it. A call takes each once, so that it is decided by
  // one rule set throughout.
  std::shared_ptr<const Classifier> classifier() const;
  std::shared_ptr<const Policy> policy() const;

  // Reads both files again, each by itself. When one cannot be read or is wrong, what is in force stays and the error
  // says file, line and reason. Calls in flight finish with the rules they have; none waits for this.
  Reloaded Reload();

 private:
  RuleBook(std::string policy_file, std::string rules_file, std::shared_ptr<const Classifier> built_in);
  absl::Status ReloadPolicy();
  absl::Status ReloadRules();

  const std::string policy_file_;
  const std::string rules_file_;
  const std::shared_ptr<const Classifier> built_in_;
  absl::Mutex reload_mutex_;  // one reload at a time: an older file must not win
  mutable absl::Mutex mutex_ ABSL_ACQUIRED_AFTER(reload_mutex_);
  std::shared_ptr<const Classifier> classifier_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Policy> policy_ ABSL_GUARDED_BY(mutex_);
};

// Logs how reading the files again went.
void LogReloaded(const RuleBook::Reloaded& reloaded, const RuleBook& rules);

}  // namespace suppressd
