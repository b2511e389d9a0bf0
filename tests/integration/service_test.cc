// Every RPC over real gRPC on a real socket: what it promises, and what it answers to bad input.
#include <gmock/gmock.h>
#include <google/protobuf/unknown_field_set.h>

#include <functional>
#include <map>

#include "absl/strings/str_cat.h"
#include "storage/revision_token.h"
#include "tests/testing/test_server.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kUuid[] = "0e8f2a1c-1111-4222-8333-44445555666";  // and one more digit

class ServiceTest : public ::testing::Test {
 protected:
  static v1::ReportBounceRequest Bounce(const std::string& recipient,
                                        const std::string& text = "550 5.1.1 no such user") {
    v1::ReportBounceRequest request;
    request.mutable_smtp_reply()->set_recipient(recipient);
    request.mutable_smtp_reply()->set_text(text);
    return request;
  }
  v1::ReportBounceResponse Report(const v1::ReportBounceRequest& request) {
    grpc::ClientContext context;
    v1::ReportBounceResponse response;
    const grpc::Status status = server_.stub().ReportBounce(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  v1::IsSuppressedResponse Check(const std::string& address, const std::string& stream = "",
                                 const std::string& tenant = "") {
    grpc::ClientContext context;
    v1::IsSuppressedRequest request;
    v1::IsSuppressedResponse response;
    request.set_address(address);
    request.set_stream(stream);
    request.set_tenant(tenant);
    const grpc::Status status = server_.stub().IsSuppressed(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  v1::ReactivateResponse Reactivate(const std::string& address) {
    grpc::ClientContext context;
    v1::ReactivateRequest request;
    v1::ReactivateResponse response;
    request.set_address(address);
    request.set_note("confirmed by phone");
    const grpc::Status status = server_.stub().Reactivate(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  void SuppressDomain(const std::string& domain) {
    grpc::ClientContext context;
    v1::SuppressRequest request;
    v1::SuppressResponse response;
    request.set_domain(domain);
    request.set_note("test");
    EXPECT_TRUE(server_.stub().Suppress(&context, request, &response).ok());
  }

  TestServer server_;
};

TEST_F(ServiceTest, ReportCheckListDetailsReactivateCheck) {
  const auto reported = Report(Bounce("Jo.Doe@Example.COM"));
  ASSERT_EQ(reported.outcomes_size(), 1);
  EXPECT_EQ(reported.outcomes(0).address(), "jo.doe@example.com");
  EXPECT_EQ(reported.outcomes(0).verdict().bounce_class(), v1::Verdict::HARD);
  EXPECT_EQ(reported.outcomes(0).effect(), v1::BounceEvent::SUPPRESSED);
  EXPECT_TRUE(Check("jo.doe@example.com").suppressed());

  grpc::ClientContext list_context;
  v1::ListSuppressionsRequest list_request;
  v1::ListSuppressionsResponse list;
  ASSERT_TRUE(server_.stub().ListSuppressions(&list_context, list_request, &list).ok());
  ASSERT_EQ(list.suppressions_size(), 1);
  EXPECT_EQ(list.suppressions(0).original_address(), "Jo.Doe@Example.COM");

  grpc::ClientContext details_context;
  v1::GetBounceDetailsRequest details_request;
  v1::GetBounceDetailsResponse details;
  details_request.set_address("jo.doe@example.com");
  ASSERT_TRUE(server_.stub().GetBounceDetails(&details_context, details_request, &details).ok());
  EXPECT_TRUE(details.suppressed());
  ASSERT_EQ(details.events_size(), 1);
  EXPECT_EQ(details.events(0).diagnostic(), "550 5.1.1 no such user");
  EXPECT_TRUE(details.suppressed_in_any_stream());
  ASSERT_EQ(details.causes_size(), 1);
  EXPECT_TRUE(details.causes(0).can_reactivate());
  EXPECT_THAT(details.causes(0).requirements(), ElementsAre(v1::ExplainedCause::NOTE));
  EXPECT_EQ(details.causes(0).cause().SerializeAsString(), details.suppression().causes(0).SerializeAsString());
  EXPECT_EQ(details.events(0).id().size(), 32u);

  const auto reactivated = Reactivate("jo.doe@example.com");
  EXPECT_TRUE(reactivated.changed());
  EXPECT_FALSE(reactivated.suppressed_in_any_stream());
  EXPECT_FALSE(Reactivate("jo.doe@example.com").changed());
  EXPECT_FALSE(Check("jo.doe@example.com").suppressed());
}

TEST_F(ServiceTest, EverySpellingOfAnAddressIsTheSame) {
  Report(Bounce("Jörg@Bücher.example"));
  for (const std::string spelling :
       {"jörg@bücher.example", "JÖRG@BÜCHER.EXAMPLE", "<jörg@xn--bcher-kva.example.>", "\"jörg\"@bücher.example",
        "jo\xCC\x88rg@bu\xCC\x88"
        "cher.example"}) {
    EXPECT_TRUE(Check(spelling).suppressed()) << spelling;
  }
  EXPECT_FALSE(Check("jorg@xn--bcher-kva.example").suppressed());
}

TEST_F(ServiceTest, TheSameEventDeliveredManyTimesIsCountedOnce) {
  auto request = Bounce("jo@example.com");
  request.set_event_id("provider-event-1");
  EXPECT_FALSE(Report(request).duplicate());
  for (int i = 0; i < 45; ++i) {
    server_.clock().Advance(absl::Minutes(38));
    const auto again = Report(request);
    EXPECT_TRUE(again.duplicate());
    EXPECT_EQ(again.outcomes(0).effect(), v1::BounceEvent::SUPPRESSED) << "the first answer";
  }
  EXPECT_EQ(Check("jo@example.com").matches(0).cause().event_count(), 1);
}

TEST_F(ServiceTest, LateBounceOfMailFromBeforeTheReactivationDoesNotSuppress) {
  Report(Bounce("jo@example.com"));
  auto late = Bounce("jo@example.com");
  late.mutable_mail_sent_at()->set_seconds(absl::ToUnixSeconds(server_.clock().Now()));
  server_.clock().Advance(absl::Hours(1));
  Reactivate("jo@example.com");
  server_.clock().Advance(absl::Hours(1));
  EXPECT_EQ(Report(late).outcomes(0).effect(), v1::BounceEvent::OUTDATED);
  EXPECT_FALSE(Check("jo@example.com").suppressed());
}

TEST_F(ServiceTest, FullMailboxComesBackByItselfAfterThirtyDays) {
  Report(Bounce("jo@example.com", "552 5.2.2 mailbox full"));
  server_.clock().Advance(absl::Hours(24 * 30) - absl::Microseconds(1));
  EXPECT_TRUE(Check("jo@example.com").suppressed());
  server_.clock().Advance(absl::Microseconds(1));
  EXPECT_FALSE(Check("jo@example.com").suppressed());
}

TEST_F(ServiceTest, SenderSideReplyIsRecordedAndNeverSuppresses) {
  const auto reported = Report(Bounce("jo@example.com", "554 5.7.1 Message rejected: sending IP is on a block list"));
  EXPECT_EQ(reported.outcomes(0).verdict().bounce_class(), v1::Verdict::SENDER_SIDE);
  EXPECT_EQ(reported.outcomes(0).effect(), v1::BounceEvent::RECORDED);
  EXPECT_FALSE(Check("jo@example.com").suppressed());
}

TEST_F(ServiceTest, ComplaintSuppressesItsStreamOnly) {
  v1::ReportBounceRequest request;
  request.mutable_complaint()->set_recipient("jo@example.com");
  request.set_stream("marketing");
  EXPECT_EQ(Report(request).outcomes(0).verdict().bounce_class(), v1::Verdict::COMPLAINT);
  EXPECT_TRUE(Check("jo@example.com", "marketing").suppressed());
  EXPECT_FALSE(Check("jo@example.com", "receipts").suppressed());
  EXPECT_FALSE(Check("jo@example.com").suppressed());
}

TEST_F(ServiceTest, WholeDomainBlocksItsAddressesAndStaysAfterReactivation) {
  SuppressDomain("example.com");
  const auto check = Check("anyone@example.com");
  ASSERT_EQ(check.matches_size(), 1);
  EXPECT_EQ(check.answer(), v1::IsSuppressedResponse::SUPPRESSED);
  EXPECT_EQ(check.matches(0).matched_domain(), "example.com");
  EXPECT_FALSE(Check("anyone@sub.example.com").suppressed());
  Report(Bounce("jo@example.com"));
  const auto reactivated = Reactivate("jo@example.com");
  EXPECT_TRUE(reactivated.changed());
  EXPECT_TRUE(reactivated.suppressed_in_any_stream());
  ASSERT_EQ(reactivated.blocking_size(), 1);
  EXPECT_EQ(reactivated.blocking(0).matched_domain(), "example.com");
  EXPECT_TRUE(reactivated.suppressed());
}

TEST_F(ServiceTest, BatchAnswersByIndexInOrderAndOneBadItemFailsAlone) {
  Report(Bounce("b@example.com"));
  SuppressDomain("example.org");
  grpc::ClientContext context;
  v1::BatchIsSuppressedRequest request;
  v1::BatchIsSuppressedResponse response;
  for (const char* address : {"a@example.com", "B@EXAMPLE.com", "not an address", "x@example.org", "b@example.com"}) {
    request.add_addresses(address);
  }
  ASSERT_TRUE(server_.stub().BatchIsSuppressed(&context, request, &response).ok());
  ASSERT_EQ(response.results_size(), 4);
  EXPECT_EQ(response.results(0).index(), 1);
  using Answer = v1::IsSuppressedResponse;
  EXPECT_THAT(response.answers(), ElementsAre(Answer::NOT_SUPPRESSED, Answer::SUPPRESSED, Answer::FAILED,
                                              Answer::SUPPRESSED, Answer::SUPPRESSED));
  EXPECT_EQ(response.results(1).index(), 2);
  EXPECT_EQ(response.results(1).error().reason(), "INVALID_ADDRESS");
  EXPECT_EQ(response.results(2).index(), 3);
  EXPECT_EQ(response.results(2).matches(0).matched_domain(), "example.org");
  EXPECT_EQ(response.results(3).index(), 4);
}

TEST_F(ServiceTest, EverythingIsThereAfterARestart) {
  Report(Bounce("jo@example.com"));
  SuppressDomain("example.org");
  server_.Restart();
  EXPECT_TRUE(Check("jo@example.com").suppressed());
  EXPECT_TRUE(Check("x@example.org").suppressed());
}

TEST_F(ServiceTest, ReadWithATokenAnswersFromThatStateOrLater) {
  const std::string token = Report(Bounce("jo@example.com")).revision_token();
  grpc::ClientContext context;
  v1::IsSuppressedRequest request;
  v1::IsSuppressedResponse response;
  request.set_address("jo@example.com");
  request.set_at_least(token);
  ASSERT_TRUE(server_.stub().IsSuppressed(&context, request, &response).ok());
  EXPECT_TRUE(response.suppressed());
  EXPECT_EQ(response.revision_token(), token);
}

TEST_F(ServiceTest, ReadOfAFutureStateWaitsUntilItIsReached) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::IsSuppressedRequest request;
  v1::IsSuppressedResponse response;
  request.set_address("jo@example.com");
  request.set_at_least(EncodeToken({server_.store().lineage(), 1}));
  std::thread reader([&] { EXPECT_TRUE(server_.stub().IsSuppressed(&context, request, &response).ok()); });
  Report(Bounce("jo@example.com"));
  reader.join();
  EXPECT_TRUE(response.suppressed());
}

TEST(ServiceWaitTest, ReadOfAStateThatIsNotReachedIsUnavailable) {
  ServiceOptions options;
  options.await_revision_max = absl::Milliseconds(20);
  TestServer server({}, options);
  grpc::ClientContext context;
  v1::IsSuppressedRequest request;
  v1::IsSuppressedResponse response;
  request.set_address("jo@example.com");
  request.set_at_least(EncodeToken({server.store().lineage(), 99}));
  const grpc::Status status = server.stub().IsSuppressed(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(GrpcReason(status), "REVISION_NOT_REACHED");
}

TEST_F(ServiceTest, WatchGivesChangesInOrderAndResumes) {
  grpc::ClientContext context;
  v1::WatchRequest request;
  request.set_after(EncodeToken({server_.store().lineage(), 0}));
  Report(Bounce("a@example.com"));
  auto reader = server_.stub().Watch(&context, request);
  v1::WatchResponse start, first, second;
  ASSERT_TRUE(reader->Read(&start));
  EXPECT_EQ(start.revision_token(), request.after());
  EXPECT_EQ(start.changes_size(), 0);
  ASSERT_TRUE(reader->Read(&first));
  EXPECT_EQ(first.changes(0).kind(), v1::Change::UPDATED);
  EXPECT_EQ(first.changes(0).suppression().address(), "a@example.com");
  Report(Bounce("b@example.com"));
  ASSERT_TRUE(reader->Read(&second));
  EXPECT_EQ(second.changes(0).suppression().address(), "b@example.com");
  context.TryCancel();
  reader->Finish();

  grpc::ClientContext again_context;
  request.set_after(first.revision_token());
  auto again = server_.stub().Watch(&again_context, request);
  v1::WatchResponse resumed;
  ASSERT_TRUE(again->Read(&start));
  ASSERT_TRUE(again->Read(&resumed));
  EXPECT_EQ(resumed.changes(0).suppression().address(), "b@example.com");
  again_context.TryCancel();
  again->Finish();
}

TEST_F(ServiceTest, WatchOfOneTenantSeesNoOther) {
  grpc::ClientContext context;
  v1::WatchRequest request;
  request.add_tenants("shop");
  request.set_after(EncodeToken({server_.store().lineage(), 0}));
  Report(Bounce("a@example.com"));
  auto other = Bounce("b@example.com");
  other.set_tenant("shop");
  Report(other);
  auto reader = server_.stub().Watch(&context, request);
  v1::WatchResponse change;
  ASSERT_TRUE(reader->Read(&change));  // where it starts
  ASSERT_TRUE(reader->Read(&change));
  EXPECT_EQ(change.changes(0).suppression().address(), "b@example.com");
  context.TryCancel();
  reader->Finish();
}

TEST_F(ServiceTest, DrainEndsWatchesWithOk) {
  grpc::ClientContext context;
  v1::WatchRequest request;
  request.set_after(EncodeToken({server_.store().lineage(), 0}));
  Report(Bounce("a@example.com"));
  auto reader = server_.stub().Watch(&context, request);
  v1::WatchResponse change;
  ASSERT_TRUE(reader->Read(&change));  // where it starts
  ASSERT_TRUE(reader->Read(&change));
  server_.service().BeginDrain();
  EXPECT_FALSE(reader->Read(&change));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(ServiceTest, PagesThroughAListWhileItIsWritten) {
  for (int i = 0; i < 25; ++i) Report(Bounce(absl::StrCat("u", i, "@example.com")));
  v1::ListSuppressionsRequest request;
  request.set_page_size(4);
  std::map<std::string, int> seen;
  do {
    grpc::ClientContext context;
    v1::ListSuppressionsResponse response;
    ASSERT_TRUE(server_.stub().ListSuppressions(&context, request, &response).ok());
    for (const auto& suppression : response.suppressions()) ++seen[suppression.address()];
    request.set_page_token(response.next_page_token());
    server_.clock().Advance(absl::Seconds(1));
    Report(Bounce(absl::StrCat("new", seen.size(), "@example.com")));
  } while (!request.page_token().empty());
  EXPECT_THAT(seen, SizeIs(25));
  for (const auto& [address, times] : seen) EXPECT_EQ(times, 1) << address;
}

// Bad input: each row is one call that must fail with this code and reason, and change nothing.
struct BadCall {
  std::string name;
  grpc::StatusCode code;
  std::string reason;
  std::function<grpc::Status(v1::SuppressionService::StubInterface&)> call;
};

template <typename Request, typename Response>
BadCall Bad(std::string name, grpc::StatusCode code, std::string reason,
            grpc::Status (v1::SuppressionService::StubInterface::*method)(grpc::ClientContext*, const Request&,
                                                                          Response*),
            std::function<void(Request&)> fill) {
  return {std::move(name), code, std::move(reason), [=](v1::SuppressionService::StubInterface& stub) {
            grpc::ClientContext context;
            Request request;
            Response response;
            fill(request);
            return (stub.*method)(&context, request, &response);
          }};
}

using Stub = v1::SuppressionService::StubInterface;
constexpr auto kInvalid = grpc::StatusCode::INVALID_ARGUMENT;

std::vector<BadCall> BadChecks() {
  const auto bad = [](std::string name, std::string reason, std::function<void(v1::IsSuppressedRequest&)> fill) {
    return Bad<v1::IsSuppressedRequest, v1::IsSuppressedResponse>(name, kInvalid, reason, &Stub::IsSuppressed, fill);
  };
  return {
      bad("no address", "INVALID_ADDRESS", [](auto&) {}),
      bad("no at sign", "INVALID_ADDRESS", [](auto& r) { r.set_address("example.com"); }),
      bad("long local part", "INVALID_ADDRESS", [](auto& r) { r.set_address(std::string(65, 'a') + "@example.com"); }),
      bad("long address", "INVALID_ADDRESS", [](auto& r) { r.set_address(std::string(5000, 'a') + "@example.com"); }),
      bad("space", "INVALID_ADDRESS", [](auto& r) { r.set_address("jo doe@example.com"); }),
      bad("NUL", "INVALID_ADDRESS", [](auto& r) { r.set_address(std::string("jo\0@example.com", 15)); }),
      bad("odd tenant", "INVALID_TENANT", [](auto& r) { r.set_tenant("Shop/1"); }),
      bad("long tenant", "INVALID_TENANT", [](auto& r) { r.set_tenant(std::string(64, 'a')); }),
      bad("tenant with NUL", "INVALID_TENANT", [](auto& r) { r.set_tenant(std::string("a\0b", 3)); }),
      bad("odd stream", "INVALID_STREAM", [](auto& r) { r.set_address("a@b.example"), r.set_stream("news letter"); }),
      bad("no token", "INVALID_TOKEN", [](auto& r) { r.set_address("a@b.example"), r.set_at_least("xyz"); }),
      Bad<v1::IsSuppressedRequest, v1::IsSuppressedResponse>(
          "token of another lineage", grpc::StatusCode::FAILED_PRECONDITION, "LINEAGE_MISMATCH", &Stub::IsSuppressed,
          [](auto& r) {
            r.set_address("a@b.example"), r.set_at_least(EncodeToken({1, 1}));
          }),
      Bad<v1::BatchIsSuppressedRequest, v1::BatchIsSuppressedResponse>("10,001 addresses", kInvalid, "BATCH_TOO_LARGE",
                                                                       &Stub::BatchIsSuppressed,
                                                                       [](auto& r) {
                                                                         for (int i = 0; i < 10'001; ++i)
                                                                           r.add_addresses("a@b.example");
                                                                       }),
      Bad<v1::BatchIsSuppressedRequest, v1::BatchIsSuppressedResponse>(
          "message over the limit", grpc::StatusCode::RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE", &Stub::BatchIsSuppressed,
          [](auto& r) {
            for (int i = 0; i < 5; ++i) r.add_addresses(std::string(1 << 20, 'a'));
          }),
  };
}

std::vector<BadCall> BadReports() {
  const auto bad = [](std::string name, std::string reason, std::function<void(v1::ReportBounceRequest&)> change) {
    return Bad<v1::ReportBounceRequest, v1::ReportBounceResponse>(
        name, kInvalid, reason, &Stub::ReportBounce, [change](v1::ReportBounceRequest& r) {
          r.mutable_smtp_reply()->set_recipient("jo@example.com");
          r.mutable_smtp_reply()->set_text("550 no such user");
          change(r);
        });
  };
  return {
      bad("no report", "MISSING_FIELD", [](auto& r) { r.clear_report(); }),
      bad("no recipient", "NO_RECIPIENT", [](auto& r) { r.mutable_smtp_reply()->set_recipient(" "); }),
      bad("bad recipient", "INVALID_ADDRESS", [](auto& r) { r.mutable_smtp_reply()->set_recipient("jo"); }),
      bad("neither code nor text", "MISSING_FIELD", [](auto& r) { r.mutable_smtp_reply()->clear_text(); }),
      bad("code 99", "INVALID_FIELD", [](auto& r) { r.mutable_smtp_reply()->set_code(99); }),
      bad("code 600", "INVALID_FIELD", [](auto& r) { r.mutable_smtp_reply()->set_code(600); }),
      bad("enhanced code", "INVALID_FIELD", [](auto& r) { r.mutable_smtp_reply()->set_enhanced_code("5.1"); }),
      bad("unknown stage", "UNKNOWN_ENUM_VALUE",
          [](auto& r) { r.mutable_smtp_reply()->set_stage(static_cast<v1::SmtpReply::Stage>(77)); }),
      bad("long text", "FIELD_TOO_LONG", [](auto& r) { r.mutable_smtp_reply()->set_text(std::string(16'385, 'x')); }),
      bad("long MTA", "FIELD_TOO_LONG", [](auto& r) { r.mutable_smtp_reply()->set_remote_mta(std::string(256, 'x')); }),
      bad("long source", "FIELD_TOO_LONG", [](auto& r) { r.set_source(std::string(129, 'x')); }),
      bad("long message id", "FIELD_TOO_LONG", [](auto& r) { r.set_message_id(std::string(999, 'x')); }),
      bad("request id", "INVALID_REQUEST_ID", [](auto& r) { r.set_request_id("17"); }),
      bad("event id", "INVALID_FIELD", [](auto& r) { r.set_event_id("a\nb"); }),
      bad("future", "INVALID_FIELD", [](auto& r) { r.mutable_occurred_at()->set_seconds(4'000'000'000); }),
      bad("impossible time", "INVALID_FIELD", [](auto& r) { r.mutable_mail_sent_at()->set_nanos(-1); }),
      bad("time out of range", "INVALID_FIELD", [](auto& r) { r.mutable_mail_sent_at()->set_seconds(INT64_MAX); }),
      bad("feedback type", "UNKNOWN_FEEDBACK_TYPE",
          [](auto& r) {
            r.mutable_complaint()->set_recipient("jo@example.com");
            r.mutable_complaint()->set_feedback_type("compliment");
          }),
  };
}

std::vector<BadCall> BadLists() {
  const auto bad = [](std::string name, std::string reason, std::function<void(v1::ListSuppressionsRequest&)> fill) {
    return Bad<v1::ListSuppressionsRequest, v1::ListSuppressionsResponse>(name, kInvalid, reason,
                                                                          &Stub::ListSuppressions, fill);
  };
  return {
      bad("negative page size", "INVALID_PAGE_SIZE", [](auto& r) { r.set_page_size(-1); }),
      bad("garbled page token", "INVALID_PAGE_TOKEN", [](auto& r) { r.set_page_token("garbage"); }),
      bad("huge page token", "INVALID_PAGE_TOKEN", [](auto& r) { r.set_page_token(std::string(100'000, 'A')); }),
      bad("unknown order", "UNKNOWN_ENUM_VALUE",
          [](auto& r) { r.set_order(static_cast<v1::ListSuppressionsRequest::Order>(9)); }),
      bad("unknown reason", "UNKNOWN_ENUM_VALUE",
          [](auto& r) { r.mutable_filter()->add_reasons(static_cast<v1::BounceReason>(99)); }),
      bad("bad domain", "INVALID_DOMAIN", [](auto& r) { r.mutable_filter()->set_domain("a b"); }),
      bad("too many reasons", "FIELD_TOO_LONG",
          [](auto& r) {
            for (int i = 0; i < 101; ++i) r.mutable_filter()->add_reasons(v1::MAILBOX_FULL);
          }),
      bad("bad stream", "INVALID_STREAM", [](auto& r) { r.mutable_filter()->set_stream("A B"); }),
  };
}

std::vector<BadCall> BadWrites() {
  const auto reactivate = [](std::string name, grpc::StatusCode code, std::string reason,
                             std::function<void(v1::ReactivateRequest&)> change) {
    return Bad<v1::ReactivateRequest, v1::ReactivateResponse>(name, code, reason, &Stub::Reactivate,
                                                              [change](v1::ReactivateRequest& r) {
                                                                r.set_address("jo@example.com");
                                                                r.set_note("x");
                                                                change(r);
                                                              });
  };
  const auto suppress = [](std::string name, std::string reason, std::function<void(v1::SuppressRequest&)> change) {
    return Bad<v1::SuppressRequest, v1::SuppressResponse>(name, kInvalid, reason, &Stub::Suppress,
                                                          [change](v1::SuppressRequest& r) {
                                                            r.set_address("jo@example.com");
                                                            r.set_note("x");
                                                            change(r);
                                                          });
  };
  return {
      reactivate("unknown address", grpc::StatusCode::NOT_FOUND, "SUPPRESSION_NOT_FOUND", [](auto&) {}),
      reactivate("no note", kInvalid, "MISSING_FIELD", [](auto& r) { r.set_note(" "); }),
      reactivate("no target", kInvalid, "MISSING_FIELD", [](auto& r) { r.clear_address(); }),
      reactivate("a field of a later version", kInvalid, "UNKNOWN_FIELD",
                 [](auto& r) { r.GetReflection()->MutableUnknownFields(&r)->AddVarint(999, 1); }),
      reactivate("a later field within", kInvalid, "UNKNOWN_FIELD",
                 [](auto& r) {
                   v1::CauseSelector* cause = r.add_causes();
                   cause->GetReflection()->MutableUnknownFields(cause)->AddVarint(999, 1);
                 }),
      reactivate("selector without type", kInvalid, "MISSING_FIELD", [](auto& r) { r.add_causes(); }),
      reactivate("consent without evidence", kInvalid, "MISSING_FIELD", [](auto& r) { r.mutable_consent(); }),
      reactivate("consent in the future", kInvalid, "INVALID_FIELD",
                 [](auto& r) {
                   r.mutable_consent()->set_evidence("x");
                   r.mutable_consent()->mutable_obtained_at()->set_seconds(4'000'000'000);
                 }),
      suppress("a field of a later version", "UNKNOWN_FIELD",
               [](auto& r) { r.GetReflection()->MutableUnknownFields(&r)->AddVarint(999, 1); }),
      suppress("long note", "FIELD_TOO_LONG", [](auto& r) { r.set_note(std::string(2'001, 'x')); }),
      suppress("bounce by hand", "INVALID_FIELD", [](auto& r) { r.set_type(v1::Cause::HARD_BOUNCE); }),
      suppress("unknown type", "UNKNOWN_ENUM_VALUE", [](auto& r) { r.set_type(static_cast<v1::Cause::Type>(50)); }),
      suppress("expiry in the past", "INVALID_FIELD", [](auto& r) { r.mutable_expires_at()->set_seconds(1); }),
      suppress("bad domain", "INVALID_DOMAIN", [](auto& r) { r.clear_address(), r.set_domain("-x-.example"); }),
      Bad<v1::GetBounceDetailsRequest, v1::GetBounceDetailsResponse>(
          "details of an unknown address", grpc::StatusCode::NOT_FOUND, "SUPPRESSION_NOT_FOUND",
          &Stub::GetBounceDetails, [](auto& r) { r.set_address("jo@example.com"); }),
      Bad<v1::GetBounceDetailsRequest, v1::GetBounceDetailsResponse>(
          "negative max_events", kInvalid, "INVALID_FIELD", &Stub::GetBounceDetails,
          [](auto& r) { r.set_address("jo@example.com"), r.set_max_events(-1); }),
  };
}

TEST_F(ServiceTest, BadInputGetsItsStatusAndReasonAndChangesNothing) {
  for (const auto& rows : {BadChecks(), BadReports(), BadLists(), BadWrites()}) {
    for (const BadCall& row : rows) {
      const grpc::Status status = row.call(server_.stub());
      EXPECT_EQ(status.error_code(), row.code) << row.name << ": " << status.error_message();
      EXPECT_EQ(GrpcReason(status), row.reason) << row.name;
      EXPECT_EQ(status.error_message().find("example"), std::string::npos)
          << row.name << ": " << status.error_message();
    }
  }
  grpc::ClientContext context;
  v1::ListSuppressionsRequest request;
  request.mutable_filter()->set_state(v1::SuppressionFilter::EVER_SUPPRESSED);
  v1::ListSuppressionsResponse response;
  ASSERT_TRUE(server_.stub().ListSuppressions(&context, request, &response).ok());
  EXPECT_THAT(response.suppressions(), IsEmpty());
  EXPECT_FALSE(Check("jo@example.com").suppressed()) << "and the process keeps serving";
}

TEST_F(ServiceTest, SameRequestIdWithAnotherPayloadIsRefused) {
  auto request = Bounce("jo@example.com");
  request.set_request_id(absl::StrCat(kUuid, "7"));
  Report(request);
  EXPECT_TRUE(Report(request).duplicate());
  request.mutable_smtp_reply()->set_recipient("al@example.com");
  grpc::ClientContext context;
  v1::ReportBounceResponse response;
  const grpc::Status status = server_.stub().ReportBounce(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(GrpcReason(status), "REQUEST_ID_REUSED");
  EXPECT_FALSE(Check("al@example.com").suppressed());
}

TEST_F(ServiceTest, PageTokenOfAnotherFilterIsRefused) {
  Report(Bounce("a@example.com"));
  Report(Bounce("b@example.com"));
  v1::ListSuppressionsRequest request;
  v1::ListSuppressionsResponse response;
  request.set_page_size(1);
  grpc::ClientContext context;
  ASSERT_TRUE(server_.stub().ListSuppressions(&context, request, &response).ok());
  request.set_page_token(response.next_page_token());
  request.mutable_filter()->set_domain("example.com");
  grpc::ClientContext other_context;
  const grpc::Status status = server_.stub().ListSuppressions(&other_context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(GrpcReason(status), "INVALID_PAGE_TOKEN");
}

TEST_F(ServiceTest, ComplaintIsLiftedOnlyWithConsentFromAfterIt) {
  v1::ReportBounceRequest complaint;
  complaint.mutable_complaint()->set_recipient("jo@example.com");
  Report(complaint);
  server_.clock().Advance(absl::Hours(2));
  v1::ReactivateRequest request;
  request.set_address("jo@example.com");
  request.set_note("asked for mail again");
  request.add_causes()->set_type(v1::Cause::COMPLAINT);
  v1::ReactivateResponse response;
  grpc::ClientContext without_consent;
  const grpc::Status refused = server_.stub().Reactivate(&without_consent, request, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(GrpcReason(refused), "CONSENT_REQUIRED");
  request.mutable_consent()->set_evidence("double opt-in record 17");
  request.mutable_consent()->mutable_obtained_at()->set_seconds(absl::ToUnixSeconds(server_.clock().Now()) - 60);
  grpc::ClientContext with_consent;
  ASSERT_TRUE(server_.stub().Reactivate(&with_consent, request, &response).ok());
  EXPECT_TRUE(response.changed());
  EXPECT_FALSE(Check("jo@example.com").suppressed());
}

TEST(ServiceHistoryTest, WatchFromBeforeTheChangeLogIsHistoryGone) {
  StoreOptions options;
  options.change_log_max_revisions = 10;
  TestServer server(options);
  for (int i = 0; i < 60; ++i) {
    grpc::ClientContext context;
    v1::ReportBounceRequest request;
    v1::ReportBounceResponse response;
    request.mutable_smtp_reply()->set_recipient("jo@example.com");
    request.mutable_smtp_reply()->set_text("550 no such user");
    ASSERT_TRUE(server.stub().ReportBounce(&context, request, &response).ok());
  }
  grpc::ClientContext context;
  v1::WatchRequest request;
  request.set_after(EncodeToken({server.store().lineage(), 1}));
  auto reader = server.stub().Watch(&context, request);
  v1::WatchResponse change;
  EXPECT_FALSE(reader->Read(&change));
  const grpc::Status status = reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(GrpcReason(status), "HISTORY_GONE");
}

}  // namespace
}  // namespace suppressd
