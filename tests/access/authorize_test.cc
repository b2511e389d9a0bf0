#include "server/access/authorize.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

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
          const bool any = call.permission == Permission::kStatus || call.permission == Permission::kReflect ||
                           call.permission == Permission::kInspect;
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

}  // namespace
}  // namespace suppressd
