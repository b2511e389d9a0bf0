// ClassifyComplaint: what a feedback type means.
#include "absl/strings/ascii.h"
#include "common/error.h"
#include "server/bounces/rules/classifier.h"

namespace suppressd {
namespace {

// Goes with the code below, which is the whole rule set.
constexpr char kComplaintRulesVersion[] = "complaint-1";

struct FeedbackType {
  const char* name;
  v1::Verdict::Class bounce_class;
};

// RFC 5965 section 7.3; auth-failure: RFC 6591; opt-out-list and dmarc are in use without a registration.
constexpr FeedbackType kFeedbackTypes[] = {
    {"abuse", v1::Verdict::COMPLAINT},           {"fraud", v1::Verdict::COMPLAINT},
    {"opt-out", v1::Verdict::COMPLAINT},         {"opt-out-list", v1::Verdict::COMPLAINT},
    {"auth-failure", v1::Verdict::NOT_A_BOUNCE}, {"dmarc", v1::Verdict::NOT_A_BOUNCE},
    {"virus", v1::Verdict::NOT_A_BOUNCE},        {"not-spam", v1::Verdict::NOT_A_BOUNCE},
};

}  // namespace

absl::StatusOr<v1::Verdict> ClassifyComplaint(const v1::Complaint& complaint) {
  std::string type = absl::AsciiStrToLower(absl::StripAsciiWhitespace(complaint.feedback_type()));
  if (type.empty()) type = "abuse";
  for (const FeedbackType& known : kFeedbackTypes) {
    if (type != known.name) continue;
    v1::Verdict verdict;
    verdict.set_bounce_class(known.bounce_class);
    verdict.set_rule_id("complaint." + type);
    verdict.set_rule_set_version(kComplaintRulesVersion);
    return verdict;
  }
  return InvalidArgument(v1::UNKNOWN_FEEDBACK_TYPE, "the feedback type is not one of RFC 5965 or its successors",
                         "feedback_type");
}

}  // namespace suppressd
