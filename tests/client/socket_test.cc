// The whole client against a service on a real socket.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "fake_service.h"
#include "suppressd/client.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;

class SocketTest : public ::testing::Test {
 protected:
  Client MakeClient() {
    const absl::StatusOr<Client> client = Client::Create(service_.ClientOptions());
    EXPECT_TRUE(client.ok()) << client.status();
    return *client;
  }

  FakeService service_;
};

TEST_F(SocketTest, AWriteIsRetriedWithOneRequestId) {
  std::vector<std::string> ids;
  service_.on_report = [&](const v1::ReportBounceRequest& request, v1::ReportBounceResponse* response) {
    ids.push_back(request.request_id());
    if (ids.size() < 3) return WireError(grpc::StatusCode::UNAVAILABLE, v1::OVERLOADED, "full", {}, 0);
    response->add_outcomes()->set_effect(v1::BounceEvent::SUPPRESSED);
    return grpc::Status::OK;
  };
  ReportRequest request;
  request.report = SmtpReply{"a@example.com", 550, "5.1.1", "no such user", SmtpStage::kRcpt, "mx.example.com"};
  const absl::StatusOr<ReportResult> result = MakeClient().ReportBounce(request);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->outcomes.at(0).effect, Effect::kSuppressed);
  ASSERT_EQ(ids.size(), 3u);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1u);
  EXPECT_EQ(ids[0].size(), 36u);
}

TEST_F(SocketTest, ACallThatTheServerCutIsTriedAgain) {
  std::vector<std::string> ids;
  service_.on_report = [&](const v1::ReportBounceRequest& request, v1::ReportBounceResponse*) {
    ids.push_back(request.request_id());
    return ids.size() == 1 ? grpc::Status(grpc::StatusCode::CANCELLED, "") : grpc::Status::OK;
  };
  ReportRequest request;
  request.report = Complaint{"a@example.com", "", ""};
  EXPECT_TRUE(MakeClient().ReportBounce(request).ok());
  ASSERT_EQ(ids.size(), 2u);
  EXPECT_EQ(ids[0], ids[1]);
}

TEST_F(SocketTest, AReportArrivesFieldByField) {
  v1::ReportBounceRequest got;
  service_.on_report = [&](const v1::ReportBounceRequest& request, v1::ReportBounceResponse*) {
    got = request;
    return grpc::Status::OK;
  };
  ReportRequest request;
  request.tenant = "acme";
  request.event_id = "evt-1";
  request.report = Complaint{"a@example.com", "abuse", "feedback.example.com"};
  request.occurred_at = absl::FromUnixNanos(-1);
  request.mail_sent_at = absl::FromUnixNanos(1'700'000'000'123'456'789);
  request.stream = "news";
  request.source = "mailer";
  request.message_id = "<1@example.com>";
  ASSERT_TRUE(MakeClient().ReportBounce(request).ok());
  EXPECT_EQ(got.request_id(), "");
  EXPECT_EQ(got.event_id(), "evt-1");
  EXPECT_EQ(got.complaint().feedback_type(), "abuse");
  EXPECT_EQ(got.complaint().reporter(), "feedback.example.com");
  EXPECT_EQ(got.occurred_at().seconds(), -1);
  EXPECT_EQ(got.occurred_at().nanos(), 999'999'999);
  EXPECT_EQ(got.mail_sent_at().nanos(), 123'456'789);
  EXPECT_EQ(got.tenant() + got.stream() + got.source() + got.message_id(), "acmenewsmailer<1@example.com>");
}

TEST_F(SocketTest, AMailArrivesAsItIsAndIsCutAtOneMebibyte) {
  v1::RawMessage got;
  service_.on_report = [&](const v1::ReportBounceRequest& request, v1::ReportBounceResponse*) {
    got = request.raw_message();
    return grpc::Status::OK;
  };
  ReportRequest request;
  const std::string bytes("Subject: \xff\r\n\r\n\0body", 20);
  request.report = RawMessage{bytes, "a@example.com", false};
  ASSERT_TRUE(MakeClient().ReportBounce(request).ok());
  EXPECT_EQ(got.content(), bytes);
  EXPECT_EQ(got.recipient(), "a@example.com");
  EXPECT_FALSE(got.truncated());
  request.report = RawMessage{bytes, "", true};
  ASSERT_TRUE(MakeClient().ReportBounce(request).ok());
  EXPECT_TRUE(got.truncated());
  for (const size_t bytes_over : {0, 1}) {
    request.report = RawMessage{std::string((1 << 20) + bytes_over, 'x'), "", false};
    ASSERT_TRUE(MakeClient().ReportBounce(request).ok());
    EXPECT_EQ(got.content().size(), 1u << 20);
    EXPECT_EQ(got.truncated(), bytes_over == 1);
  }
}

