// What a sidecar does with reports while the server is away.
#include "tests/mail/mails.h"
#include "tests/sidecar/sidecar_fixture.h"

namespace suppressd {
namespace {

constexpr char kUuid[] = "3e0f5ad5-0a49-4d4e-bd2c-24a9a1c6f001";

class SidecarOutboxTest : public SidecarTest {
 protected:
  v1::ReportBounceResponse ReportLocally(TestSidecar& sidecar, const std::string& address,
                                         const std::string& request_id = "") {
    v1::ReportBounceResponse response;
    const grpc::Status status = Report(sidecar.stub(), address, &response, request_id);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.durability(), v1::ReportBounceResponse::AT_SIDECAR);
    return response;
  }
};

TEST_F(SidecarOutboxTest, ChecksGoOnWhileTheServerIsAway) {
  ReportTo(server_.stub(), "jo@example.com");
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  server_.Stop();
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "jo@example.com"));
  ASSERT_TRUE(Eventually([&] { return sidecar.Status().state() == v1::Replica::AWAY; }));
  EXPECT_FALSE(sidecar.Status().last_error().empty());
  sidecar.Stop();
  sidecar.Start();
  ASSERT_TRUE(sidecar.start_status().ok()) << sidecar.start_status();
  const v1::IsSuppressedResponse check = CheckAt(sidecar.stub(), "jo@example.com");
  EXPECT_TRUE(check.suppressed()) << "served at once from the replica on disk";
  EXPECT_TRUE(check.freshness().has_staleness()) << "noted before it stopped";
  v1::GetBounceDetailsRequest details;
  details.set_address("jo@example.com");
  v1::GetBounceDetailsResponse found;
  grpc::ClientContext context;
  EXPECT_EQ(GrpcReason(sidecar.stub().GetBounceDetails(&context, details, &found)), "UPSTREAM_UNREACHABLE");
}

TEST_F(SidecarOutboxTest, AReportIsKeptBlocksAtOnceAndIsDeliveredLater) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  server_.Stop();
  const v1::ReportBounceResponse taken = ReportLocally(sidecar, "Jo@Example.com");
  EXPECT_EQ(taken.outcomes(0).address(), "jo@example.com");
  EXPECT_EQ(taken.outcomes(0).effect(), v1::BounceEvent::SUPPRESSED);
  EXPECT_EQ(taken.outcomes(0).verdict().reason(), v1::ADDRESS_NOT_FOUND);
  v1::IsSuppressedResponse check = CheckAt(sidecar.stub(), "jo@example.com");
  ASSERT_TRUE(check.suppressed());
  EXPECT_TRUE(check.matches(0).not_yet_delivered());
  EXPECT_EQ(sidecar.Status().outbox_report_count(), 1);
  EXPECT_TRUE(sidecar.Status().has_outbox_oldest_at());

  v1::BatchIsSuppressedRequest batch;
  for (const char* address : {"a@example.com", "jo@example.com", "no address"}) batch.add_addresses(address);
  v1::BatchIsSuppressedResponse results;
  grpc::ClientContext context;
  ASSERT_TRUE(sidecar.stub().BatchIsSuppressed(&context, batch, &results).ok());
  ASSERT_EQ(results.results_size(), 2);
  EXPECT_EQ(results.results(0).index(), 1);
  using Answer = v1::IsSuppressedResponse;
  EXPECT_THAT(results.answers(), ::testing::ElementsAre(Answer::NOT_SUPPRESSED, Answer::SUPPRESSED, Answer::FAILED));
  EXPECT_EQ(results.results(1).index(), 2);

  server_.Start();
  ASSERT_TRUE(sidecar.AwaitDelivered());
  EXPECT_TRUE(IsSuppressed(server_.stub(), "jo@example.com"));
  ASSERT_TRUE(Eventually([&] {
    check = CheckAt(sidecar.stub(), "jo@example.com");
    EXPECT_TRUE(check.suppressed()) << "at every moment";
    return !check.matches(0).not_yet_delivered();
  }));
  EXPECT_EQ(check.matches_size(), 1);
  EXPECT_TRUE(IsEqual(sidecar));
}

TEST_F(SidecarOutboxTest, WhatWasAcknowledgedOutlivesARestart) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  server_.Stop();
  for (int i = 0; i < 20; ++i) ReportLocally(sidecar, "u" + std::to_string(i) + "@example.com");
  sidecar.Stop();
  sidecar.Start();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(IsSuppressed(sidecar.stub(), "u" + std::to_string(i) + "@example.com"));
  EXPECT_EQ(sidecar.Status().outbox_report_count(), 20);
  server_.Start();
  ASSERT_TRUE(sidecar.AwaitDelivered());
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(IsSuppressed(server_.stub(), "u" + std::to_string(i) + "@example.com"));
}

