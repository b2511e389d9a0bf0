// suppressctl in process, against a service on a real socket.
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "client/suppressctl/commands.h"
#include "fake_service.h"

namespace suppression::suppressctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class SuppressctlTest : public ::testing::Test {
 protected:
  // Runs a command line; target and a short timeout are added.
  int Run(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.end(), {"--target", service_.target()});
    return RunBare(arguments, input);
  }

  int RunBare(const std::vector<std::string>& arguments, const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out, err;
    Session session(in, out, err);
    const int exit_code = suppressctl::Run(arguments, session);
    out_ = out.str();
    err_ = err.str();
    return exit_code;
  }

  google::protobuf::Struct Json() {
    google::protobuf::Struct json;
    const auto status = google::protobuf::util::JsonStringToMessage(out_, &json);
    EXPECT_TRUE(status.ok()) << status << "\n" << out_;
    return json;
  }

  // Suppressed: addresses that begin with "bad"; invalid: those without "@".
  void AnswerBatches() {
    service_.on_batch = [this](const v1::BatchIsSuppressedRequest& request, v1::BatchIsSuppressedResponse* response) {
      batches_.push_back(request);
      response->set_token("t" + std::to_string(batches_.size()));
      for (int i = 0; i < request.addresses_size(); ++i) {
        const std::string& address = request.addresses(i);
        const bool invalid = address.find('@') == std::string::npos;
        if (!invalid && address.rfind("bad", 0) != 0) continue;
        v1::BatchResult* result = response->add_results();
        result->set_index(i);
        result->set_suppressed(!invalid);
        if (invalid) {
          result->set_error_reason("INVALID_ADDRESS");
          result->set_error_message("has no @");
        } else {
          v1::Cause* cause = result->add_matches()->mutable_cause();
          cause->set_type(v1::Cause::HARD_BOUNCE);
          cause->set_reason(v1::MAILBOX_FULL);
        }
      }
      return grpc::Status::OK;
    };
  }

  FakeService service_;
  std::vector<v1::BatchIsSuppressedRequest> batches_;
  std::string out_;
  std::string err_;
};

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
  EXPECT_TRUE(results.values(0).struct_value().fields().at("suppressed").bool_value());
  EXPECT_FALSE(results.values(1).struct_value().fields().at("suppressed").bool_value());
  EXPECT_EQ(Json().fields().at("token").string_value(), "t1");
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
    response->set_token("t");
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
  EXPECT_EQ(got.smtp_reply().stage(), v1::RCPT);
  EXPECT_EQ(got.occurred_at().seconds() - got.mail_sent_at().seconds(), 3600);
  EXPECT_EQ(got.tenant(), "acme");
  EXPECT_EQ(got.request_id().size(), 36u);
  EXPECT_EQ(Json().fields().at("token").string_value(), "t");
  EXPECT_EQ(Run({"report", "--recipient", "a@example.com", "--complaint", "abuse", "--event_id", "e"}), 0);
  EXPECT_EQ(got.complaint().feedback_type(), "abuse");
  EXPECT_EQ(got.event_id(), "e");
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

TEST_F(SuppressctlTest, ReportNeedsExactlyOneKind) {
  EXPECT_EQ(Run({"report"}), 2);
  EXPECT_EQ(Run({"report", "--recipient", "a", "--file", "f"}), 2);
  EXPECT_EQ(Run({"report", "--file", "f", "--complaint", "abuse"}), 2);
  EXPECT_EQ(Run({"report", "--file", "/no/such/file"}), 2);
  EXPECT_THAT(err_, HasSubstr("cannot read"));
}