TEST_F(SocketTest, AProvidersEventArrivesUnchangedAndEachOutcomeComesBack) {
  v1::ProviderEvent got;
  service_.on_report = [&](const v1::ReportBounceRequest& request, v1::ReportBounceResponse* response) {
    got = request.provider_event();
    response->set_kind(v1::BounceEvent::PROVIDER_WEBHOOK);
    v1::RecipientOutcome* taken = response->add_outcomes();
    taken->set_event_id("ses:1");
    taken->set_duplicate(true);
    taken->mutable_verdict()->set_bounce_class(v1::Verdict::HARD);
    response->add_outcomes()->mutable_error()->set_reason("INVALID_ADDRESS");
    return grpc::Status::OK;
  };
  ReportRequest request;
  request.report = ProviderEvent{"SES", "{\"\xff\"}", true};
  const absl::StatusOr<ReportResult> result = MakeClient().ReportBounce(request);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(got.provider(), "SES");
  EXPECT_EQ(got.payload(), "{\"\xff\"}");
  EXPECT_TRUE(got.signature_verified());
  EXPECT_EQ(result->kind, ReportKind::kProviderWebhook);
  ASSERT_EQ(result->outcomes.size(), 2u);
  EXPECT_EQ(result->outcomes[0].event_id, "ses:1");
  EXPECT_TRUE(result->outcomes[0].duplicate);
  EXPECT_EQ(result->outcomes[1].error.reason, "INVALID_ADDRESS");
  EXPECT_EQ(result->outcomes[1].verdict.bounce_class, VerdictClass::kUnspecified);
}

TEST_F(SocketTest, AReplyThatIsNotUtf8TravelsAsRawText) {
  v1::SmtpReply got;
  service_.on_report = [&](const v1::ReportBounceRequest& request, v1::ReportBounceResponse*) {
    got = request.smtp_reply();
    return grpc::Status::OK;
  };
  ReportRequest request;
  SmtpReply reply;
  reply.recipient = "a@example.com";
  reply.text = "550 Empf\xe4nger unbekannt";
  request.report = reply;
  ASSERT_TRUE(MakeClient().ReportBounce(request).ok());
  EXPECT_EQ(got.text(), "");
  EXPECT_EQ(got.raw_text(), "550 Empf\xe4nger unbekannt");
  reply.text = "550 Empf\xc3\xa4nger unbekannt";
  request.report = reply;
  ASSERT_TRUE(MakeClient().ReportBounce(request).ok());
  EXPECT_EQ(got.text(), "550 Empf\xc3\xa4nger unbekannt");
  EXPECT_EQ(got.raw_text(), "");
}

TEST_F(SocketTest, TextThatIsNotUtf8IsRefusedWithoutACall) {
  int calls = 0;
  service_.on_check = [&](const auto&, auto*) {
    ++calls;
    return grpc::Status::OK;
  };
  const absl::Status status = MakeClient().IsSuppressed("j\xf6@example.com").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorReason(status), "INVALID_FIELD");
  EXPECT_EQ(ErrorDetail(status, "field"), "address");
  EXPECT_EQ(calls, 0);
  ReportRequest report;
  report.report = Complaint{"j\xf6@example.com", "", ""};
  EXPECT_EQ(ErrorDetail(MakeClient().ReportBounce(report).status(), "field"), "complaint.recipient");
  WatchRequest watch;
  watch.tenants = {"default", "\xff"};
  EXPECT_EQ(ErrorReason(MakeClient().Watch(watch, [](const WatchStep&) { return true; })), "INVALID_FIELD");
}

