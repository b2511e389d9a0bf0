// audit and audit verify, against a service and from files.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "suppressctl_fixture.h"
#include "tests/testing/audit_trail.h"
#include "tests/testing/temp_directory.h"

namespace suppressd::suppressctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

class SuppressctlAuditTest : public SuppressctlTest {
 protected:
  SuppressctlAuditTest() {
    for (int i = 1; i <= 5; ++i) trail_.Add("suppress", "u" + std::to_string(i) + "@example.com", "asked for");
    // Two records a page, as a server would that has long ones.
    service_.admin.on_audit = [this](const v1::ListAuditRequest& request, v1::ListAuditResponse* response) {
      requests_.push_back(request);
      const size_t from = request.page_token().empty() ? 0 : std::stoul(request.page_token());
      const size_t to = std::min(from + 2, trail_.records.size());
      for (size_t i = from; i < to; ++i) *response->add_records() = trail_.records[i];
      if (to < trail_.records.size()) response->set_next_page_token(std::to_string(to));
      *response->mutable_head() = trail_.head();
      response->set_revision_token("t1");
      return grpc::Status::OK;
    };
  }
  // The lines of the output.
  std::vector<std::string> Lines() {
    std::vector<std::string> lines;
    std::istringstream in(out_);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  void Write(const std::string& path, const std::vector<std::string>& lines) {
    std::ofstream file(path);
    for (const std::string& line : lines) file << line << "\n";
  }

  TempDirectory directory_;
  const std::string export_ = directory_ / "trail.jsonl";
  const std::string checkpoint_ = directory_ / "checkpoint";
  TestTrail trail_;
  std::vector<v1::ListAuditRequest> requests_;
};

TEST_F(SuppressctlAuditTest, TheTableShowsWhoDidWhat) {
  trail_.records[1].mutable_text()->set_on_behalf_of("jane");
  trail_.records[2].clear_text();
  ASSERT_EQ(Run({"audit"}), 0) << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("2026-05-28T20:26:41Z  ops"), HasSubstr("u1@example.com"),
                          HasSubstr("ops, for jane"), HasSubstr("(erased)"), HasSubstr("asked for")));
  EXPECT_EQ(requests_.size(), 3u);
}

