// What the service answers at the edges of what it takes: very large answers, repeated events, short deadlines, text
// that is no text.
#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>
#include <grpcpp/impl/client_unary_call.h>

#include "storage/revision_token.h"
#include "tests/testing/damage.h"
#include "tests/testing/test_server.h"
#include "tests/testing/unreadable_requests.h"

namespace suppressd {
namespace {

class EdgesTest : public ::testing::Test {
 protected:
  template <typename Request, typename Response>
  using Method = grpc::Status (v1::SuppressionService::StubInterface::*)(grpc::ClientContext*, const Request&,
                                                                         Response*);

  template <typename Request, typename Response>
  grpc::Status Call(Method<Request, Response> method, const Request& request, Response* response) {
    grpc::ClientContext context;
    return (server_.stub().*method)(&context, request, response);
  }
  grpc::Status Report(const v1::ReportBounceRequest& request, v1::ReportBounceResponse* response) {
    return Call(&v1::SuppressionService::StubInterface::ReportBounce, request, response);
  }
  static v1::ReportBounceRequest Bounce(const std::string& recipient, const std::string& event_id = "") {
    v1::ReportBounceRequest request;
    request.mutable_smtp_reply()->set_recipient(recipient);
    request.mutable_smtp_reply()->set_text("550 5.1.1 no such user");
    request.set_event_id(event_id);
    return request;
  }