TEST_F(SocketTest, AnAddressOfABatchThatIsNotUtf8FailsAlone) {
  std::vector<std::string> got;
  service_.on_batch = [&](const v1::BatchIsSuppressedRequest& request, v1::BatchIsSuppressedResponse* response) {
    got.assign(request.addresses().begin(), request.addresses().end());
    response->set_revision_token("t");
    response->add_answers(v1::IsSuppressedResponse::NOT_SUPPRESSED);
    response->add_answers(v1::IsSuppressedResponse::SUPPRESSED);
    response->add_results()->set_index(1);
    return grpc::Status::OK;
  };
  BatchRequest request;
  request.addresses = {"\xff@example.com", "a@example.com", "j\xf6@example.com", "b@example.com", "\xc3"};
  const absl::StatusOr<BatchResult> result = MakeClient().BatchIsSuppressed(request);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(got, (std::vector<std::string>{"a@example.com", "b@example.com"}));
  EXPECT_EQ(result->revision_token, "t");
  ASSERT_EQ(result->items.size(), 4u);
  for (int32_t index : {0, 2, 3, 4}) EXPECT_FALSE(result->MaySend(index)) << index;
  EXPECT_TRUE(result->MaySend(1));
  EXPECT_EQ(result->items[0].error.reason, "INVALID_ADDRESS");
  EXPECT_TRUE(result->items[2].suppressed);
  EXPECT_EQ(result->items[2].index, 3);
}

TEST_F(SocketTest, AnAnswerThatIsMissingOrNotKnownHereIsNoLeaveToSend) {
  for (const int number : {0, 77}) {
    service_.on_check = [&](const auto&, v1::IsSuppressedResponse* response) {
      response->set_answer(static_cast<v1::IsSuppressedResponse::Answer>(number));
      return grpc::Status::OK;
    };
    const absl::StatusOr<CheckResult> result = MakeClient().IsSuppressed("a@example.com");
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_TRUE(result->suppressed) << number;
  }
}

TEST_F(SocketTest, ABatchWithFewerAnswersThanAddressesIsNone) {
  service_.on_batch = [](const auto&, v1::BatchIsSuppressedResponse* response) {
    response->add_answers(v1::IsSuppressedResponse::NOT_SUPPRESSED);
    return grpc::Status::OK;
  };
  BatchRequest request;
  request.addresses = {"a@example.com", "b@example.com"};
  EXPECT_EQ(MakeClient().BatchIsSuppressed(request).status().code(), absl::StatusCode::kInternal);
}

TEST_F(SocketTest, ARequestNamesAnAddressOrADomain) {
  SuppressRequest request;
  request.address = "a@example.com";
  request.domain = "example.com";
  request.note = "n";
  EXPECT_EQ(ErrorReason(MakeClient().Suppress(request).status()), "INVALID_FIELD");
}

TEST_F(SocketTest, ACheckCarriesItsTokenBothWays) {
  std::string at_least;
  service_.on_check = [&](const v1::IsSuppressedRequest& request, v1::IsSuppressedResponse* response) {
    at_least = request.at_least();
    response->set_revision_token("next");
    response->set_answer(v1::IsSuppressedResponse::SUPPRESSED);
    v1::Match* match = response->add_matches();
    match->set_matched_domain("example.com");
    match->mutable_cause()->set_type(v1::Cause::HARD_BOUNCE);
    match->mutable_cause()->mutable_last_event_at()->set_seconds(5);
    return grpc::Status::OK;
  };
  CheckRequest request;
  request.address = "a@example.com";
  request.at_least = "previous";
  const absl::StatusOr<CheckResult> result = MakeClient().IsSuppressed(request);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(at_least, "previous");
  EXPECT_EQ(result->revision_token, "next");
  ASSERT_EQ(result->matches.size(), 1u);
  EXPECT_EQ(result->matches[0].matched_domain, "example.com");
  EXPECT_EQ(result->answer, Answer::kSuppressed);
  EXPECT_TRUE(result->suppressed);
  EXPECT_EQ(result->matches[0].cause.type, CauseType::kHardBounce);
  EXPECT_EQ(result->matches[0].cause.last_event_at, absl::FromUnixSeconds(5));
  EXPECT_EQ(result->matches[0].cause.expires_at, std::nullopt);
}

TEST_F(SocketTest, AnEnumValueOfANewerServiceIsKept) {
  service_.on_check = [](const auto&, v1::IsSuppressedResponse* response) {
    response->add_matches()->mutable_cause()->set_reason(static_cast<v1::BounceReason>(77));
    return grpc::Status::OK;
  };
  const absl::StatusOr<CheckResult> result = MakeClient().IsSuppressed("a@example.com");
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(Name(result->matches.at(0).cause.reason), "UNKNOWN_77");
}

