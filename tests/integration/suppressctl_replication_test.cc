// suppressctl replicas, verify and status against real servers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "client/suppressctl/commands.h"
#include "tests/testing/test_server.h"

namespace suppressd::suppressctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ReplicationCommandsTest : public ::testing::Test {
 protected:
  int Run(const std::vector<std::string>& arguments) {
    std::istringstream in;
    std::ostringstream out, err;
    Session session(in, out, err);
    const int exit_code = suppressctl::Run(arguments, session);
    out_ = out.str();
    err_ = err.str();
    return exit_code;
  }

  static void Suppress(TestServer& server, const std::string& address, const std::string& tenant = "default") {
    v1::SuppressRequest request;
    request.set_tenant(tenant);
    request.set_address(address);
    request.set_note("test");
    v1::SuppressResponse response;
    grpc::ClientContext context;
    const grpc::Status status = server.stub().Suppress(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  // From now on both hold the same, at the same state.
  static void Copy(TestServer& from, TestServer& to) {
    from.Stop();
    to.Stop();
    std::filesystem::remove_all(to.data_path());
    std::filesystem::copy(from.data_path(), to.data_path(), std::filesystem::copy_options::recursive);
    from.Start();
    to.Start();
  }

  int Verify(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"verify", "--target", copy_.address(), "--against", server_.address()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Run(arguments);
  }

  TestServer server_;
  TestServer copy_;
  std::string out_;
  std::string err_;
};

TEST_F(ReplicationCommandsTest, CopiesAreEqual) {
  for (int i = 0; i < 100; ++i) Suppress(server_, "a" + std::to_string(i) + "@example.com");
  Copy(server_, copy_);
  EXPECT_EQ(Verify(), 0) << err_;
  EXPECT_EQ(out_, "equal: 100 entries\n");
  EXPECT_EQ(Verify({"-o", "json"}), 0);
  EXPECT_THAT(out_, HasSubstr("\"equal\":true,\"entryCount\":\"100\",\"againstEntryCount\":\"100\""));
}

TEST_F(ReplicationCommandsTest, EntriesThatDifferAreNamed) {
  for (int i = 0; i < 100; ++i) Suppress(server_, "a" + std::to_string(i) + "@example.com");
  Suppress(server_, "last@zz.example");
  Copy(server_, copy_);
  Suppress(server_, "ada@example.org");  // the same revision on both sides
  Suppress(copy_, "copy@example.org");
  EXPECT_EQ(Verify(), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("default/a99@example.com  default/ada@example.org   0        1\n"));
  EXPECT_THAT(out_, HasSubstr("default/ada@example.org  default/copy@example.org  1        0\n"));
  EXPECT_THAT(out_, HasSubstr("differ: 2 ranges, of 102 entries against 102\n"));
  EXPECT_THAT(out_, Not(HasSubstr("a7@example.com")));
  EXPECT_EQ(Verify({"-o", "json", "--max_ranges", "1"}), 1);
  EXPECT_THAT(out_, AllOf(HasSubstr("\"equal\":false"), HasSubstr("\"until\":\"default/ada@example.org\""),
                          HasSubstr("\"againstEntryCount\":\"1\""), HasSubstr("\"more\":true")));
}

TEST_F(ReplicationCommandsTest, OnlyTheTenantsAskedForAreCompared) {
  Suppress(server_, "ada@example.com", "one");
  Copy(server_, copy_);
  Suppress(server_, "bob@example.com", "two");
  Suppress(copy_, "eve@example.com", "two");
  EXPECT_EQ(Verify({"--tenant", "one"}), 0) << out_ << err_;
  EXPECT_EQ(Verify({"--tenant", "one", "--tenant", "two"}), 1) << err_;
  EXPECT_EQ(Verify(), 1) << err_;
}

TEST_F(ReplicationCommandsTest, ACopyThatIsBehindForTooLongIsAnError) {
  Copy(server_, copy_);
  Suppress(server_, "ada@example.com");
  EXPECT_EQ(Verify({"--give_up_after", "300ms"}), 2);
  EXPECT_NE(err_, "");
  EXPECT_EQ(out_, "");
}

TEST_F(ReplicationCommandsTest, DataOfAnotherLineageIsAnError) {
  EXPECT_EQ(Verify(), 2);
  EXPECT_THAT(err_, HasSubstr("LINEAGE_MISMATCH"));
}

TEST_F(ReplicationCommandsTest, AServerThatIsNotThereIsAnError) {
  EXPECT_EQ(Run({"verify", "--target", copy_.address(), "--against", "unix:/no/such/socket", "--timeout", "200ms"}), 2);
  EXPECT_EQ(Run({"verify", "--target", copy_.address(), "--against", "nonsense"}), 2);
  EXPECT_THAT(err_, HasSubstr("--against"));
  EXPECT_EQ(Run({"verify", "--target", copy_.address()}), 2);
}

TEST_F(ReplicationCommandsTest, ReplicasAreListedWithTheirLag) {
  Suppress(server_, "ada@example.com");
  v1::RangeChecksumsResponse sums;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(server_.replication_stub().RangeChecksums(&context, {}, &sums).ok());
  }
  for (const char* id : {"mailer-1", "mailer-2"}) {
    v1::AcknowledgeRequest request;
    request.set_replica_id(id);
    request.mutable_position()->set_revision_token(sums.revision_token());
    v1::AcknowledgeResponse response;
    grpc::ClientContext context;
    ASSERT_TRUE(server_.replication_stub().Acknowledge(&context, request, &response).ok());
  }
  Suppress(server_, "bob@example.com");
  EXPECT_EQ(Run({"replicas", "--target", server_.address()}), 0) << err_;
  EXPECT_THAT(out_, testing::ContainsRegex("mailer-1 +- +AWAY +[0-9a-f]+ +1 +2026-"));
  EXPECT_THAT(out_, HasSubstr("mailer-2"));
}

}  // namespace
}  // namespace suppressd::suppressctl