TEST_F(SidecarOutboxTest, ARepeatedReportIsTakenOnce) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  server_.Stop();
  EXPECT_FALSE(ReportLocally(sidecar, "jo@example.com", kUuid).duplicate());
  EXPECT_TRUE(ReportLocally(sidecar, "jo@example.com", kUuid).duplicate());
  v1::ReportBounceResponse other;
  EXPECT_EQ(GrpcReason(Report(sidecar.stub(), "ann@example.com", &other, kUuid)), "REQUEST_ID_REUSED");
  EXPECT_EQ(sidecar.Status().outbox_report_count(), 1);
  server_.Start();
  ASSERT_TRUE(sidecar.AwaitDelivered());
  v1::ReportBounceResponse again;
  ASSERT_TRUE(Report(server_.stub(), "jo@example.com", &again, kUuid).ok());
  EXPECT_TRUE(again.duplicate()) << "it was delivered under the same id, with the same payload";
}

TEST_F(SidecarOutboxTest, AMailThatIsReadAgainWhileTheServerIsAwayCountsOnce) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  server_.Stop();
  v1::ReportBounceRequest request;
  request.mutable_raw_message()->set_content(
      Dsn("It failed.",
          "Final-Recipient: rfc822; jo@example.com\nAction: failed\nStatus: 5.1.1\n"
          "Diagnostic-Code: smtp; 550 5.1.1 user unknown\n"));
  for (int i = 0; i < 3; ++i) {
    grpc::ClientContext context;
    Limit(&context);
    v1::ReportBounceResponse response;
    ASSERT_TRUE(sidecar.stub().ReportBounce(&context, request, &response).ok());
    EXPECT_EQ(response.durability(), v1::ReportBounceResponse::AT_SIDECAR);
  }
  EXPECT_EQ(CheckAt(sidecar.stub(), "jo@example.com").refusal_text().find("suppressed: address not found, since 20"),
            0u);
  server_.Start();
  ASSERT_TRUE(sidecar.AwaitDelivered());
  const v1::IsSuppressedResponse check = CheckAt(server_.stub(), "jo@example.com");
  ASSERT_EQ(check.matches_size(), 1);
  EXPECT_EQ(check.matches(0).cause().event_count(), 1);
  EXPECT_EQ(CheckAt(sidecar.stub(), "jo@example.com", check.revision_token()).refusal_text(), check.refusal_text());
}

TEST_F(SidecarOutboxTest, WhenItIsFullReportsAreRefusedAndNothingIsDropped) {
  SidecarOptions options = Options();
  options.outbox_max_reports = 3;
  TestSidecar sidecar(options);
  ASSERT_TRUE(sidecar.AwaitAttached());
  server_.Stop();
  for (const char* address : {"a@example.com", "b@example.com", "c@example.com"}) ReportLocally(sidecar, address);
  v1::ReportBounceResponse refused;
  const grpc::Status full = Report(sidecar.stub(), "d@example.com", &refused);
  EXPECT_EQ(full.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(GrpcReason(full), "OUTBOX_FULL");
  server_.Start();
  ASSERT_TRUE(sidecar.AwaitDelivered());
  for (const char* address : {"a@example.com", "b@example.com", "c@example.com"}) {
    EXPECT_TRUE(IsSuppressed(server_.stub(), address));
  }
  EXPECT_FALSE(IsSuppressed(server_.stub(), "d@example.com"));
}

TEST_F(SidecarOutboxTest, BadReportsAreRefusedAlsoWhileTheServerIsAway) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  server_.Stop();
  v1::ReportBounceResponse response;
  EXPECT_EQ(GrpcReason(Report(sidecar.stub(), "no address", &response)), "INVALID_ADDRESS");
  EXPECT_EQ(GrpcReason(Report(sidecar.stub(), "", &response)), "NO_RECIPIENT");
  EXPECT_EQ(GrpcReason(Report(sidecar.stub(), "jo@example.com", &response, "no uuid")), "INVALID_REQUEST_ID");
  EXPECT_EQ(sidecar.Status().outbox_report_count(), 0);
}