TEST_F(SocketTest, ASilentServerEndsInDeadlineExceeded) {
  std::atomic<bool> done{false};
  service_.on_check = [&](const auto&, auto*) {
    while (!done) std::this_thread::yield();
    return grpc::Status::OK;
  };
  CallOptions call;
  call.timeout = absl::Milliseconds(20);
  CheckRequest request;
  request.address = "a@example.com";
  EXPECT_TRUE(absl::IsDeadlineExceeded(MakeClient().IsSuppressed(request, call).status()));
  done = true;
  service_.Stop();  // the handler still looks at `done`
}

TEST_F(SocketTest, AServerThatIsGoneIsUnavailable) {
  service_.Stop();
  const absl::StatusOr<CheckResult> result = MakeClient().IsSuppressed("a@example.com");
  EXPECT_TRUE(absl::IsUnavailable(result.status())) << result.status();
  EXPECT_EQ(ErrorReason(result.status()), "");
}

TEST_F(SocketTest, AWatchFollowsAcrossCutsWithoutAGap) {
  std::vector<std::string> starts;
  service_.on_watch = [&](grpc::ServerContext*, const v1::WatchRequest& request,
                          grpc::ServerWriter<v1::WatchResponse>* writer) {
    starts.push_back(request.after());
    int next = request.after().empty() ? 1 : std::stoi(request.after()) + 1;
    for (int i = 0; i < 2; ++i, ++next) {
      v1::WatchResponse step;
      step.set_revision_token(std::to_string(next));
      step.add_changes()->mutable_suppression()->set_address("a@example.com");
      writer->Write(step);
    }
    // Cut by an overloaded server, cut for a slow reader, ended in a drain.
    if (starts.size() == 1) return WireError(grpc::StatusCode::UNAVAILABLE, v1::OVERLOADED, "full");
    return starts.size() == 2 ? grpc::Status::CANCELLED : grpc::Status::OK;
  };
  std::vector<std::string> tokens;
  const absl::Status status = MakeClient().Watch(WatchRequest(), [&](const WatchStep& step) {
    tokens.push_back(step.revision_token);
    return tokens.size() < 7;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(tokens, ElementsAre("1", "2", "3", "4", "5", "6", "7"));
  service_.Stop();  // the last handler still looks at `starts`
  EXPECT_THAT(starts, ElementsAre("", "2", "4", "6"));
}

TEST_F(SocketTest, AWatchIsCancelledFromAnotherThread) {
  service_.on_watch = [](grpc::ServerContext* context, const auto&, grpc::ServerWriter<v1::WatchResponse>* writer) {
    v1::WatchResponse step;
    step.set_revision_token("1");
    step.add_changes();
    writer->Write(step);
    while (!context->IsCancelled()) std::this_thread::yield();
    return grpc::Status::CANCELLED;
  };
  Cancellation cancellation;
  std::thread canceller;
  const absl::Status status = MakeClient().Watch(
      WatchRequest(),
      [&](const WatchStep&) {
        canceller = std::thread([cancellation] { cancellation.Cancel(); });
        return true;
      },
      cancellation);
  canceller.join();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_TRUE(absl::IsCancelled(MakeClient().Watch(
      WatchRequest(), [](const WatchStep&) { return true; }, cancellation)));
}

TEST_F(SocketTest, AWatchSaysWhereHistoryStarts) {
  service_.on_watch = [](auto*, const auto&, auto*) {
    return WireError(grpc::StatusCode::OUT_OF_RANGE, v1::HISTORY_GONE, "too old", {{"oldest_token", "t9"}});
  };
  const absl::Status status = MakeClient().Watch(WatchRequest(), [](const WatchStep&) { return true; });
  EXPECT_EQ(ErrorReason(status), "HISTORY_GONE");
  EXPECT_EQ(ErrorDetail(status, "oldest_token"), "t9");
}

TEST_F(SocketTest, OneClientServesManyThreads) {
  service_.on_check = [](const v1::IsSuppressedRequest& request, v1::IsSuppressedResponse* response) {
    response->set_revision_token(request.address());
    return grpc::Status::OK;
  };
  const Client client = MakeClient();
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([copy = client, i, &right] {
      for (int j = 0; j < 50; ++j) {
        const std::string address = std::to_string(i) + "." + std::to_string(j) + "@example.com";
        const absl::StatusOr<CheckResult> result = copy.IsSuppressed(address);
        right += result.ok() && result->revision_token == address ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 200);
}

}  // namespace
}  // namespace suppressd
