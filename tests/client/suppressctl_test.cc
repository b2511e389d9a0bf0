// check, report, and what all commands share.
#include <stdlib.h>

#include "suppressctl_fixture.h"

namespace suppressd::suppressctl {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST_F(SuppressctlTest, CheckExitsZeroWhenNothingIsSuppressed) {
  AnswerBatches();
  EXPECT_EQ(Run({"check", "good@example.com"}), 0);
  EXPECT_THAT(out_, HasSubstr("good@example.com  no"));
  EXPECT_EQ(err_, "");
}

TEST_F(SuppressctlTest, CheckExitsOneWhenAnythingIsSuppressed) {
  AnswerBatches();
  EXPECT_EQ(Run({"check", "good@example.com", "bad@example.com", "--stream", "news"}), 1);
  EXPECT_THAT(out_, HasSubstr("HARD_BOUNCE MAILBOX_FULL"));
  EXPECT_EQ(batches_.at(0).stream(), "news");
}

TEST_F(SuppressctlTest, CheckExitsTwoWhenAnAddressIsInvalid) {
  AnswerBatches();
  EXPECT_EQ(Run({"check", "bad@example.com", "nonsense"}), 2);
  EXPECT_THAT(out_, HasSubstr("INVALID_ADDRESS"));
  EXPECT_EQ(Run({"check", "nonsense", "bad@example.com"}), 2);
}

TEST_F(SuppressctlTest, CheckExitsTwoWhenTheServiceIsAway) {
  service_.Stop();
  EXPECT_EQ(Run({"check", "a@example.com"}), 2);
  EXPECT_THAT(err_, AllOf(StartsWith("suppressctl: UNAVAILABLE: "), HasSubstr("is suppressd running there?")));
  EXPECT_EQ(std::count(err_.begin(), err_.end(), '\n'), 1);
  EXPECT_THAT(err_, Not(HasSubstr("a@example.com")));
}

TEST_F(SuppressctlTest, CheckReadsStandardInputInBatchesOfOneState) {
  AnswerBatches();
  std::string input = "# comment\n\n";
  for (int i = 0; i < 10'001; ++i) input += "user" + std::to_string(i) + "@example.com \r\n";
  EXPECT_EQ(Run({"check", "-"}, input), 0);
  ASSERT_EQ(batches_.size(), 2u);
  EXPECT_EQ(batches_[0].addresses_size(), 10'000);
  EXPECT_EQ(batches_[1].addresses_size(), 1);
  EXPECT_EQ(batches_[1].addresses(0), "user10000@example.com");
  EXPECT_EQ(batches_[1].at_least(), "t1");
}

TEST_F(SuppressctlTest, CheckPrintsOneJsonObject) {
  AnswerBatches();
  EXPECT_EQ(Run({"check", "-o", "json", "bad@example.com", "good@example.com"}), 1);
  const auto results = Json().fields().at("results").list_value();
  ASSERT_EQ(results.values_size(), 2);
  EXPECT_EQ(results.values(0).struct_value().fields().at("answer").string_value(), "SUPPRESSED");
  EXPECT_EQ(results.values(1).struct_value().fields().at("answer").string_value(), "NOT_SUPPRESSED");
  EXPECT_EQ(Json().fields().at("revisionToken").string_value(), "t1");
}

TEST_F(SuppressctlTest, CheckSaysWhereMatchesWereLeftOut) {
  AnswerBatches();
  EXPECT_EQ(Run({"check", "bad-many@example.com"}), 1);
  EXPECT_THAT(out_, HasSubstr("yes         (matches left out)"));
  EXPECT_EQ(Run({"check", "-o", "json", "bad-many@example.com"}), 1);
  EXPECT_THAT(out_, HasSubstr("\"answer\":\"SUPPRESSED\",\"matchesLeftOut\":true"));
}

TEST_F(SuppressctlTest, CheckOfNothingIsOk) {
  AnswerBatches();
  EXPECT_EQ(Run({"check", "-", "-o", "json"}, ""), 0);
  EXPECT_EQ(Json().fields().at("results").list_value().values_size(), 0);
}

TEST_F(SuppressctlTest, ReportSendsEveryOption) {
  v1::ReportBounceRequest got;
  service_.on_report = [&](const v1::ReportBounceRequest& request, v1::ReportBounceResponse* response) {
    got = request;
    response->add_outcomes()->mutable_verdict()->set_bounce_class(v1::Verdict::HARD);
    response->set_revision_token("t");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"report",
                 "--recipient",
                 "a@example.com",
                 "--code",
                 "550",
                 "--enhanced",
                 "5.1.1",
                 "--text",
                 "no",
                 "--stage",
                 "rcpt",
                 "--remote_mta",
                 "mx",
                 "--occurred_at",
                 "2026-03-01T12:00:00Z",
                 "--sent_at",
                 "2026-03-01T11:00:00Z",
                 "--stream",
                 "news",
                 "--source",
                 "mailer",
                 "--message_id",
                 "<1@a>",
                 "--tenant",
                 "acme",
                 "-o",
                 "json"}),
            0)
      << err_;
  EXPECT_EQ(got.smtp_reply().code(), 550);
  EXPECT_EQ(got.smtp_reply().stage(), v1::SmtpReply::RCPT);
  EXPECT_EQ(got.occurred_at().seconds() - got.mail_sent_at().seconds(), 3600);
  EXPECT_EQ(got.tenant(), "acme");
  EXPECT_EQ(got.request_id().size(), 36u);
  EXPECT_EQ(Json().fields().at("revisionToken").string_value(), "t");
  EXPECT_EQ(Run({"report", "--recipient", "a@example.com", "--complaint", "abuse", "--event_id", "e"}), 0);
  EXPECT_EQ(got.complaint().feedback_type(), "abuse");
  EXPECT_EQ(got.event_id(), "e");
}

TEST_F(SuppressctlTest, ARecipientThatWasNotTakenIsAnErrorRowWithoutVerdict) {
  service_.on_report = [](const v1::ReportBounceRequest&, v1::ReportBounceResponse* response) {
    response->add_outcomes()->mutable_verdict()->set_bounce_class(v1::Verdict::HARD);
    response->add_outcomes()->mutable_error()->set_reason("REQUEST_ID_REUSED");
    return grpc::Status::OK;
  };
  Run({"report", "--recipient", "a@example.com", "--code", "550"});
  EXPECT_THAT(out_, ContainsRegex("-  +ERROR +REQUEST_ID_REUSED +- +- +-\n"));
  Run({"report", "--recipient", "a@example.com", "--code", "550", "-o", "json"});
  EXPECT_THAT(out_, HasSubstr("{\"error\":{\"reason\":\"REQUEST_ID_REUSED\"}}"));
}

TEST_F(SuppressctlTest, ABadLineOfAFileIsNamedAndTheRestGoesOn) {
  std::vector<std::string> recipients, events;
  service_.on_report = [&](const v1::ReportBounceRequest& request, v1::ReportBounceResponse* response) {
    if (request.smtp_reply().recipient() == "refused") {
      return WireError(grpc::StatusCode::INVALID_ARGUMENT, v1::INVALID_ADDRESS, "has no @", {{"field", "recipient"}});
    }
    recipients.push_back(request.smtp_reply().recipient());
    events.push_back(request.event_id());
    response->add_outcomes()->set_address(request.smtp_reply().recipient());
    return grpc::Status::OK;
  };
  const std::string input =
      "# a comment\na@example.com\t550\t5.1.1\tRCPT\tmx\tno such user\n\nbroken\nrefused\t550\nb@example.com\t450\r\n";
  EXPECT_EQ(Run({"report", "--file", "-", "--event_id", "run7"}, input), 2);
  EXPECT_THAT(recipients, ElementsAre("a@example.com", "b@example.com"));
  EXPECT_THAT(events, ElementsAre("run7:2", "run7:6"));
  EXPECT_THAT(err_, HasSubstr("suppressctl: line 4: INVALID_ARGUMENT: "));
  EXPECT_THAT(err_, HasSubstr("suppressctl: line 5: INVALID_ADDRESS: has no @ [recipient]; "));
  EXPECT_THAT(err_, HasSubstr("reported 2, failed 2"));
}

TEST_F(SuppressctlTest, LinesThatAreNotUtf8DoNotStopAFile) {
  std::vector<std::string> texts;
  service_.on_report = [&](const v1::ReportBounceRequest& request, v1::ReportBounceResponse* response) {
    texts.push_back(request.smtp_reply().raw_text() + request.smtp_reply().text());
    response->add_outcomes()->set_address(request.smtp_reply().recipient());
    return grpc::Status::OK;
  };
  const std::string input =
      "a@example.com\t550\t\t\t\tEmpf\xe4nger\nj\xf6@example.com\t550\nb@example.com\t550\t\t\t\tno such user\n";
  EXPECT_EQ(Run({"report", "--file", "-"}, input), 2);
  EXPECT_THAT(texts, ElementsAre("Empf\xe4nger", "no such user"));
  EXPECT_THAT(err_, HasSubstr("suppressctl: line 2: INVALID_FIELD: "));
  EXPECT_THAT(err_, HasSubstr("reported 2, failed 1"));
}

TEST_F(SuppressctlTest, AnAddressThatIsNotUtf8IsInvalidAndTheOthersAreChecked) {
  AnswerBatches();
  EXPECT_EQ(Run({"check", "good@example.com", "j\xf6@example.com", "bad@example.com"}), 2);
  EXPECT_THAT(out_, AllOf(HasSubstr("good@example.com  "), HasSubstr("INVALID_ADDRESS: the address is not UTF-8"),
                          HasSubstr("HARD_BOUNCE MAILBOX_FULL")));
}

TEST_F(SuppressctlTest, AFileStopsWhereTheServiceGoesAway) {
  service_.Stop();
  EXPECT_EQ(Run({"report", "--file", "-", "-o", "json"}, "a@example.com\t550\nb@example.com\t550\n"), 2);
  EXPECT_THAT(err_, StartsWith("suppressctl: line 1, stopped here: UNAVAILABLE: "));
  EXPECT_THAT(err_, Not(HasSubstr("line 2")));
  EXPECT_EQ(Json().fields().at("failed").number_value(), 1);
}

TEST_F(SuppressctlTest, AListingThatFailsHalfWayIsStillOneJsonObject) {
  service_.on_list = [](const v1::ListSuppressionsRequest& request, v1::ListSuppressionsResponse* response) {
    if (!request.page_token().empty()) {
      return WireError(grpc::StatusCode::FAILED_PRECONDITION, v1::PAGE_TOKEN_EXPIRED, "expired");
    }
    response->add_suppressions()->set_address("a@example.com");
    response->set_next_page_token("2");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"list", "--all", "-o", "json"}), 2);
  EXPECT_EQ(Json().fields().at("suppressions").list_value().values_size(), 1);
  EXPECT_THAT(err_, StartsWith("suppressctl: PAGE_TOKEN_EXPIRED: "));
}

