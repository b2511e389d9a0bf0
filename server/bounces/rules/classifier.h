// The classifier: one SMTP reply in, one verdict out.
//
// The rules are data (bounce_rules.yaml, compiled into the binary): each has an id, conditions (reply codes, enhanced
// codes, stages, remote MTA families), patterns that must and must not match, a verdict, its source, and examples that
// a test runs. A file of one's own is layered above (docs/rules.md). All patterns of all rules are compiled into one
// RE2::Set, so that a reply is read once.
//
//   const auto builtin = Classifier::BuiltIn();
//   const auto both = (*builtin)->WithUserRules("/etc/suppressd/rules.yaml", text);
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "suppressd/v1/bounce.pb.h"
#include "suppressd/v1/suppression.pb.h"

namespace suppressd {

struct Rule;
struct RuleSet;

// The memory an automaton may take. It has no fallback when it outgrows this; with RE2's default of 8 MiB it thrashes.
inline constexpr int64_t kMatcherMaxBytes = int64_t{128} << 20;

// A compiled, immutable rule set. Thread-safe.
class Classifier {
 public:
  // The rules compiled into the binary.
  static absl::StatusOr<std::unique_ptr<const Classifier>> BuiltIn();
  // Rules from the text of a rule file alone, whose examples are not checked (those of the built-in rules are checked
  // by a test). INVALID_ARGUMENT with "NAME:LINE: what is wrong".
  static absl::StatusOr<std::unique_ptr<const Classifier>> FromYaml(absl::string_view name, absl::string_view yaml,
                                                                    int64_t matcher_bytes_max = kMatcherMaxBytes);

  // These rules with those of another file layered above: asked first within each layer, and able to replace rules of
  // these and to switch them off. INVALID_ARGUMENT with "NAME:LINE: what is wrong", also when an example of the file
  // does not turn out as it says; further problems are counted. Takes about as long as compiling these rules did.
  absl::StatusOr<std::unique_ptr<const Classifier>> WithUserRules(absl::string_view name, absl::string_view yaml) const;

  ~Classifier();

  // The verdict on one reply; the reply's fields are within their documented limits. Every reply gets a verdict: one
  // that no rule knows is SOFT / UNDETERMINED (4xx, 5xx) or NOT_A_BOUNCE (2xx, 3xx).
  v1::Verdict Classify(const v1::SmtpReply& reply) const;

  // The name and a content hash of each file: "builtin-0123456789abcdef", "builtin-0123456789abcdef+rules-…" with the
  // stem of the upper file's name. Stands in every verdict.
  const std::string& version() const;

  // What to say when a recipient is refused for this cause; Classify recognises it. See refusal_text.h.
  std::string RefusalText(const v1::Cause& cause) const;

  // The rules as data, in the order in which they are asked; valid as long as this is.
  const RuleSet& rules() const;
  // The rule with this id; null: none. Rules decided in code (code_rules.h) are not among them.
  const Rule* FindRule(absl::string_view id) const;

 private:
  struct Rules;
  explicit Classifier(std::unique_ptr<const Rules> rules);
  static absl::StatusOr<std::unique_ptr<const Classifier>> Make(RuleSet set, std::string version, int64_t bytes_max);
  std::unique_ptr<const Rules> rules_;
};

// The verdict on a complaint. INVALID_ARGUMENT (UNKNOWN_FEEDBACK_TYPE) for a feedback type that is none.
absl::StatusOr<v1::Verdict> ClassifyComplaint(const v1::Complaint& complaint);

}  // namespace suppressd
