// The classifier: one SMTP reply in, one verdict out.
//
// The rules are data (bounce_rules.yaml, compiled into the binary): each has an id, conditions (reply codes, enhanced
// codes, stages, remote MTA families), patterns that must and must not match, a verdict, its source, and examples that
// a test runs. All patterns of all rules are compiled into one RE2::Set, so that a reply is read once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "suppression/v1/bounce.pb.h"

namespace suppression {

// A compiled, immutable rule set. Thread-safe.
class Classifier {
 public:
  // The rules compiled into the binary.
  static absl::StatusOr<std::unique_ptr<const Classifier>> BuiltIn();
  // Rules from the text of a rule file. INVALID_ARGUMENT with "NAME:LINE: what is wrong".
  static absl::StatusOr<std::unique_ptr<const Classifier>> FromYaml(absl::string_view name, absl::string_view yaml);

  ~Classifier();

  // The verdict on one reply; the reply's fields are within their documented limits. Every reply gets a verdict: one
  // that no rule knows is SOFT / UNDETERMINED (4xx, 5xx) or NOT_A_BOUNCE (2xx, 3xx).
  v1::Verdict Classify(const v1::SmtpReply& reply) const;

  // "builtin-" or the file's name, and a content hash; stands in every verdict.
  const std::string& version() const;

 private:
  struct Rules;
  explicit Classifier(std::unique_ptr<const Rules> rules);
  std::unique_ptr<const Rules> rules_;
};

// The verdict on a complaint. INVALID_ARGUMENT (UNKNOWN_FEEDBACK_TYPE) for a feedback type that is none.
absl::StatusOr<v1::Verdict> ClassifyComplaint(const v1::Complaint& complaint);

}  // namespace suppression
