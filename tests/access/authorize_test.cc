#include "server/access/authorize.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "suppressd/v1/replication.pb.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {
namespace {

// What is explained is what is decided: every call, every role, the role's own list, another, and all of them.
TEST(ExplainAccessTest, AnswersAsTheGuardDecides) {
  for (const Role& role : Roles()) {
    const std::string text =
        absl::StrCat("identities:\n- name: one\n  grants:\n  - {roles: [", role.name, "], tenants: [shop, news]}\n",
                     "- name: all\n  grants:\n  - {roles: [", role.name, "], tenants: ['*']}\n");
    const absl::StatusOr<AccessFile> file = AccessFile::Parse("access.yaml", text);
    ASSERT_TRUE(file.ok()) << file.status();
    for (const CallPermission& call : CallPermissions()) {
      for (const std::string identity : {"one", "all"}) {
        for (const std::string tenant : {"shop", "other", "*"}) {
          const auto answers = ExplainAccess(
              *file, {.identity = identity, .call = std::string(call.method), .tenant = tenant, .ip = ""});
          ASSERT_TRUE(answers.ok()) << answers.status();
          const bool any = call.tenants == TenantsNamed::kNone;
          const bool everyone = call.permission == Permission::kHealth;
          const bool reached = any || identity == "all" || tenant == "shop";
          const bool may = (role.permissions & Only(call.permission)) != 0;
          EXPECT_EQ(answers->front().allowed, everyone || (may && reached))
              << call.method << " " << role.name << " " << identity << " " << tenant << ": " << answers->front().why;
        }
      }
    }
  }
}

// What a request can name decides which lists its call is about.
TEST(CallPermissionsTest, TheTenantsOfACallAreThoseThatItsRequestNames) {
  // Linked, so that their descriptors are there.
  v1::IsSuppressedRequest::default_instance().GetDescriptor();
  v1::FollowRequest::default_instance().GetDescriptor();
  const auto* const pool = google::protobuf::DescriptorPool::generated_pool();
  for (const CallPermission& call : CallPermissions()) {
    std::string name(call.method.substr(1));
    name[name.find('/')] = '.';
    const auto* const method = pool->FindMethodByName(name);
    if (method == nullptr) {
      EXPECT_EQ(name.find("suppressd."), std::string::npos) << name;
      EXPECT_EQ(call.tenants, TenantsNamed::kNone) << name;
      continue;
    }
    const google::protobuf::Descriptor& request = *method->input_type();
    const auto* const report = request.FindFieldByName("report");
    const bool one = request.FindFieldByName("tenant") != nullptr ||
                     (report != nullptr && report->message_type()->FindFieldByName("tenant") != nullptr);
    const bool many = request.FindFieldByName("tenants") != nullptr;
    EXPECT_EQ(call.tenants, one ? TenantsNamed::kOne : many ? TenantsNamed::kMany : TenantsNamed::kNone) << name;
  }
}

}  // namespace
}  // namespace suppressd
