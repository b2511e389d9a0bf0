// report --sysexits: what a mail server is told of a bounce that it delivers to suppressctl; and check --refusal.
#include <filesystem>
#include <fstream>

#include "suppressctl_fixture.h"
#include "tests/testing/temp_directory.h"

namespace suppressd::suppressctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kMail[] = "Subject: bounce\n\na@example.com does not exist\n";

class SysexitsTest : public SuppressctlTest {
 protected:
  // Answers as the text of a mail says.
  void AnswerMails() {
    service_.on_report = [this](const v1::ReportBounceRequest& request, v1::ReportBounceResponse* response) {
      requests_.push_back(request);
      const std::string& content = request.raw_message().content();
      const auto says = [&](const char* word) { return content.find(word) != std::string::npos; };
      if (says("nobody")) return WireError(grpc::StatusCode::INVALID_ARGUMENT, v1::NO_RECIPIENT, "names nobody");
      if (says("nonsense")) return WireError(grpc::StatusCode::INVALID_ARGUMENT, v1::NOT_A_MESSAGE, "no mail");
      if (says("busy")) return WireError(grpc::StatusCode::UNAVAILABLE, v1::OVERLOADED, "too many");
      if (says("full")) return WireError(grpc::StatusCode::UNAVAILABLE, v1::STORAGE_UNAVAILABLE, "disk full");
      if (says("damage")) return WireError(grpc::StatusCode::INTERNAL, v1::INTERNAL_ERROR, "damaged");
      if (says("reused")) return WireError(grpc::StatusCode::ALREADY_EXISTS, v1::REQUEST_ID_REUSED, "another");
      response->set_kind(v1::BounceEvent::AUTO_REPLY);
      if (says("away")) return grpc::Status::OK;
      response->set_kind(v1::BounceEvent::BOUNCE_TEXT);
      response->set_duplicate(says("again"));
      response->set_durability(says("kept") ? v1::ReportBounceResponse::AT_SIDECAR
                                            : v1::ReportBounceResponse::AT_SERVER);
      v1::RecipientOutcome* outcome = response->add_outcomes();
      outcome->set_address("a@example.com");
      outcome->mutable_verdict()->set_bounce_class(v1::Verdict::HARD);
      outcome->set_effect(v1::BounceEvent::SUPPRESSED);
      if (says("half")) response->add_outcomes()->mutable_error()->set_reason("INVALID_ADDRESS");
      return grpc::Status::OK;
    };
  }
  int Deliver(const std::string& mail, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"report", "--mail", "-", "--sysexits"});
    return Run(more, mail);
  }
  std::string File(const std::string& name, const std::string& content) {
    std::ofstream(directory_ / name, std::ios::binary) << content;
    return directory_ / name;
  }

  TempDirectory directory_;
  std::vector<v1::ReportBounceRequest> requests_;
};

TEST_F(SysexitsTest, WhatWasTakenExitsZero) {
  AnswerMails();
  EXPECT_EQ(Deliver(kMail), 0) << err_;
  EXPECT_EQ(Deliver("Subject: again\n\n"), 0) << "known already";
  EXPECT_EQ(Deliver("Subject: kept\n\n"), 0) << "a sidecar delivers it";
}

TEST_F(SysexitsTest, WhatWillNeverBeTakenExits65) {
  AnswerMails();
  EXPECT_EQ(Deliver("Subject: away\n\n"), 65) << "an automatic reply";
  EXPECT_EQ(Deliver("Subject: nobody\n\n"), 65);
  EXPECT_EQ(Deliver("nonsense"), 65);
  EXPECT_EQ(Deliver("Subject: half\n\n"), 65) << "one of its recipients";
  EXPECT_EQ(Deliver("Subject: reused\n\n"), 65);
  EXPECT_EQ(Deliver(""), 65) << "nothing at all";
  EXPECT_EQ(Run({"report", "--mail", File("empty.eml", ""), "--sysexits"}), 65);
}

