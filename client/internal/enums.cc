#include "suppressd/enums.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {
inline namespace client_v1 {
namespace {

// The generated names are the API's names; nothing is spelled out twice.
template <typename Enum>
struct Api;

#define SUPPRESSION_API_ENUM(Value, Generated)                                        \
  template <>                                                                         \
  struct Api<Value> {                                                                 \
    static const std::string& NameOf(int number) { return Generated##_Name(number); } \
    static bool Parse(const std::string& name, int* number) {                         \
      Generated parsed;                                                               \
      if (!Generated##_Parse(name, &parsed)) return false;                            \
      *number = parsed;                                                               \
      return true;                                                                    \
    }                                                                                 \
  }
SUPPRESSION_API_ENUM(BounceReason, v1::BounceReason);
SUPPRESSION_API_ENUM(SmtpStage, v1::SmtpReply_Stage);
SUPPRESSION_API_ENUM(VerdictClass, v1::Verdict_Class);
SUPPRESSION_API_ENUM(ReportKind, v1::BounceEvent_Kind);
SUPPRESSION_API_ENUM(Effect, v1::BounceEvent_Effect);
SUPPRESSION_API_ENUM(CauseType, v1::Cause_Type);
SUPPRESSION_API_ENUM(CauseState, v1::Cause_State);
SUPPRESSION_API_ENUM(ListOrder, v1::ListSuppressionsRequest_Order);
SUPPRESSION_API_ENUM(StateFilter, v1::SuppressionFilter_State);
SUPPRESSION_API_ENUM(Requirement, v1::ExplainedCause_Requirement);
SUPPRESSION_API_ENUM(Answer, v1::IsSuppressedResponse_Answer);
SUPPRESSION_API_ENUM(ChangeKind, v1::Change_Kind);
SUPPRESSION_API_ENUM(FreshnessBasis, v1::Freshness_Basis);
SUPPRESSION_API_ENUM(Durability, v1::ReportBounceResponse_Durability);
#undef SUPPRESSION_API_ENUM

template <typename Enum>
std::string NameOf(Enum value) {
  const std::string& name = Api<Enum>::NameOf(static_cast<int>(value));
  return name.empty() ? absl::StrCat("UNKNOWN_", static_cast<int>(value)) : name;
}

}  // namespace

std::string Name(BounceReason value) {
  return NameOf(value);
}
std::string Name(SmtpStage value) {
  return NameOf(value);
}
std::string Name(VerdictClass value) {
  return NameOf(value);
}
std::string Name(ReportKind value) {
  return NameOf(value);
}
std::string Name(Effect value) {
  return NameOf(value);
}
std::string Name(CauseType value) {
  return NameOf(value);
}
std::string Name(CauseState value) {
  return NameOf(value);
}
std::string Name(ListOrder value) {
  return NameOf(value);
}
std::string Name(StateFilter value) {
  return NameOf(value);
}
std::string Name(Requirement value) {
  return NameOf(value);
}
std::string Name(Answer value) {
  return NameOf(value);
}
std::string Name(ChangeKind value) {
  return NameOf(value);
}
std::string Name(FreshnessBasis value) {
  return NameOf(value);
}
std::string Name(Durability value) {
  return NameOf(value);
}

template <typename Enum>
std::optional<Enum> FromName(const std::string& name) {
  int number = 0;
  if (!Api<Enum>::Parse(absl::AsciiStrToUpper(name), &number)) return std::nullopt;
  return static_cast<Enum>(number);
}

template std::optional<BounceReason> FromName(const std::string&);
template std::optional<SmtpStage> FromName(const std::string&);
template std::optional<VerdictClass> FromName(const std::string&);
template std::optional<ReportKind> FromName(const std::string&);
template std::optional<Effect> FromName(const std::string&);
template std::optional<CauseType> FromName(const std::string&);
template std::optional<CauseState> FromName(const std::string&);
template std::optional<ListOrder> FromName(const std::string&);
template std::optional<StateFilter> FromName(const std::string&);
template std::optional<Requirement> FromName(const std::string&);
template std::optional<Answer> FromName(const std::string&);
template std::optional<ChangeKind> FromName(const std::string&);
template std::optional<FreshnessBasis> FromName(const std::string&);
template std::optional<Durability> FromName(const std::string&);

}  // namespace client_v1
}  // namespace suppressd
