// The rules in force: classifier and policy, replaced as a whole when the policy file is read again.
#pragma once

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/rules/classifier.h"
#include "server/rules/policy.h"

namespace suppression {

// Thread-safe.
class RuleBook {
 public:
  // `policy_file`: path of the policy file; empty: the built-in policy. Fails like Reload.
  static absl::StatusOr<std::unique_ptr<RuleBook>> Open(const std::string& policy_file);

  // The rules in force; they stay valid as long as the caller holds them.
  std::shared_ptr<const Classifier> classifier() const { return classifier_; }
  std::shared_ptr<const Policy> policy() const;

  // Reads the policy file again. When it cannot be read or is wrong, the policy in force stays and the error says file,
  // line and reason.
  absl::Status Reload();

 private:
  explicit RuleBook(std::string policy_file) : policy_file_(std::move(policy_file)) {}

  const std::string policy_file_;
  std::shared_ptr<const Classifier> classifier_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<const Policy> policy_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppression
