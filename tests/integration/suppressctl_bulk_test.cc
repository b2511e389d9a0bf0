// suppressctl reactivate --plan and --apply, and finding addresses by a part of them, against a whole server.
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <sstream>

#include "client/suppressctl/bulk_reactivate.h"
#include "client/suppressctl/commands.h"
#include "tests/testing/test_server.h"

namespace suppressd::suppressctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class BulkTest : public ::testing::Test {
 protected:
  int Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--target", server_.address(), "-o", "json"});
    std::istringstream in;
    std::ostringstream out, err;
    Session session(in, out, err);
    const int exit_code = suppressctl::Run(arguments, session);
    out_ = out.str();
    err_ = err.str();
    json_.Clear();
    google::protobuf::util::JsonStringToMessage(out_, &json_).ok();
    return exit_code;
  }
  std::string Text(const std::string& field) {
    return json_.fields().contains(field) ? json_.fields().at(field).string_value() : "";
  }
  void Bounce(const std::string& address, const std::string& reply = "550 5.1.1 no such user") {
    grpc::ClientContext context;
    v1::ReportBounceRequest request;
    v1::ReportBounceResponse response;
    request.mutable_smtp_reply()->set_recipient(address);
    request.mutable_smtp_reply()->set_text(reply);
    ASSERT_TRUE(server_.stub().ReportBounce(&context, request, &response).ok());
  }
  void Complain(const std::string& address) {
    grpc::ClientContext context;
    v1::ReportBounceRequest request;
    v1::ReportBounceResponse response;
    request.mutable_complaint()->set_recipient(address);
    ASSERT_TRUE(server_.stub().ReportBounce(&context, request, &response).ok());
  }
  bool Suppressed(const std::string& address) { return Run({"check", address}) == kFinding; }
  std::vector<std::string> Listed(const std::vector<std::string>& filter) {
    std::vector<std::string> arguments = {"list", "--all"};
    arguments.insert(arguments.end(), filter.begin(), filter.end());
    EXPECT_EQ(Run(arguments), kDone) << err_;
    std::vector<std::string> targets;
    if (!json_.fields().contains("suppressions")) return targets;
    for (const auto& entry : json_.fields().at("suppressions").list_value().values()) {
      const auto& fields = entry.struct_value().fields();
      targets.push_back(fields.contains("address") ? fields.at("address").string_value()
                                                   : "@" + fields.at("domain").string_value());
    }
    return targets;
  }

  TestServer server_;
  google::protobuf::Struct json_;
  std::string out_;
  std::string err_;
};

TEST_F(BulkTest, APlanShowsAndChangesNothingAndItsApplicationLiftsJustThat) {
  for (const char* address : {"jo@example.com", "al@example.com", "ann@example.net"}) Bounce(address);
  Bounce("full@example.com", "552 5.2.2 mailbox full");
  ASSERT_EQ(Run({"reactivate", "--plan", "--domain", "example.com", "--reason", "ADDRESS_NOT_FOUND"}), kDone) << err_;
  EXPECT_EQ(Text("entryCount"), "2");
  const std::string plan = Text("plan");
  EXPECT_THAT(out_, HasSubstr("\"ADDRESS_NOT_FOUND\":\"2\""));
  EXPECT_TRUE(Suppressed("jo@example.com"));
  Bounce("new@example.com");
  Bounce("al@example.com");  // what has changed since is left alone
  ASSERT_EQ(Run({"reactivate", "--apply", plan, "--note", "their server was broken"}), kFinding);
  EXPECT_EQ(Text("reactivated"), "1");
  EXPECT_EQ(Text("changedSincePlan"), "2");
  EXPECT_FALSE(Suppressed("jo@example.com"));
  for (const char* address : {"al@example.com", "new@example.com", "ann@example.net", "full@example.com"}) {
    EXPECT_TRUE(Suppressed(address)) << address;
  }
  ASSERT_EQ(Run({"reactivate", "--apply", plan, "--note", "their server was broken"}), kFinding) << "again";
  EXPECT_EQ(Text("reactivated"), "");
}

TEST_F(BulkTest, ManyAreLiftedWithTheirNoteAndComplaintsStay) {
  for (int i = 0; i < 40; ++i) Bounce("u" + std::to_string(i) + "@example.com");
  Complain("u7@example.com");
  ASSERT_EQ(Run({"reactivate", "--plan", "--all"}), kDone);
  EXPECT_EQ(Text("entryCount"), "40");
  ASSERT_EQ(Run({"reactivate", "--apply", Text("plan"), "--note", "an outage"}), kDone) << err_;
  EXPECT_EQ(Text("reactivated"), "40");
  EXPECT_TRUE(Suppressed("u7@example.com")) << "its owner complained";
  EXPECT_FALSE(Suppressed("u8@example.com"));
  ASSERT_EQ(Run({"details", "u8@example.com"}), kDone);
  EXPECT_THAT(out_, HasSubstr("an outage"));
}