TEST_F(SuppressctlTest, AListingWithDamagedEntriesSaysThatItIsNotWhole) {
  service_.on_list = [](const v1::ListSuppressionsRequest& request, v1::ListSuppressionsResponse* response) {
    response->add_suppressions()->set_address("a@example.com");
    response->set_damaged_count(1);
    if (request.page_token().empty()) response->set_next_page_token("2");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"list", "--all", "-o", "json"}), 2);
  EXPECT_EQ(Json().fields().at("suppressions").list_value().values_size(), 2);
  EXPECT_EQ(Json().fields().at("damagedCount").string_value(), "2");
  EXPECT_THAT(err_, HasSubstr("2 entries are damaged and were left out"));
}

TEST_F(SuppressctlTest, ReportNeedsExactlyOneKind) {
  EXPECT_EQ(Run({"report"}), 2);
  EXPECT_EQ(Run({"report", "--recipient", "a", "--file", "f"}), 2);
  EXPECT_EQ(Run({"report", "--file", "f", "--complaint", "abuse"}), 2);
  EXPECT_EQ(Run({"report", "--file", "/no/such/file"}), 2);
  EXPECT_THAT(err_, HasSubstr("cannot read"));
}

TEST_F(SuppressctlTest, GlobalOptionsComeFromTheEnvironmentToo) {
  AnswerBatches();
  setenv("SUPPRESSCTL_TARGET", service_.target().c_str(), 1);
  setenv("SUPPRESSCTL_TENANT", "acme", 1);
  setenv("SUPPRESSCTL_OUTPUT", "json", 1);
  EXPECT_EQ(RunBare({"check", "bad@example.com"}), 1) << err_;
  for (const char* name : {"SUPPRESSCTL_TARGET", "SUPPRESSCTL_TENANT", "SUPPRESSCTL_OUTPUT"}) unsetenv(name);
  EXPECT_EQ(batches_.at(0).tenant(), "acme");
  EXPECT_THAT(out_, StartsWith("{\"results\""));
}

