// list, details, reactivate, suppress, watch, status.
#include "suppressctl_fixture.h"

namespace suppressd::suppressctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(SuppressctlTest, ListWalksAllPagesAndPrintsCounts) {
  std::vector<v1::ListSuppressionsRequest> requests;
  service_.on_list = [&](const v1::ListSuppressionsRequest& request, v1::ListSuppressionsResponse* response) {
    requests.push_back(request);
    response->add_suppressions()->set_address("a" + request.page_token() + "@example.com");
    if (requests.size() < 3) response->set_next_page_token(std::to_string(requests.size()));
    return grpc::Status::OK;
  };
  std::vector<v1::CountSuppressionsRequest> counted;
  service_.on_count = [&](const v1::CountSuppressionsRequest& request, v1::CountSuppressionsResponse* response) {
    counted.push_back(request);
    response->set_total_count(3);
    v1::ReasonCount* count = response->add_reasons();
    count->set_reason(v1::MAILBOX_FULL);
    count->set_entry_count(3);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"list",
                 "--all",
                 "--counts",
                 "--reason",
                 "mailbox_full,mailbox_inactive",
                 "--type",
                 "HARD_BOUNCE",
                 "--stream",
                 "",
                 "--domain",
                 "example.com",
                 "--source",
                 "s",
                 "--from",
                 "2026-01-01T00:00:00Z",
                 "--before",
                 "2026-02-01T00:00:00Z",
                 "--state",
                 "ever_suppressed",
                 "--order",
                 "by_address"}),
            0)
      << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("a@example.com"), HasSubstr("a2@example.com"), HasSubstr("TOTAL         3")));
  ASSERT_EQ(requests.size(), 3u);
  ASSERT_EQ(counted.size(), 1u);
  EXPECT_EQ(counted[0].filter().SerializeAsString(), requests[2].filter().SerializeAsString());
  const v1::SuppressionFilter& filter = requests[2].filter();
  EXPECT_THAT(filter.reasons(), ElementsAre(v1::MAILBOX_FULL, v1::MAILBOX_INACTIVE));
  EXPECT_THAT(filter.cause_types(), ElementsAre(v1::Cause::HARD_BOUNCE));
  EXPECT_TRUE(filter.has_stream());
  EXPECT_EQ(requests[2].order(), v1::ListSuppressionsRequest::BY_ADDRESS);
  EXPECT_EQ(filter.state(), v1::SuppressionFilter::EVER_SUPPRESSED);
  EXPECT_EQ(filter.listed_before().seconds() - filter.listed_from().seconds(), 31 * 86'400);
  requests.clear();
  EXPECT_EQ(Run({"list", "--all", "--counts", "-o", "json"}), 0);
  const auto fields = Json().fields();
  EXPECT_EQ(fields.at("suppressions").list_value().values_size(), 3);
  EXPECT_EQ(fields.at("counts").struct_value().fields().at("totalCount").string_value(), "3");
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
    v1::ExplainedCause* explained = response->add_causes();
    explained->mutable_cause()->set_type(v1::Cause::HARD_BOUNCE);
    explained->set_meaning("The mailbox does not exist.");
    response->add_events()->set_diagnostic("550 \x1b]0;owned\x07 no\r\nsuch user");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"details", "a@example.com"}), 0);
  EXPECT_THAT(out_, HasSubstr("550 \\x1b]0;owned\\x07 no\\r\\nsuch user"));
  EXPECT_THAT(out_, HasSubstr("The mailbox does not exist."));
  EXPECT_EQ(out_.find('\x1b'), std::string::npos);
}

TEST_F(SuppressctlTest, DetailsSayWhatAReportWasAndWhoseEvent) {
  service_.on_details = [](const auto&, v1::GetBounceDetailsResponse* response) {
    v1::BounceEvent* mail = response->add_events();
    mail->set_kind(v1::BounceEvent::DELIVERY_STATUS);
    mail->set_truncated(true);
    v1::BounceEvent* event = response->add_events();
    event->set_kind(v1::BounceEvent::PROVIDER_WEBHOOK);
    event->set_provider("ses");
    response->add_events()->set_kind(v1::BounceEvent::SMTP_REPLY);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"details", "a@example.com"}), 0);
  EXPECT_THAT(out_, HasSubstr("report:      DELIVERY_STATUS, its end was not read\n"));
  EXPECT_THAT(out_, HasSubstr("report:      PROVIDER_WEBHOOK\n  provider:    ses, signature not verified\n"));
  EXPECT_THAT(out_, Not(HasSubstr("SMTP_REPLY")));
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
    response->set_suppressed_in_any_stream(true);
    response->add_blocking()->mutable_cause()->set_type(v1::Cause::MANUAL);
    response->mutable_suppression()->set_address("a@example.com");
    return grpc::Status::OK;
  };
  EXPECT_EQ(
      Run({"reactivate", "a@example.com", "--note", "asked", "--on_behalf_of", "ada", "--cause", "COMPLAINT", "--cause",
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
    response->mutable_suppression()->set_domain("example.com");
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
      step.set_revision_token("t" + std::to_string(i));
      writer->Write(step);  // a heartbeat
      step.add_changes()->mutable_suppression()->set_address("a@example.com");
      writer->Write(step);
    }
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"watch", "--after", "t0", "--count", "3", "-o", "json"}), 0) << err_;
  EXPECT_EQ(after, "t0");
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 3);
  EXPECT_THAT(out_, HasSubstr("\"revisionToken\":\"t3\""));
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
  service_.SetHealth("suppressd.v1.SuppressionService", true);
  service_.SetHealth("suppressd.v1.SuppressionService/write", true);
  EXPECT_EQ(Run({"status", "-o", "json"}), 0) << err_;
  EXPECT_EQ(Json().fields().at("server").string_value(), "SERVING");
  EXPECT_EQ(Json().fields().at("writes").string_value(), "SERVING");
  EXPECT_EQ(Json().fields().at("revisionToken").string_value(), "t1");
  service_.SetHealth("suppressd.v1.SuppressionService/write", false);
  EXPECT_EQ(Run({"status"}), 1);
  EXPECT_THAT(out_, HasSubstr("NOT_SERVING"));
}

TEST_F(SuppressctlTest, StatusOfAStrangerIsSaidToBeOne) {
  EXPECT_EQ(Run({"status"}), 2);
  EXPECT_THAT(out_, HasSubstr("SERVICE_UNKNOWN"));
  EXPECT_THAT(err_, HasSubstr("is no suppressd"));
}

}  // namespace
}  // namespace suppressd::suppressctl
