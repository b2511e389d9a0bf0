#include "server/rule_book.h"

#include <cerrno>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace suppression {
namespace {

constexpr size_t kPolicyFileOctetsMax = 1 << 20;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read policy file ", path));
  std::string text(kPolicyFileOctetsMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return absl::UnavailableError(absl::StrCat("cannot read policy file ", path));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > kPolicyFileOctetsMax) {
    return absl::InvalidArgumentError(absl::StrCat("policy file ", path, " is larger than 1 MiB"));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<RuleBook>> RuleBook::Open(const std::string& policy_file) {
  std::unique_ptr<RuleBook> book(new RuleBook(policy_file));
  absl::StatusOr<std::unique_ptr<const Classifier>> classifier = Classifier::BuiltIn();
  if (!classifier.ok()) return classifier.status();
  book->classifier_ = *std::move(classifier);
  if (absl::Status status = book->Reload(); !status.ok()) return status;
  return book;
}

std::shared_ptr<const Policy> RuleBook::policy() const {
  absl::ReaderMutexLock lock(&mutex_);
  return policy_;
}

absl::Status RuleBook::Reload() {
  std::shared_ptr<const Policy> policy;
  if (policy_file_.empty()) {
    policy = Policy::BuiltIn();
  } else {
    const absl::StatusOr<std::string> text = ReadFile(policy_file_);
    if (!text.ok()) return text.status();
    absl::StatusOr<std::unique_ptr<const Policy>> read = Policy::FromYaml(policy_file_, *text);
    if (!read.ok()) return read.status();
    policy = *std::move(read);
  }
  absl::MutexLock lock(&mutex_);
  policy_ = std::move(policy);
  return absl::OkStatus();
}

}  // namespace suppression
