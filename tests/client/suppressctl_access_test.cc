#include <fstream>
#include <string>

#include "suppressctl_fixture.h"
#include "tests/testing/temp_directory.h"

namespace suppressd::suppressctl {
namespace {

using ::testing::HasSubstr;

constexpr char kFile[] = R"(identities:
  - name: sender
    networks: ["10.0.0.0/8"]
    grants:
      - {roles: [checker, reporter], tenants: [shop]}
  - name: desk
    grants:
      - {roles: [viewer], tenants: ["*"]}
      - {roles: [support], tenants: [shop]}
)";

class SuppressctlAccessTest : public SuppressctlTest {
 protected:
  SuppressctlAccessTest() { std::ofstream(file_) << kFile; }

  // Without any server.
  int Explain(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"access", "explain", "--access_file", file_, "--as"});
    return RunBare(arguments);
  }

  TempDirectory directory_;
  const std::string file_ = directory_ / "access.yaml";
};

TEST_F(SuppressctlAccessTest, AnAllowedCallNamesItsGrant) {
  ASSERT_EQ(Explain({"sender", "--call", "IsSuppressed"}), 0) << err_;
  EXPECT_EQ(out_,
            "allowed: sender, /suppressd.v1.SuppressionService/IsSuppressed, tenant shop, \"check\"\n"
            "  the grant in line 5 gives it by checker\n");
  EXPECT_EQ(Explain({"sender", "--call", "/suppressd.v1.SuppressionService/IsSuppressed", "--from", "10.1.2.3"}), 0);
}

TEST_F(SuppressctlAccessTest, ADeniedCallSaysWhatIsMissing) {
  ASSERT_EQ(Explain({"sender", "--call", "ListSuppressions"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("no role of sender gives it \"list\" for this tenant; these would: viewer, support,"));
  ASSERT_EQ(Explain({"sender", "--call", "IsSuppressed", "--tenant", "news"}), 1) << err_;
  ASSERT_EQ(Explain({"sender", "--call", "IsSuppressed", "--from", "192.0.2.1"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("sender may not call from this address"));
}

TEST_F(SuppressctlAccessTest, AReactivateIsAnsweredForConsentToo) {
  ASSERT_EQ(Explain({"desk", "--call", "Reactivate", "--tenant", "shop"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("the grant in line 9 gives it by support"));
  EXPECT_THAT(out_, HasSubstr("denied: desk, /suppressd.v1.SuppressionService/Reactivate, tenant shop, \"consent\""));
  EXPECT_THAT(out_, HasSubstr("these would: compliance, admin"));
}

TEST_F(SuppressctlAccessTest, AllTenantsAtOnceNeedAGrantForAll) {
  EXPECT_EQ(Explain({"desk", "--call", "Watch", "--tenant", "*"}), 0) << err_;
  EXPECT_EQ(Explain({"desk", "--call", "Watch"}), 0) << "without a tenant it is about all";
  EXPECT_EQ(Explain({"desk", "--call", "GetBounceDetails"}), 1) << "and this about \"default\"";
  EXPECT_EQ(Explain({"desk", "--call", "GetBounceDetails", "--tenant", "*"}), 1) << err_;
}

TEST_F(SuppressctlAccessTest, JsonHasAnObjectForEachAnswer) {
  ASSERT_EQ(Explain({"desk", "--call", "Suppress", "--tenant", "shop", "-o", "json"}), 1) << err_;
  const google::protobuf::Struct json = Json();
  const auto& answers = json.fields().at("answers").list_value();
  ASSERT_EQ(answers.values_size(), 2);
  const auto& first = answers.values(0).struct_value().fields();
  EXPECT_FALSE(first.at("allowed").bool_value());
  EXPECT_EQ(first.at("permission").string_value(), "suppress");
}

TEST_F(SuppressctlAccessTest, MistakesAreErrors) {
  EXPECT_EQ(Explain({"nobody", "--call", "Watch"}), 2);
  EXPECT_THAT(err_, HasSubstr("names no identity \"nobody\""));
  EXPECT_EQ(Explain({"desk", "--call", "Watches"}), 2);
  EXPECT_THAT(err_, HasSubstr("there is no call \"Watches\""));
  EXPECT_EQ(Explain({"desk"}), 2);
  EXPECT_EQ(Explain({"desk", "--call", "Watch", "-o", "csv"}), 2);
  std::ofstream(file_) << "identities:\n- {name: a, grants: [{roles: [boss], tenants: [a]}]}\n";
  EXPECT_EQ(Explain({"a", "--call", "Watch"}), 2);
  EXPECT_THAT(err_, HasSubstr("access.yaml:2: unknown role \"boss\""));
  EXPECT_EQ(RunBare({"access", "explain", "--access_file", directory_ / "none", "--as", "a", "--call", "Watch"}), 2);
  EXPECT_EQ(RunBare({"access"}), 2);
}

}  // namespace
}  // namespace suppressd::suppressctl