TEST_F(SuppressctlAuditTest, FiltersGoToTheServer) {
  ASSERT_EQ(Run({"audit", "--tenant", "shop", "--actor", "desk", "--address", "Jo@Example.com", "--action", "denied",
                 "--since", "2026-01-01T00:00:00Z", "--until", "2026-02-01T00:00:00.5Z", "--limit", "1"}),
            0)
      << err_;
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_THAT(requests_[0].tenants(), ElementsAre("shop"));
  EXPECT_EQ(requests_[0].actor(), "desk");
  EXPECT_EQ(requests_[0].address(), "Jo@Example.com");
  EXPECT_EQ(requests_[0].action(), "denied");
  EXPECT_EQ(requests_[0].since().seconds(), 1'767'225'600);
  EXPECT_EQ(requests_[0].until().nanos(), 500'000'000);
  EXPECT_EQ(requests_[0].page_size(), 1);
  EXPECT_THAT(out_, Not(HasSubstr("u2@example.com"))) << "no more than --limit, whatever comes";
  ASSERT_EQ(Run({"audit", "--address", "@example.com"}), 0) << err_;
  EXPECT_EQ(requests_.back().domain(), "example.com");
  EXPECT_EQ(Run({"audit", "--since", "yesterday"}), 2);
  EXPECT_THAT(err_, HasSubstr("--since"));
  EXPECT_EQ(Run({"audit", "--limit", "0"}), 2);
  EXPECT_EQ(Run({"audit", "-o", "tsv"}), 2);
}

TEST_F(SuppressctlAuditTest, JsonIsOneObject) {
  ASSERT_EQ(Run({"audit", "-o", "json"}), 0) << err_;
  const auto json = Json();
  EXPECT_EQ(json.fields().at("records").list_value().values_size(), 5);
  EXPECT_EQ(json.fields().at("head").struct_value().fields().at("count").string_value(), "5");
  trail_.records.clear();
  ASSERT_EQ(Run({"audit", "-o", "json"}), 0) << err_;
  EXPECT_EQ(Json().fields().at("records").list_value().values_size(), 0);
}

TEST_F(SuppressctlAuditTest, WhatSteersATerminalIsWrittenOutInJson) {
  trail_.Add("suppress", "u@example.com", "a\u202eb\u009bc\x7f");
  ASSERT_EQ(Run({"audit", "-o", "jsonl"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("a\\u202eb\\u009bc\\u007f"));
  Write(export_, Lines());
  EXPECT_EQ(RunBare({"audit", "verify", export_}), 0) << out_ << err_;
}

TEST_F(SuppressctlAuditTest, AnExportIsVerifiedWithoutTheServer) {
  trail_.Erase({trail_.records[1].revision()});
  ASSERT_EQ(Run({"audit", "-o", "jsonl"}), 0) << err_;
  const std::vector<std::string> lines = Lines();
  ASSERT_EQ(lines.size(), 7u);
  EXPECT_THAT(lines.back(), HasSubstr("\"head\""));
  Write(export_, lines);
  ASSERT_EQ(RunBare({"audit", "verify", export_}), 0) << out_ << err_;
  EXPECT_THAT(out_, HasSubstr("whole: 6 records; texts erased: 1\n"));
  EXPECT_EQ(RunBare({"audit", "verify", "-"}, ""), 1) << "nothing at all is cut off";
}

TEST_F(SuppressctlAuditTest, WhatIsWrongWithAFileIsSaid) {
  ASSERT_EQ(Run({"audit", "-o", "jsonl"}), 0) << err_;
  const std::vector<std::string> lines = Lines();
  std::vector<std::string> changed = lines;
  changed.erase(changed.begin() + 2);
  Write(export_, changed);
  EXPECT_EQ(RunBare({"audit", "verify", export_}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("not whole: record 3: REMOVED"));
  changed = lines;
  changed.pop_back();
  Write(export_, changed);
  EXPECT_EQ(RunBare({"audit", "verify", export_}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("its end is missing"));
  changed = lines;
  changed[1].replace(changed[1].find("asked for"), 9, "wished so");
  Write(export_, changed);
  EXPECT_EQ(RunBare({"audit", "verify", export_, "-o", "json"}), 1) << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("\"intact\":false"), HasSubstr("\"kind\":\"TEXT_ALTERED\",\"number\":\"2\"")));
  changed = lines;
  changed.push_back(lines[0]);
  Write(export_, changed);
  EXPECT_EQ(RunBare({"audit", "verify", export_}), 2);
  Write(export_, {lines[0], "no JSON"});
  EXPECT_EQ(RunBare({"audit", "verify", export_}), 2);
  EXPECT_THAT(err_, HasSubstr("line 2 is no record"));
  EXPECT_EQ(RunBare({"audit", "verify", directory_ / "none"}), 2);
}

TEST_F(SuppressctlAuditTest, AnExportWithAFilterHasNoEndAndIsNotWhole) {
  ASSERT_EQ(Run({"audit", "-o", "jsonl", "--actor", "ops"}), 0) << err_;
  EXPECT_EQ(Lines().size(), 5u);
  Write(export_, Lines());
  EXPECT_EQ(RunBare({"audit", "verify", export_}), 1) << err_;
}

TEST_F(SuppressctlAuditTest, TheServersTrailIsVerifiedPageByPage) {
  ASSERT_EQ(Run({"audit", "verify"}), 0) << out_ << err_;
  EXPECT_THAT(out_, HasSubstr("whole: 5 records;"));
  EXPECT_EQ(requests_.size(), 3u);
  trail_.records[3].set_actor("somebody else");
  EXPECT_EQ(Run({"audit", "verify"}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("not whole: record 4 (revision 12): ALTERED"));
  EXPECT_EQ(Run({"audit", "verify", "--tenant", "shop"}), 2);
  EXPECT_THAT(err_, HasSubstr("leave --tenant out"));
}

TEST_F(SuppressctlAuditTest, TheCheckpointIsKeptWhenTheTrailIsWholeOnly) {
  ASSERT_EQ(Run({"audit", "verify", "--checkpoint", checkpoint_}), 0) << out_ << err_;
  std::ifstream made(checkpoint_);
  const std::string text((std::istreambuf_iterator<char>(made)), {});
  EXPECT_THAT(text, AllOf(HasSubstr("count 5\n"), EndsWith("\n")));
  EXPECT_FALSE(std::filesystem::exists(checkpoint_ + ".new"));
  trail_ = TestTrail();
  for (int i = 0; i < 8; ++i) trail_.Add("reactivate");
  EXPECT_EQ(Run({"audit", "verify"}), 0) << "another one, and whole by itself";
  EXPECT_EQ(Run({"audit", "verify", "--checkpoint", checkpoint_}), 1) << err_;
  EXPECT_THAT(out_, HasSubstr("record 5 (revision 15): ALTERED"));
  std::ifstream kept(checkpoint_);
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(kept)), {}), text);
}

TEST_F(SuppressctlAuditTest, ACheckpointThatCannotBeUsedIsAnError) {
  for (const char* text : {"", "suppressd audit checkpoint\ncount 5\nsha256 00\n", "count 5\n",
                           "suppressd audit checkpoint\ncount -5\nsha256 \n"}) {
    std::ofstream(checkpoint_) << text;
    EXPECT_EQ(Run({"audit", "verify", "--checkpoint", checkpoint_}), 2) << text;
  }
  EXPECT_EQ(Run({"audit", "verify", "--checkpoint", directory_ / "none" + "/checkpoint"}), 2);
}

TEST_F(SuppressctlAuditTest, WhatTheServerRefusesIsSaid) {
  service_.admin.on_audit = nullptr;
  EXPECT_EQ(Run({"audit"}), 2);
  EXPECT_EQ(Run({"audit", "verify"}), 2);
  EXPECT_THAT(err_, HasSubstr("older than this suppressctl"));
}

}  // namespace
}  // namespace suppressd::suppressctl
