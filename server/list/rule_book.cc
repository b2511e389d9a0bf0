#include "server/list/rule_book.h"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"

namespace suppressd {
namespace {

constexpr size_t kFileBytesMax = 1 << 20;

// `what`: "policy file".
absl::StatusOr<std::string> ReadFile(absl::string_view what, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", what, " ", path));
  std::string text(kFileBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return absl::UnavailableError(absl::StrCat("cannot read ", what, " ", path));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kFileBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(what, " ", path, " is larger than 1 MiB"));
  }
  return text;
}

// Compiling them takes a while, so a process does it once, however many books it opens.
const absl::StatusOr<std::shared_ptr<const Classifier>>& BuiltInRules() {
  static const auto& rules = *new absl::StatusOr<std::shared_ptr<const Classifier>>(Classifier::BuiltIn());
  return rules;
}

}  // namespace

RuleBook::RuleBook(std::string policy_file, std::string rules_file, std::shared_ptr<const Classifier> built_in)
    : policy_file_(std::move(policy_file)),
      rules_file_(std::move(rules_file)),
      built_in_(std::move(built_in)),
      classifier_(built_in_),
      policy_(Policy::BuiltIn()) {}

absl::StatusOr<std::unique_ptr<RuleBook>> RuleBook::Open(const std::string& policy_file,
                                                         const std::string& rules_file) {
  const absl::StatusOr<std::shared_ptr<const Classifier>>& built_in = BuiltInRules();
  if (!built_in.ok()) return built_in.status();
  std::unique_ptr<RuleBook> book(new RuleBook(policy_file, rules_file, *built_in));
  const Reloaded reloaded = book->Reload();
  if (!reloaded.policy.ok()) return reloaded.policy;
  if (!reloaded.rules.ok()) return reloaded.rules;
  return book;
}

std::shared_ptr<const Classifier> RuleBook::classifier() const {
  absl::ReaderMutexLock lock(&mutex_);
  return classifier_;
}

std::shared_ptr<const Policy> RuleBook::policy() const {
  absl::ReaderMutexLock lock(&mutex_);
  return policy_;
}

RuleBook::Reloaded RuleBook::Reload() {
  absl::MutexLock lock(&reload_mutex_);
  return {.policy = ReloadPolicy(), .rules = ReloadRules()};
}

absl::Status RuleBook::ReloadPolicy() {
  if (policy_file_.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> text = ReadFile("policy file", policy_file_);
  if (!text.ok()) return text.status();
  absl::StatusOr<std::unique_ptr<const Policy>> read = Policy::FromYaml(policy_file_, *text);
  if (!read.ok()) return read.status();
  std::shared_ptr<const Policy> policy = *std::move(read);
  absl::MutexLock lock(&mutex_);
  policy_.swap(policy);
  return absl::OkStatus();
}

absl::Status RuleBook::ReloadRules() {
  if (rules_file_.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> text = ReadFile("rules file", rules_file_);
  if (!text.ok()) return text.status();
  absl::StatusOr<std::unique_ptr<const Classifier>> read = built_in_->WithUserRules(rules_file_, *text);
  if (!read.ok()) return read.status();
  // The one in force until now is taken apart after the lock is given back: that takes a while.
  std::shared_ptr<const Classifier> classifier = *std::move(read);
  absl::MutexLock lock(&mutex_);
  classifier_.swap(classifier);
  return absl::OkStatus();
}

void LogReloaded(const RuleBook::Reloaded& reloaded, const RuleBook& rules) {
  if (!reloaded.policy.ok()) {
    LogError("policy_refused", {{"error", std::string(reloaded.policy.message())}});
  } else {
    LogInfo("policy_reloaded");
  }
  if (!reloaded.rules.ok()) {
    LogError("rules_refused", {{"error", std::string(reloaded.rules.message())}});
  } else {
    LogInfo("rules_reloaded", {{"version", rules.classifier()->version()}});
  }
}

}  // namespace suppressd