TEST_F(BulkTest, WhatMakesNoSenseIsRefused) {
  Bounce("jo@example.com");
  EXPECT_EQ(Run({"reactivate", "--plan"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("--all"));
  EXPECT_EQ(Run({"reactivate", "--plan", "--all", "--cause", "COMPLAINT"}), kFailed);
  EXPECT_EQ(Run({"reactivate", "--plan", "--type", "UNSUBSCRIBE"}), kFailed);
  EXPECT_EQ(Run({"reactivate", "--plan", "--all", "jo@example.com"}), kFailed);
  ASSERT_EQ(Run({"reactivate", "--plan", "--all"}), kDone);
  const std::string plan = Text("plan");
  EXPECT_EQ(Run({"reactivate", "--apply", plan}), kFailed) << "without a note";
  EXPECT_EQ(Run({"reactivate", "--apply", plan.substr(1), "--note", "x"}), kFailed);
  EXPECT_EQ(Run({"reactivate", "--apply", plan, "--note", "x", "--domain", "example.com"}), kFailed);
  EXPECT_EQ(Run({"reactivate", "--apply", plan, "--note", "x", "--tenant", "other"}), kFailed);
  absl::StatusOr<internal::v1::ReactivationPlan> old = DecodePlan(plan);
  ASSERT_TRUE(old.ok());
  old->set_made_at_micros(old->made_at_micros() - absl::ToInt64Microseconds(kPlanAgeMax) - 1);
  EXPECT_EQ(Run({"reactivate", "--apply", EncodePlan(*old), "--note", "x"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("older than 7 days"));
  EXPECT_TRUE(Suppressed("jo@example.com"));
  EXPECT_EQ(Run({"reactivate", "--plan", "--domain", "nobody.example"}), kDone) << "nothing to plan";
}

TEST_F(BulkTest, TheIdOfARequestIsAUuidThatDependsOnPlanAndAddress) {
  const std::string id = PlanRequestId("plan", "jo@example.com");
  EXPECT_THAT(id, ::testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_EQ(id, PlanRequestId("plan", "jo@example.com"));
  EXPECT_NE(id, PlanRequestId("plan", "al@example.com"));
  EXPECT_NE(id, PlanRequestId("plan2", "jo@example.com"));
}

TEST_F(BulkTest, AddressesAreFoundByTheirBeginningAndByAPart) {
  for (const char* address :
       {"Joan@example.com", "jo.x@example.com", "jon@example.net", "al@jo.example", "äre@bücher.example"}) {
    Bounce(address);
  }
  ASSERT_EQ(Run({"suppress", "--domain", "jo.example", "--note", "x"}), kDone) << err_;
  for (const char* order : {"NEWEST_FIRST", "BY_ADDRESS"}) {
    const auto listed = [&](std::vector<std::string> filter) {
      filter.insert(filter.end(), {"--order", order});
      return Listed(filter);
    };
    EXPECT_THAT(listed({"--prefix", "JO"}),
                UnorderedElementsAre("joan@example.com", "jo.x@example.com", "jon@example.net"));
    EXPECT_THAT(listed({"--prefix", "jo."}), ElementsAre("jo.x@example.com"));
    EXPECT_THAT(listed({"--prefix", "jon@"}), ElementsAre("jon@example.net"));
    EXPECT_THAT(listed({"--prefix", "joan@Exa"}), ElementsAre("joan@example.com"));
    EXPECT_THAT(listed({"--prefix", "joan@b"}), IsEmpty());
    EXPECT_THAT(listed({"--prefix", "Ä"}), ElementsAre("äre@xn--bcher-kva.example"));
    EXPECT_THAT(listed({"--contains", "jo.e"}), UnorderedElementsAre("al@jo.example", "@jo.example"));
    EXPECT_THAT(listed({"--contains", "n@ex"}), UnorderedElementsAre("joan@example.com", "jon@example.net"));
    EXPECT_THAT(listed({"--contains", "@bücher.example"}), ElementsAre("äre@xn--bcher-kva.example"));
  }
  EXPECT_EQ(Run({"list", "--contains", "jo"}), kFailed) << "too short";
  EXPECT_EQ(Run({"list", "--prefix", std::string(255, 'a')}), kFailed);
  EXPECT_EQ(Run({"list", "--counts", "--prefix", "jo"}), kDone);
  EXPECT_THAT(out_, HasSubstr("\"totalCount\":\"3\""));
}

TEST_F(BulkTest, PagesOfASearchAreCompleteHoweverSparseItIs) {
  for (int i = 0; i < 300; ++i) Bounce("u" + std::to_string(i) + "@example.com");
  grpc::ClientContext first;
  v1::ListSuppressionsRequest request;
  request.set_page_size(7);
  request.mutable_filter()->set_address_contains("u29");
  std::vector<std::string> found;
  do {
    grpc::ClientContext context;
    v1::ListSuppressionsResponse response;
    ASSERT_TRUE(server_.stub().ListSuppressions(&context, request, &response).ok());
    for (const v1::Suppression& entry : response.suppressions()) found.push_back(entry.address());
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(found.size(), 11u) << "u29, and u290 to u299";
  request.set_page_token("");
  request.mutable_filter()->set_address_prefix("other");
  v1::ListSuppressionsResponse response;
  ASSERT_TRUE(server_.stub().ListSuppressions(&first, request, &response).ok());
  EXPECT_THAT(response.suppressions(), IsEmpty());
}

}  // namespace
}  // namespace suppressd::suppressctl