TEST_F(SidecarOutboxTest, AReactivationWaitsForTheReportsBeforeIt) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  server_.Stop();
  ReportLocally(sidecar, "jo@example.com");
  v1::ReactivateRequest request;
  request.set_address("jo@example.com");
  request.set_note("exists");
  v1::ReactivateResponse response;
  {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
    EXPECT_EQ(GrpcReason(sidecar.stub().Reactivate(&context, request, &response)), "UPSTREAM_UNREACHABLE");
  }
  server_.Start();
  grpc::ClientContext context;
  Limit(&context);
  const grpc::Status status = sidecar.stub().Reactivate(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.changed()) << "the report was there before";
  EXPECT_FALSE(IsSuppressed(sidecar.stub(), "jo@example.com", response.revision_token()));
}

TEST_F(SidecarOutboxTest, ReportsAboutOneAddressArriveInTheirOrder) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  server_.Stop();
  constexpr int kReports = 40;
  for (int i = 0; i < kReports; ++i) {
    v1::ReportBounceRequest request;
    request.mutable_smtp_reply()->set_recipient(i % 2 == 0 ? "jo@example.com" : "ann@example.com");
    request.mutable_smtp_reply()->set_code(550);
    request.mutable_smtp_reply()->set_text("5.1.1 no such user, number " + std::to_string(i));
    v1::ReportBounceResponse response;
    grpc::ClientContext context;
    ASSERT_TRUE(sidecar.stub().ReportBounce(&context, request, &response).ok());
  }
  server_.Start();
  ASSERT_TRUE(sidecar.AwaitDelivered());
  v1::GetBounceDetailsRequest details;
  details.set_address("jo@example.com");
  details.set_max_events(50);
  v1::GetBounceDetailsResponse found;
  grpc::ClientContext context;
  ASSERT_TRUE(server_.stub().GetBounceDetails(&context, details, &found).ok());
  ASSERT_EQ(found.events_size(), kReports / 2);
  for (int i = 0; i < found.events_size(); ++i) {
    EXPECT_EQ(found.events(i).diagnostic(), "5.1.1 no such user, number " + std::to_string(kReports - 2 - 2 * i));
  }
}

TEST_F(SidecarOutboxTest, PayloadsThatShareAnEventAreBothDelivered) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  server_.Stop();
  const auto event = [](const std::string& name) {
    return R"({"email":")" + name + R"(@example.com","event":"bounce","type":"bounce","sg_event_id":")" + name +
           R"(","reason":"550 5.1.1 no such user here","status":"5.1.1"})";
  };
  for (const std::string& payload :
       {"[" + event("a") + "," + event("b") + "]", "[" + event("a") + "," + event("c") + "]"}) {
    v1::ReportBounceRequest request;
    request.mutable_provider_event()->set_provider("sendgrid");
    request.mutable_provider_event()->set_payload(payload);
    v1::ReportBounceResponse response;
    grpc::ClientContext context;
    const grpc::Status status = sidecar.stub().ReportBounce(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.outcomes_size(), 2);
  }
  for (const char* address : {"a@example.com", "b@example.com", "c@example.com"}) {
    EXPECT_TRUE(IsSuppressed(sidecar.stub(), address)) << address;
  }
  server_.Start();
  ASSERT_TRUE(sidecar.AwaitDelivered());
  for (const char* address : {"a@example.com", "b@example.com", "c@example.com"}) {
    EXPECT_TRUE(IsSuppressed(server_.stub(), address)) << address;
  }
}

TEST_F(SidecarOutboxTest, StoppingFlushesTheOutboxFirst) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  server_.Stop();
  ReportLocally(sidecar, "jo@example.com");
  std::thread stop([&] { sidecar.Stop(absl::Seconds(60)); });
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "jo@example.com")) << "answered while it waits for the server";
  server_.Start();
  stop.join();
  EXPECT_TRUE(IsSuppressed(server_.stub(), "jo@example.com"));
}

TEST_F(SidecarOutboxTest, AReportThatIsNoBounceIsNotKept) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  server_.Stop();
  v1::ReportBounceRequest request;
  request.mutable_raw_message()->set_content("From: Jo <jo@example.com>\r\nSubject: lunch?\r\n\r\nAt noon?\r\n");
  v1::ReportBounceResponse response;
  grpc::ClientContext context;
  const grpc::Status status = sidecar.stub().ReportBounce(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.durability(), v1::ReportBounceResponse::NOT_KEPT);
  EXPECT_EQ(sidecar.Status().outbox_report_count(), 0);
}