TEST_F(SuppressctlTest, ListWalksAllPagesAndPrintsCounts) {
  std::vector<v1::ListSuppressionsRequest> requests;
  service_.on_list = [&](const v1::ListSuppressionsRequest& request, v1::ListSuppressionsResponse* response) {
    requests.push_back(request);
    response->add_suppressions()->set_address("a" + request.page_token() + "@example.com");
    if (requests.size() < 3) response->set_next_page_token(std::to_string(requests.size()));
    if (request.with_counts()) {
      response->mutable_counts()->set_total(3);
      v1::ReasonCount* count = response->mutable_counts()->add_reasons();
      count->set_reason(v1::MAILBOX_FULL);
      count->set_count(3);
    }
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"list", "--all", "--counts", "--reason", "mailbox_full", "--type", "HARD_BOUNCE", "--domain",
                 "example.com", "--source", "s", "--from", "2026-01-01T00:00:00Z", "--before", "2026-02-01T00:00:00Z",
                 "--state", "any_state", "--order", "by_address"}),
            0)
      << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("a@example.com"), HasSubstr("a2@example.com"), HasSubstr("TOTAL         3")));
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_TRUE(requests[0].with_counts());
  EXPECT_FALSE(requests[1].with_counts());
  EXPECT_EQ(requests[2].reason(), v1::MAILBOX_FULL);
  EXPECT_EQ(requests[2].order(), v1::ListSuppressionsRequest::BY_ADDRESS);
  EXPECT_EQ(requests[2].state(), v1::ListSuppressionsRequest::ANY_STATE);
  EXPECT_EQ(requests[2].listed_before().seconds() - requests[2].listed_from().seconds(), 31 * 86'400);
  requests.clear();
  EXPECT_EQ(Run({"list", "--all", "--counts", "-o", "json"}), 0);
  v1::ListSuppressionsResponse parsed;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(out_, &parsed).ok()) << out_;
  EXPECT_EQ(parsed.suppressions_size(), 3);
  EXPECT_EQ(parsed.counts().total(), 3);
}

TEST_F(SuppressctlTest, ListStopsAtItsLimitAndSaysHowToGoOn) {
  service_.on_list = [&](const v1::ListSuppressionsRequest& request, v1::ListSuppressionsResponse* response) {
    for (int i = 0; i < request.page_size(); ++i) response->add_suppressions()->set_address("a@example.com");
    response->set_next_page_token("next");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"list", "--limit", "3"}), 0);
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 4);
  EXPECT_THAT(err_, HasSubstr("--page_token next"));
}

TEST_F(SuppressctlTest, DetailsShowTheExactTextMadeHarmless) {
  service_.on_details = [](const auto&, v1::GetBounceDetailsResponse* response) {
    response->mutable_suppression()->set_address("a@example.com");
    response->mutable_suppression()->add_causes()->set_type(v1::Cause::HARD_BOUNCE);
    response->add_explanations()->set_meaning("The mailbox does not exist.");
    response->add_events()->set_diagnostic("550 \x1b]0;owned\x07 no\r\nsuch user");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"details", "a@example.com"}), 0);
  EXPECT_THAT(out_, HasSubstr("550 \\x1b]0;owned\\x07 no\\r\\nsuch user"));
  EXPECT_THAT(out_, HasSubstr("The mailbox does not exist."));
  EXPECT_EQ(out_.find('\x1b'), std::string::npos);
}

TEST_F(SuppressctlTest, DetailsOfAnUnknownAddressExitOne) {
  service_.on_details = [](const auto&, auto*) {
    return WireError(grpc::StatusCode::NOT_FOUND, v1::SUPPRESSION_NOT_FOUND, "nothing is known");
  };
  EXPECT_EQ(Run({"details", "a@example.com"}), 1);
  EXPECT_THAT(err_, StartsWith("suppressctl: SUPPRESSION_NOT_FOUND: nothing is known; "));
}

TEST_F(SuppressctlTest, ReactivateSendsCausesAndConsent) {
  v1::ReactivateRequest got;
  service_.on_reactivate = [&](const v1::ReactivateRequest& request, v1::ReactivateResponse* response) {
    got = request;
    response->set_changed(true);
    response->set_still_suppressed(true);
    response->add_blocking()->mutable_cause()->set_type(v1::Cause::MANUAL);
    response->mutable_suppression()->set_address("a@example.com");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"reactivate", "a@example.com", "--note", "asked", "--actor", "ada", "--cause", "COMPLAINT", "--cause",
                 "HARD_BOUNCE:MAILBOX_FULL", "--consent_at", "2026-03-01T12:00:00Z", "--consent_evidence", "form 7"}),
            0)
      << err_;
  EXPECT_EQ(got.causes_size(), 2);
  EXPECT_EQ(got.causes(1).reason(), v1::MAILBOX_FULL);
  EXPECT_EQ(got.consent().evidence(), "form 7");
  EXPECT_EQ(got.request_id().size(), 36u);
  EXPECT_EQ(out_, "a@example.com: reactivated, still suppressed by MANUAL\n");
  EXPECT_EQ(Run({"reactivate", "a@example.com"}), 2);  // no note
}

