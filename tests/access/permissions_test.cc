#include "server/access/permissions.h"

#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "suppressd/v1/admin_service.pb.h"
#include "suppressd/v1/replication.pb.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {
namespace {

std::set<std::string> MethodsOf(const google::protobuf::FileDescriptor* file) {
  std::set<std::string> methods;
  for (int i = 0; i < file->service_count(); ++i) {
    const google::protobuf::ServiceDescriptor* service = file->service(i);
    for (int j = 0; j < service->method_count(); ++j) {
      methods.insert(absl::StrCat("/", service->full_name(), "/", service->method(j)->name()));
    }
  }
  return methods;
}

TEST(PermissionsTest, EveryCallOfOurServicesHasARow) {
  std::set<std::string> methods = MethodsOf(v1::IsSuppressedRequest::descriptor()->file());
  methods.merge(MethodsOf(v1::FollowRequest::descriptor()->file()));
  methods.merge(MethodsOf(v1::ImportRequest::descriptor()->file()));
  ASSERT_GE(methods.size(), 16u);
  for (const std::string& method : methods) {
    EXPECT_TRUE(PermissionFor(method).has_value()) << method << " needs a row in server/access/permissions.cc";
  }
  for (const CallPermission& call : CallPermissions()) {
    const bool ours = absl::StartsWith(call.method, "/suppressd.");
    EXPECT_TRUE(!ours || methods.contains(std::string(call.method))) << call.method;
  }
}

TEST(PermissionsTest, NobodyMayMakeACallThatIsNotKnown) {
  EXPECT_FALSE(PermissionFor("/suppressd.v1.SuppressionService/DeleteEverything").has_value());
  EXPECT_FALSE(PermissionFor("").has_value());
}

TEST(PermissionsTest, RolesThatContainOthersGiveNoLess) {
  const auto of = [](const char* name) { return FindRole(name)->permissions; };
  for (const auto& [larger, smaller] :
       {std::pair("support", "viewer"), std::pair("operator", "support"), std::pair("compliance", "viewer"),
        std::pair("admin", "operator"), std::pair("admin", "compliance"), std::pair("admin", "replicator")}) {
    EXPECT_EQ(of(larger) & of(smaller), of(smaller)) << larger << " is less than " << smaller;
  }
  EXPECT_EQ(FindRole("boss"), nullptr);
}

TEST(PermissionsTest, OnlyComplianceAndAdminTouchTheOwnersWordAndReadTheAuditTrail) {
  for (const Role& role : Roles()) {
    for (const Permission permission : {Permission::kConsent, Permission::kAudit}) {
      const bool may = (role.permissions & Only(permission)) != 0;
      EXPECT_EQ(may, role.name == "compliance" || role.name == "admin") << role.name;
    }
  }
}

}  // namespace
}  // namespace suppressd