  TestServer server_;
};

TEST_F(EdgesTest, BatchAnswerHasNoNotesAndLeavesMatchesOutOnceItIsLarge) {
  for (int reason = 0; reason <= v1::UNDETERMINED; ++reason) {
    v1::SuppressRequest request;
    v1::SuppressResponse response;
    request.set_address("jo@example.com");
    request.set_reason(static_cast<v1::BounceReason>(reason));
    request.set_note(std::string(2'000, 'n'));
    request.set_source(std::string(128, 's'));
    ASSERT_TRUE(Call(&v1::SuppressionService::StubInterface::Suppress, request, &response).ok());
  }
  v1::BatchIsSuppressedRequest request;
  v1::BatchIsSuppressedResponse response;
  for (int i = 0; i < 5'000; ++i) request.add_addresses(i % 10 == 0 ? "no address" : "jo@example.com");
  const grpc::Status status = Call(&v1::SuppressionService::StubInterface::BatchIsSuppressed, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_LT(response.ByteSizeLong(), 3u << 20);
  ASSERT_EQ(response.results_size(), request.addresses_size());
  bool left_out = false;
  for (int i = 0; i < response.results_size(); ++i) {
    const v1::BatchResult& result = response.results(i);
    ASSERT_EQ(result.index(), i);
    ASSERT_EQ(result.has_error(), i % 10 == 0);
    ASSERT_EQ(response.answers(i),
              i % 10 == 0 ? v1::IsSuppressedResponse::FAILED : v1::IsSuppressedResponse::SUPPRESSED);
    if (i % 10 == 0) continue;
    ASSERT_TRUE(result.matches_left_out() || !left_out) << "all that follow";
    left_out = result.matches_left_out();
    ASSERT_EQ(result.matches_size(), left_out ? 0 : v1::UNDETERMINED + 1);
    if (!left_out) {
      ASSERT_EQ(result.matches(0).cause().note(), "");
    }
  }
  EXPECT_FALSE(response.results(1).matches_left_out());
  EXPECT_TRUE(left_out);
}

TEST_F(EdgesTest, SameEventFromAnotherReporterIsARepeatWhateverElseDiffers) {
  v1::ReportBounceResponse first;
  v1::ReportBounceRequest request = Bounce("Jo@example.com", "event-1");
  request.set_source("one");
  ASSERT_TRUE(Report(request, &first).ok());
  v1::ReportBounceRequest other = Bounce("<jo@EXAMPLE.com>", "event-1");
  other.set_source("two");
  other.set_stream("marketing");
  other.set_message_id("m@example.com");
  other.mutable_occurred_at()->set_seconds(1'779'000'000);
  other.mutable_smtp_reply()->set_text("550 no such user here");
  v1::ReportBounceResponse second;
  const grpc::Status status = Report(other, &second);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(second.duplicate());
  EXPECT_EQ(second.revision_token(), first.revision_token());
}

TEST_F(EdgesTest, SameEventAboutAnotherRecipientOrOfAnotherKindIsRefused) {
  v1::ReportBounceResponse response;
  ASSERT_TRUE(Report(Bounce("jo@example.com", "event-1"), &response).ok());
  EXPECT_EQ(GrpcReason(Report(Bounce("al@example.com", "event-1"), &response)), "REQUEST_ID_REUSED");
  v1::ReportBounceRequest complaint;
  complaint.mutable_complaint()->set_recipient("jo@example.com");
  complaint.set_event_id("event-1");
  EXPECT_EQ(GrpcReason(Report(complaint, &response)), "REQUEST_ID_REUSED");
}

TEST_F(EdgesTest, ReadOfAStateThatIsNotReachedSaysSoBeforeTheClientsDeadline) {
  v1::IsSuppressedRequest request;
  v1::IsSuppressedResponse response;
  request.set_address("jo@example.com");
  request.set_at_least(EncodeToken({server_.store().lineage(), 1'000}));
  // Long enough for the server's margin to carry the answer over a busy machine too.
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(6));
  const grpc::Status status = server_.stub().IsSuppressed(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(GrpcReason(status), "REVISION_NOT_REACHED");
}

TEST_F(EdgesTest, InvalidAddressesAndDomainsNameTheirField) {
  using Stub = v1::SuppressionService::StubInterface;
  v1::IsSuppressedRequest check;
  v1::IsSuppressedResponse checked;
  check.set_address("no address");
  EXPECT_EQ(GrpcField(Call(&Stub::IsSuppressed, check, &checked)), "address");
  v1::ReportBounceResponse reported;
  EXPECT_EQ(GrpcField(Report(Bounce("no address"), &reported)), "smtp_reply.recipient");
  v1::ReportBounceRequest complaint;
  complaint.mutable_complaint()->set_recipient("no address");
  EXPECT_EQ(GrpcField(Report(complaint, &reported)), "complaint.recipient");
  v1::GetBounceDetailsRequest details;
  v1::GetBounceDetailsResponse detailed;
  details.set_domain("no domain");
  EXPECT_EQ(GrpcField(Call(&Stub::GetBounceDetails, details, &detailed)), "domain");
  details.clear_domain();
  details.set_address("no address");
  EXPECT_EQ(GrpcField(Call(&Stub::GetBounceDetails, details, &detailed)), "address");
  v1::ListSuppressionsRequest list;
  v1::ListSuppressionsResponse listed;
  list.mutable_filter()->set_domain("no domain");
  const grpc::Status status = Call(&Stub::ListSuppressions, list, &listed);
  EXPECT_EQ(GrpcReason(status), "INVALID_DOMAIN");
  EXPECT_EQ(GrpcField(status), "filter.domain");
}

TEST_F(EdgesTest, BytesThatAreNoMessageAreAnInvalidFieldInEveryCall) {
  ExpectUnreadableRequestsAreRefusedWithAReason(server_.address());
}

TEST_F(EdgesTest, RequestWithTextThatIsNotUtf8IsAnInvalidField) {
  using Stub = v1::SuppressionService::StubInterface;
  v1::IsSuppressedRequest check;
  v1::IsSuppressedResponse checked;
  check.set_address("j\xf6@example.com");
  const grpc::Status status = Call(&Stub::IsSuppressed, check, &checked);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(GrpcReason(status), "INVALID_FIELD");
  EXPECT_THAT(status.error_message(), ::testing::HasSubstr("UTF-8"));
  v1::ReportBounceResponse reported;
  EXPECT_EQ(GrpcReason(Report(Bounce("j\xf6@example.com"), &reported)), "INVALID_FIELD");
  v1::ListSuppressionsRequest list;
  v1::ListSuppressionsResponse listed;
  list.mutable_filter()->set_source("\xff");
  EXPECT_EQ(GrpcReason(Call(&Stub::ListSuppressions, list, &listed)), "INVALID_FIELD");
  grpc::ClientContext context;
  v1::WatchRequest watch;
  v1::WatchResponse step;
  watch.add_tenants("\xff");
  const auto reader = server_.stub().Watch(&context, watch);
  EXPECT_FALSE(reader->Read(&step));
  EXPECT_EQ(GrpcReason(reader->Finish()), "INVALID_FIELD");
}

TEST_F(EdgesTest, ReplyThatIsNotUtf8IsReadAsWindows1252AndKeptAsText) {
  v1::ReportBounceRequest request = Bounce("jo@example.com");
  request.mutable_smtp_reply()->clear_text();
  request.mutable_smtp_reply()->set_raw_text("550 5.1.1 Empf\xE4nger unbekannt: no such user");
  v1::ReportBounceResponse response;
  ASSERT_TRUE(Report(request, &response).ok());
  EXPECT_EQ(response.outcomes(0).verdict().reason(), v1::ADDRESS_NOT_FOUND);
  EXPECT_EQ(response.outcomes(0).verdict().code(), 550);
  v1::GetBounceDetailsRequest wanted;
  v1::GetBounceDetailsResponse details;
  wanted.set_address("jo@example.com");
  ASSERT_TRUE(Call(&v1::SuppressionService::StubInterface::GetBounceDetails, wanted, &details).ok());
  EXPECT_EQ(details.events(0).diagnostic(), "550 5.1.1 Empf\xC3\xA4nger unbekannt: no such user");
}

TEST_F(EdgesTest, RawTextHasItsLimit) {
  v1::ReportBounceResponse response;
  v1::ReportBounceRequest request = Bounce("jo@example.com");
  request.mutable_smtp_reply()->set_raw_text(std::string(16'385, 'a'));
  grpc::Status status = Report(request, &response);
  EXPECT_EQ(GrpcReason(status), "FIELD_TOO_LONG");
  request.mutable_smtp_reply()->set_raw_text(" \r\n");
  EXPECT_EQ(GrpcReason(Report(request, &response)), "MISSING_FIELD");
}

TEST_F(EdgesTest, MethodThatNobodyServesIsStillUnimplemented) {
  grpc::ClientContext context;
  v1::IsSuppressedRequest request;
  v1::IsSuppressedResponse response;
  const auto channel = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
  const grpc::internal::RpcMethod method("/suppressd.v1.SuppressionService/Nothing",
                                         grpc::internal::RpcMethod::NORMAL_RPC);
  const grpc::Status status = grpc::internal::BlockingUnaryCall(channel.get(), method, &context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(EdgesTest, AReportThatASidecarDeliversIsOfTheTimeAtWhichItWasTaken) {
  using Stub = v1::SuppressionService::StubInterface;
  const int64_t now = absl::ToUnixSeconds(server_.clock().Now());
  v1::DeliverReportRequest request;
  v1::DeliverReportResponse delivered;
  *request.mutable_report() = Bounce("jo@example.com");
  EXPECT_EQ(GrpcField(Call(&Stub::DeliverReport, request, &delivered)), "taken_at");
  request.mutable_taken_at()->set_nanos(-1);
  EXPECT_EQ(GrpcReason(Call(&Stub::DeliverReport, request, &delivered)), "INVALID_FIELD");
  request.clear_taken_at();
  request.mutable_taken_at()->set_seconds(now - 5'000);
  request.GetReflection()->MutableUnknownFields(&request)->AddVarint(999, 1);
  EXPECT_EQ(GrpcReason(Call(&Stub::DeliverReport, request, &delivered)), "UNKNOWN_FIELD");
  request.GetReflection()->MutableUnknownFields(&request)->Clear();
  ASSERT_TRUE(Call(&Stub::DeliverReport, request, &delivered).ok());
  EXPECT_EQ(delivered.response().durability(), v1::ReportBounceResponse::AT_SERVER);
  v1::GetBounceDetailsRequest wanted;
  v1::GetBounceDetailsResponse details;
  wanted.set_address("jo@example.com");
  ASSERT_TRUE(Call(&Stub::GetBounceDetails, wanted, &details).ok());
  EXPECT_EQ(details.events(0).occurred_at().seconds(), now - 5'000);
}

TEST_F(EdgesTest, OneDamagedEntryFailsAlone) {
  v1::ReportBounceResponse reported;
  for (const char* address : {"a@example.com", "bad@example.com", "c@example.com"}) {
    ASSERT_TRUE(Report(Bounce(address), &reported).ok());
  }
  server_.Stop();
  DamageEntry(server_.store_options(), "bad@example.com");
  server_.Start();
  v1::BatchIsSuppressedRequest batch;
  v1::BatchIsSuppressedResponse answers;
  for (const char* address : {"a@example.com", "no address", "bad@example.com", "new@example.com", "c@example.com"}) {
    batch.add_addresses(address);
  }
  grpc::Status status = Call(&v1::SuppressionService::StubInterface::BatchIsSuppressed, batch, &answers);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(answers.results_size(), 4);
  using Answer = v1::IsSuppressedResponse;
  EXPECT_THAT(answers.answers(), ::testing::ElementsAre(Answer::SUPPRESSED, Answer::FAILED, Answer::FAILED,
                                                        Answer::NOT_SUPPRESSED, Answer::SUPPRESSED));
  EXPECT_EQ(answers.results(1).error().reason(), "INVALID_ADDRESS");
  EXPECT_EQ(answers.results(1).error().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(answers.results(2).index(), 2);
  EXPECT_EQ(answers.results(2).error().reason(), "INTERNAL_ERROR");
  EXPECT_EQ(answers.results(2).error().code(), grpc::StatusCode::INTERNAL);

  v1::ListSuppressionsResponse page;
  status = Call(&v1::SuppressionService::StubInterface::ListSuppressions, v1::ListSuppressionsRequest(), &page);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(page.suppressions_size(), 2);
  EXPECT_EQ(page.damaged_count(), 1);

  v1::IsSuppressedRequest one;
  v1::IsSuppressedResponse answer;
  one.set_address("bad@example.com");
  status = Call(&v1::SuppressionService::StubInterface::IsSuppressed, one, &answer);
  EXPECT_EQ(GrpcReason(status), "INTERNAL_ERROR") << "never an answer that may be wrong";
}

TEST_F(EdgesTest, ADamagedDomainFailsItsAddressesOfABatchAlone) {
  v1::SuppressRequest suppress;
  v1::SuppressResponse suppressed;
  suppress.set_domain("example.com");
  suppress.set_note("test");
  ASSERT_TRUE(Call(&v1::SuppressionService::StubInterface::Suppress, suppress, &suppressed).ok());
  v1::ReportBounceResponse reported;
  for (const char* address : {"a@example.com", "b@example.org"}) ASSERT_TRUE(Report(Bounce(address), &reported).ok());
  server_.Stop();
  DamageEntry(server_.store_options(), "@example.com");
  server_.Start();
  v1::BatchIsSuppressedRequest batch;
  v1::BatchIsSuppressedResponse answers;
  for (const char* address : {"a@example.com", "b@example.org", "c@example.com"}) batch.add_addresses(address);
  ASSERT_TRUE(Call(&v1::SuppressionService::StubInterface::BatchIsSuppressed, batch, &answers).ok());
  ASSERT_EQ(answers.results_size(), 3);
  EXPECT_EQ(answers.results(0).error().reason(), "INTERNAL_ERROR");
  EXPECT_EQ(answers.results(0).matches_size(), 0);
  EXPECT_EQ(answers.answers(1), v1::IsSuppressedResponse::SUPPRESSED);
  EXPECT_EQ(answers.results(2).error().reason(), "INTERNAL_ERROR");
}

}  // namespace
}  // namespace suppressd