TEST_F(SuppressctlTest, AMissingConsentIsSuggested) {
  service_.on_reactivate = [](const auto&, auto*) {
    return WireError(grpc::StatusCode::FAILED_PRECONDITION, v1::CONSENT_REQUIRED, "needs consent");
  };
  EXPECT_EQ(Run({"reactivate", "a@example.com", "--note", "n", "--cause", "COMPLAINT"}), 2);
  EXPECT_EQ(err_, "suppressctl: CONSENT_REQUIRED: needs consent; give --cause, --consent_at and --consent_evidence\n");
}

TEST_F(SuppressctlTest, SuppressTakesADomainAndAnExpiry) {
  v1::SuppressRequest got;
  service_.on_suppress = [&](const v1::SuppressRequest& request, v1::SuppressResponse* response) {
    got = request;
    response->set_newly_suppressed(true);
    response->mutable_suppression()->set_address("@example.com");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"suppress", "--domain", "example.com", "--note", "trap", "--type", "unsubscribe", "--stream", "news",
                 "--expires", "30d"}),
            0)
      << err_;
  EXPECT_EQ(got.domain(), "example.com");
  EXPECT_EQ(got.type(), v1::Cause::UNSUBSCRIBE);
  EXPECT_GT(got.expires_at().seconds(), absl::ToUnixSeconds(absl::Now() + absl::Hours(29 * 24)));
  EXPECT_EQ(out_, "@example.com: suppressed\n");
  EXPECT_EQ(Run({"suppress", "a@example.com", "--note", "n", "--expires", "soon"}), 2);
  EXPECT_EQ(Run({"suppress", "a@example.com", "--domain", "example.com", "--note", "n"}), 2);
}

TEST_F(SuppressctlTest, WatchStopsAfterItsCount) {
  std::string after;
  service_.on_watch = [&](grpc::ServerContext*, const v1::WatchRequest& request,
                          grpc::ServerWriter<v1::WatchResponse>* writer) {
    after = request.after();
    for (int i = 1; i <= 5; ++i) {
      v1::WatchResponse step;
      step.set_token("t" + std::to_string(i));
      writer->Write(step);  // a heartbeat
      step.add_suppressions()->set_address("a@example.com");
      writer->Write(step);
    }
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"watch", "--after", "t0", "--count", "3", "-o", "json"}), 0) << err_;
  EXPECT_EQ(after, "t0");
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 3);
  EXPECT_THAT(out_, HasSubstr("\"token\":\"t3\""));
}

TEST_F(SuppressctlTest, WatchSaysWhereItCanStart) {
  service_.on_watch = [](auto*, const auto&, auto*) {
    return WireError(grpc::StatusCode::OUT_OF_RANGE, v1::HISTORY_GONE, "too old", {{"oldest_token", "t9"}});
  };
  EXPECT_EQ(Run({"watch", "--after", "t0"}), 2);
  EXPECT_EQ(err_, "suppressctl: HISTORY_GONE: too old; start with --after t9\n");
}

TEST_F(SuppressctlTest, StatusShowsHealthAndHead) {
  AnswerBatches();
  service_.SetHealth("suppression.v1.SuppressionService", true);
  service_.SetHealth("suppression.v1.SuppressionService/write", true);
  EXPECT_EQ(Run({"status", "-o", "json"}), 0) << err_;
  EXPECT_EQ(Json().fields().at("server").string_value(), "SERVING");
  EXPECT_EQ(Json().fields().at("writes").string_value(), "SERVING");
  EXPECT_EQ(Json().fields().at("token").string_value(), "t1");
  service_.SetHealth("suppression.v1.SuppressionService/write", false);
  EXPECT_EQ(Run({"status"}), 1);
  EXPECT_THAT(out_, HasSubstr("NOT_SERVING"));
}

TEST_F(SuppressctlTest, StatusOfAStrangerIsSaidToBeOne) {
  EXPECT_EQ(Run({"status"}), 2);
  EXPECT_THAT(out_, HasSubstr("SERVICE_UNKNOWN"));
  EXPECT_THAT(err_, HasSubstr("is no suppressd"));
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
}  // namespace suppression::suppressctl