// As a sidecar leaves it that is killed after the server took the first of many, and before its replica showed them.
TEST_F(SidecarOutboxTest, DeliveryGoesOnBehindWhatWasDeliveredBeforeARestart) {
  constexpr int kReports = 400, kDelivered = 200;  // more than are read at once
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  server_.Stop();
  for (int i = 0; i < kReports; ++i) ReportLocally(sidecar, "u" + std::to_string(i) + "@example.com");
  sidecar.Stop();
  {
    auto outbox = Outbox::Open({.path = sidecar.options().data_dir + "/outbox"},
                               [](uint64_t, const stored::OutboxReport&, const std::string&) {});
    ASSERT_TRUE(outbox.ok()) << outbox.status();
    const std::string later = EncodeToken({(*Store::Open(server_.store_options()))->lineage(), 1'000'000});
    for (uint64_t number = 1; number <= kDelivered; ++number) ASSERT_TRUE((*outbox)->NoteDelivered(number, later).ok());
  }
  sidecar.Start();
  v1::ReactivateRequest reactivate;
  reactivate.set_address("u399@example.com");
  reactivate.set_note("works again");
  v1::ReactivateResponse reactivated;
  {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(2));
    EXPECT_EQ(sidecar.stub().Reactivate(&context, reactivate, &reactivated).error_code(), grpc::StatusCode::UNAVAILABLE)
        << "it does not overtake the report";
  }
  server_.Start();
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  const grpc::Status passed = sidecar.stub().Reactivate(&context, reactivate, &reactivated);
  EXPECT_TRUE(passed.ok()) << passed.error_message();
  EXPECT_TRUE(reactivated.changed()) << "the report was there before it";
  EXPECT_TRUE(sidecar.AwaitDelivered());
  for (int i = kDelivered; i < kReports - 1; ++i) {
    EXPECT_TRUE(IsSuppressed(server_.stub(), "u" + std::to_string(i) + "@example.com")) << i;
  }
}

// The server takes writes, but lets no replica follow; and then it is gone.
TEST_F(SidecarOutboxTest, WhatWasPassedOnBlocksHereUntilTheReplicaShowsIt) {
  const auto server =
      std::make_unique<TestServer>(StoreOptions{}, ServiceOptions{}, "", ReplicationOptions{.follows_max = 1});
  SidecarOptions options = Options();
  options.upstream = server->address();
  options.tenants = {"default"};
  TestSidecar blocker(options);
  ASSERT_TRUE(blocker.AwaitAttached());
  options.listen_addresses = {"unix:" + (directory_ / "two.sock")};
  options.data_dir = directory_ / "two";
  options.replica_id = "two";
  TestSidecar sidecar(options);
  ASSERT_TRUE(sidecar.AwaitServing());

  v1::ReportBounceResponse taken;
  ASSERT_TRUE(Report(sidecar.stub(), "jo@example.com", &taken).ok());
  ASSERT_EQ(taken.durability(), v1::ReportBounceResponse::AT_SERVER);
  v1::SuppressRequest suppress;
  suppress.set_domain("example.org");
  suppress.set_note("asked for");
  v1::SuppressResponse suppressed;
  grpc::ClientContext context;
  Limit(&context);
  ASSERT_TRUE(sidecar.stub().Suppress(&context, suppress, &suppressed).ok());

  for (const bool away : {false, true}) {
    if (away) server->Stop();
    const v1::IsSuppressedResponse jo = CheckAt(sidecar.stub(), "jo@example.com");
    ASSERT_TRUE(jo.suppressed());
    EXPECT_FALSE(jo.matches(0).not_yet_delivered()) << "the server has it";
    EXPECT_EQ(jo.matches(0).cause().type(), v1::Cause::HARD_BOUNCE);
    EXPECT_EQ(jo.matches(0).cause().reason(), v1::ADDRESS_NOT_FOUND);
    const v1::IsSuppressedResponse domain = CheckAt(sidecar.stub(), "anyone@example.org");
    ASSERT_TRUE(domain.suppressed());
    EXPECT_EQ(domain.matches(0).matched_domain(), "example.org");
    EXPECT_FALSE(IsSuppressed(sidecar.stub(), "ann@example.com"));
  }
  blocker.Stop();
  server->Start();
  ASSERT_TRUE(sidecar.AwaitAttached());
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "jo@example.com", taken.revision_token()));
  v1::ReactivateRequest reactivate;
  reactivate.set_address("jo@example.com");
  reactivate.set_note("works again");
  v1::ReactivateResponse reactivated;
  grpc::ClientContext reactivating;
  Limit(&reactivating);
  ASSERT_TRUE(sidecar.stub().Reactivate(&reactivating, reactivate, &reactivated).ok());
  EXPECT_FALSE(IsSuppressed(sidecar.stub(), "jo@example.com", reactivated.revision_token())) << "the block has ended";
  sidecar.Stop();
}

}  // namespace
}  // namespace suppressd
