#include "server/access/access_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace suppressd {
namespace {

using testing::HasSubstr;

constexpr char kFile[] = R"(
identities:
  - name: sender
    certificates: ["uri:spiffe://prod/ns/mail/sa/sender", "dns:sender.example.com"]
    tokens: [sender]
    jwt: [{subject: "system:serviceaccount:mail:sender"}]
    unix: [{uid: 1000}, {gid: 100}]
    networks: ["10.0.0.0/8", "fd00::/8"]
    grants:
      - {roles: [checker, reporter], tenants: [shop]}
  - name: desk
    tokens: [desk]
    grants:
      - {roles: [support], tenants: [shop, news]}
      - {roles: [viewer], tenants: ["*"]}
)";

bool May(Permissions permissions, Permission permission) {
  return (permissions & Only(permission)) != 0;
}

TEST(AccessFileTest, AnIdentityIsKnownInEachOfItsWays) {
  const absl::StatusOr<AccessFile> file = AccessFile::Parse("access.yaml", kFile);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->ByCertificate("uri:spiffe://prod/ns/mail/sa/sender")->name, "sender");
  EXPECT_EQ(file->ByCertificate("dns:sender.example.com")->name, "sender");
  EXPECT_EQ(file->ByToken("desk")->name, "desk");
  EXPECT_EQ(file->ByUser(1000)->name, "sender");
  EXPECT_EQ(file->ByGroup(100)->name, "sender");
  EXPECT_EQ(file->ByClaims({{"sub", "system:serviceaccount:mail:sender"}, {"aud", "x"}})->name, "sender");
  EXPECT_EQ(file->ByCertificate("dns:sender.example.org"), nullptr);
  EXPECT_EQ(file->ByUser(0), nullptr);
  EXPECT_EQ(file->ByClaims({{"sub", "system:serviceaccount:mail:other"}}), nullptr);
  EXPECT_EQ(file->ByClaims({}), nullptr);
}

TEST(AccessFileTest, AGrantHoldsForItsTenantsOnly) {
  const absl::StatusOr<AccessFile> file = AccessFile::Parse("access.yaml", kFile);
  const auto sender = file->ByName("sender");
  EXPECT_TRUE(May(sender->For("shop"), Permission::kCheck));
  EXPECT_TRUE(May(sender->For("shop"), Permission::kReport));
  EXPECT_FALSE(May(sender->For("shop"), Permission::kList));
  EXPECT_EQ(sender->For("news"), 0u);
  EXPECT_EQ(sender->ForAll(), 0u);
  EXPECT_EQ(sender->only_tenant, "shop");
  const auto desk = file->ByName("desk");
  EXPECT_TRUE(May(desk->For("news"), Permission::kReactivate));
  EXPECT_FALSE(May(desk->For("other"), Permission::kReactivate));
  EXPECT_TRUE(May(desk->ForAll(), Permission::kList));
  EXPECT_EQ(desk->only_tenant, "");
}

struct Wrong {
  const char* text;
  const char* line_and_what;
};

class WrongAccessFileTest : public testing::TestWithParam<Wrong> {};

TEST_P(WrongAccessFileTest, IsRefusedWithFileAndLine) {
  const absl::StatusOr<AccessFile> file = AccessFile::Parse("access.yaml", GetParam().text);
  ASSERT_EQ(file.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(file.status().message()), HasSubstr(std::string("access.yaml:") + GetParam().line_and_what));
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongAccessFileTest,
    testing::Values(Wrong{"", "1: there is no identity"}, Wrong{"identities: []", "1: there is no identity"},
                    Wrong{"identity: []", "1: unknown key \"identity\"; wanted: identities"},
                    Wrong{"identities:\n- {name: a, role: checker}", "2: unknown key \"role\""},
                    Wrong{"identities:\n- {grants: [{roles: [checker], tenants: [a]}]}", "2: the identity has no name"},
                    Wrong{"identities:\n- {name: \"a b\"}", "2: the name is not"},
                    Wrong{"identities:\n- {name: a}", "2: the identity has no grants"},
                    Wrong{"identities:\n- name: a\n  grants:\n  - {roles: [boss], tenants: [a]}",
                          "4: unknown role \"boss\"; wanted: checker, reporter, viewer"},
                    Wrong{"identities:\n- name: a\n  grants:\n  - {roles: [checker], tenants: [Shop]}",
                          "4: \"Shop\" is neither"},
                    Wrong{"identities:\n- name: a\n  grants:\n  - {roles: [checker]}", "4: the grant has no tenants"},
                    Wrong{"identities:\n- name: a\n  grants:\n  - {tenants: [a]}", "4: the grant has no roles"},
                    Wrong{"identities:\n- {name: a, grants: [{roles: [admin], tenants: [\"*\"]}]}\n"
                          "- {name: a, grants: [{roles: [admin], tenants: [\"*\"]}]}",
                          "3: a second identity is named \"a\""},
                    Wrong{"identities:\n- {name: a, tokens: [t], grants: [{roles: [admin], tenants: [\"*\"]}]}\n"
                          "- {name: b, tokens: [t], grants: [{roles: [admin], tenants: [\"*\"]}]}",
                          "3: \"t\" is named a second time"},
                    Wrong{"identities:\n- name: a\n  certificates: [\"CN=a\"]", "3: a certificate is known by"},
                    Wrong{"identities:\n- name: a\n  networks: [\"10.0.0.1/8\"]", "3: \"10.0.0.1/8\" is no network"},
                    Wrong{"identities:\n- name: a\n  networks: [\"10.0.0.0/33\"]", "3: \"10.0.0.0/33\" is no network"},
                    Wrong{"identities:\n- name: a\n  unix: [{uid: -1}]", "3: uid is not a number"},
                    Wrong{"identities:\n- name: a\n  unix: [{user: 1}]", "3: unknown key \"user\"; wanted: uid, gid"},
                    Wrong{"identities:\n- name: a\n  jwt: [{}]", "3: no claim is named"}, Wrong{"identities: {", "1: "},
                    Wrong{"identities:\n- name: a\n  name: b", "3: the identity has \"name\" twice"}));

TEST(NetworkTest, HoldsWhatItsPrefixHolds) {
  const std::optional<Network> ten = Network::Parse("10.0.0.0/8");
  EXPECT_TRUE(ten->Contains("10.255.0.1"));
  EXPECT_TRUE(ten->Contains("::ffff:10.1.2.3")) << "an IPv4 address, written as IPv6";
  EXPECT_FALSE(ten->Contains("11.0.0.1"));
  EXPECT_FALSE(ten->Contains("fd00::1"));
  EXPECT_FALSE(ten->Contains("nonsense"));
  EXPECT_TRUE(Network::Parse("0.0.0.0/0")->Contains("192.0.2.1"));
  EXPECT_FALSE(Network::Parse("0.0.0.0/0")->Contains("2001:db8::1"));
  EXPECT_TRUE(Network::Parse("192.0.2.7")->Contains("192.0.2.7"));
  EXPECT_FALSE(Network::Parse("192.0.2.7")->Contains("192.0.2.6"));
  EXPECT_TRUE(Network::Parse("2001:db8::/33")->Contains("2001:db8:7fff::1"));
  EXPECT_FALSE(Network::Parse("2001:db8::/33")->Contains("2001:db8:8000::1"));
}

}  // namespace
}  // namespace suppressd