TEST_F(SuppressctlTest, BadUsageIsOneLineAndExitsTwo) {
  const std::vector<std::vector<std::string>> lines = {{},
                                                       {"nonsense"},
                                                       {"check"},
                                                       {"check", "a", "-o", "xml"},
                                                       {"check", "a", "--nonsense"},
                                                       {"list", "--limit", "0"},
                                                       {"list", "--limit", "3", "--all"},
                                                       {"list", "--reason", "NOPE"},
                                                       {"check", "a", "--timeout", "never"},
                                                       {"check", "a", "--tenant", "A B"},
                                                       {"watch", "--count", "-1"},
                                                       {"report", "--recipient", "a", "--code", "99"},
                                                       {"check", "a", "--tls_cert", "c.pem"},
                                                       {"check", "a", "--tls", "--insecure"}};
  for (const auto& line : lines) {
    EXPECT_EQ(Run(line), 2) << ::testing::PrintToString(line);
    EXPECT_THAT(err_, StartsWith("suppressctl: "));
    EXPECT_EQ(std::count(err_.begin(), err_.end(), '\n'), 1) << err_;
  }
  EXPECT_EQ(RunBare({"check", "a", "--target", "mail.example.com:7070"}), 2);
  EXPECT_THAT(err_, HasSubstr("plaintext"));
}

TEST_F(SuppressctlTest, HelpDocumentsTheExitCodes) {
  EXPECT_EQ(RunBare({"--help"}), 0);
  EXPECT_THAT(out_, AllOf(HasSubstr("Exit codes"), HasSubstr("SUPPRESSCTL_TARGET")));
  for (const char* command : {"check", "report", "list", "details", "reactivate", "suppress", "watch", "status"}) {
    EXPECT_EQ(RunBare({command, "--help"}), 0);
    EXPECT_THAT(out_, HasSubstr("Exit codes")) << command;
  }
  EXPECT_EQ(RunBare({"--version"}), 0);
  EXPECT_THAT(out_, StartsWith("suppressctl "));
}

}  // namespace
}  // namespace suppressd::suppressctl