TEST_F(SysexitsTest, WhatMayBeTakenLaterExits75) {
  AnswerMails();
  EXPECT_EQ(Deliver("Subject: busy\n\n", {"--timeout", "50ms"}), 75);
  EXPECT_EQ(Deliver("Subject: full\n\n", {"--timeout", "50ms"}), 75);
  EXPECT_EQ(Deliver("Subject: damage\n\n"), 75);
  EXPECT_EQ(Run({"report", "--mail", "/no/such/file", "--sysexits"}), 75);
  service_.Stop();
  EXPECT_EQ(Deliver(kMail), 75) << "the service, or the sidecar, is away";
  EXPECT_EQ(Run({"report", "--recipient", "a@example.com", "--code", "550", "--sysexits"}), 75);
}

TEST_F(SysexitsTest, AServiceThatKnowsNoReportsKeepsTheMail) {
  EXPECT_EQ(Deliver(kMail), 75) << "no handler: UNIMPLEMENTED";
}

TEST_F(SysexitsTest, AWrongCommandLineExits64) {
  AnswerMails();
  EXPECT_EQ(Deliver(kMail, {"--no_such_option"}), 64);
  EXPECT_EQ(Deliver(kMail, {"--code", "550"}), 64);
  EXPECT_EQ(Deliver(kMail, {"--sent_at", "yesterday"}), 64);
  EXPECT_EQ(RunBare({"report", "--mail", "-", "--sysexits", "--target", "nowhere"}, kMail), 64);
  EXPECT_EQ(requests_.size(), 0u);
}

TEST_F(SysexitsTest, OfSeveralMailsTheWorstCounts) {
  AnswerMails();
  const std::string good = File("a.eml", kMail), away = File("b.eml", "Subject: away\n\n");
  const std::string damage = File("c.eml", "Subject: damage\n\n");
  EXPECT_EQ(Run({"report", "--mail", good, good, "--sysexits"}), 0);
  EXPECT_EQ(Run({"report", "--mail", good, away, good, "--sysexits"}), 65);
  EXPECT_EQ(Run({"report", "--mail", damage, away, good, "--sysexits"}), 75);
  EXPECT_EQ(requests_.size(), 8u);
}

TEST_F(SysexitsTest, WithoutTheOptionTheCodesAreAsBefore) {
  AnswerMails();
  EXPECT_EQ(Run({"report", "--mail", "-"}, "Subject: away\n\n"), 0);
  EXPECT_EQ(Run({"report", "--mail", "-"}, "Subject: nobody\n\n"), 2);
  service_.Stop();
  EXPECT_EQ(Run({"report", "--mail", "-"}, kMail), 2);
}

TEST_F(SysexitsTest, CheckPrintsTheRefusalAlone) {
  service_.on_check = [](const v1::IsSuppressedRequest& request, v1::IsSuppressedResponse* response) {
    if (request.address() == "good@example.com") response->set_answer(v1::IsSuppressedResponse::NOT_SUPPRESSED);
    if (request.address() == "new@example.com") response->set_answer(v1::IsSuppressedResponse::NOT_KNOWN);
    if (request.address() != "bad@example.com") return grpc::Status::OK;
    response->set_answer(v1::IsSuppressedResponse::SUPPRESSED);
    response->set_refusal_text("suppressed: mailbox full, since 2026-11-10 [suppressd]");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"check", "--refusal", "bad@example.com"}), 1);
  EXPECT_EQ(out_, "suppressed: mailbox full, since 2026-11-10 [suppressd]\n");
  EXPECT_EQ(Run({"check", "--refusal", "new@example.com"}), 2);
  EXPECT_EQ(Run({"check", "--refusal", "good@example.com"}), 0);
  EXPECT_EQ(out_, "");
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"check", "--refusal", "a@example.com", "b@example.com"},
        {"check", "--refusal", "-"},
        {"check", "--refusal", "a@example.com", "-o", "json"}}) {
    EXPECT_EQ(Run(wrong), 2);
    EXPECT_THAT(err_, HasSubstr("--refusal goes with one address"));
  }
  service_.Stop();
  EXPECT_EQ(Run({"check", "--refusal", "bad@example.com"}), 2);
  EXPECT_EQ(out_, "");
}

}  // namespace
}  // namespace suppressd::suppressctl
