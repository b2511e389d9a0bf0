// A sidecar beside its server: how it follows, answers, and passes on.
#include "absl/synchronization/notification.h"
#include "tests/sidecar/sidecar_fixture.h"
#include "tests/testing/commands.h"
#include "tests/testing/unreadable_requests.h"

namespace suppressd {
namespace {

TEST_F(SidecarTest, AnswersFromItsReplicaAndSaysHowFreshItIs) {
  ReportTo(server_.stub(), "before@example.com");
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "before@example.com"));
  const std::string token = ReportTo(server_.stub(), "after@example.com");
  const v1::IsSuppressedResponse check = CheckAt(sidecar.stub(), "after@example.com", token);
  EXPECT_TRUE(check.suppressed());
  EXPECT_EQ(check.revision_token(), token);
  EXPECT_EQ(check.freshness().basis(), v1::Freshness::REPLICA);
  EXPECT_TRUE(check.freshness().has_staleness());
  EXPECT_FALSE(check.matches(0).not_yet_delivered());
  EXPECT_FALSE(IsSuppressed(sidecar.stub(), "other@example.com"));
  EXPECT_TRUE(IsEqual(sidecar));
}

TEST_F(SidecarTest, AnswersBatchesAndListingsThroughTheHandlersOfTheServer) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  std::string token;
  for (const char* address : {"a@example.com", "b@example.com", "c@example.com"}) {
    server_.clock().Advance(absl::Seconds(1));
    token = ReportTo(server_.stub(), address);
  }
  v1::BatchIsSuppressedRequest batch;
  for (const char* address : {"no address", "x@example.com", "b@example.com"}) batch.add_addresses(address);
  batch.set_at_least(token);
  v1::BatchIsSuppressedResponse results;
  grpc::ClientContext batch_context;
  ASSERT_TRUE(sidecar.stub().BatchIsSuppressed(&batch_context, batch, &results).ok());
  ASSERT_EQ(results.results_size(), 2);
  using Answer = v1::IsSuppressedResponse;
  EXPECT_THAT(results.answers(), ::testing::ElementsAre(Answer::FAILED, Answer::NOT_SUPPRESSED, Answer::SUPPRESSED));
  EXPECT_EQ(results.results(0).error().reason(), "INVALID_ADDRESS");
  EXPECT_EQ(results.results(1).index(), 2);
  EXPECT_EQ(results.freshness().basis(), v1::Freshness::REPLICA);

  v1::ListSuppressionsRequest list;
  list.set_page_size(2);
  v1::ListSuppressionsResponse page;
  grpc::ClientContext list_context;
  ASSERT_TRUE(sidecar.stub().ListSuppressions(&list_context, list, &page).ok());
  ASSERT_EQ(page.suppressions_size(), 2);
  EXPECT_EQ(page.suppressions(0).address(), "c@example.com");
  v1::CountSuppressionsResponse counts;
  grpc::ClientContext count_context;
  ASSERT_TRUE(sidecar.stub().CountSuppressions(&count_context, {}, &counts).ok());
  EXPECT_EQ(counts.total_count(), 3);
  EXPECT_EQ(counts.freshness().basis(), v1::Freshness::REPLICA);
  list.set_page_token(page.next_page_token());
  grpc::ClientContext next_context;
  ASSERT_TRUE(sidecar.stub().ListSuppressions(&next_context, list, &page).ok());
  EXPECT_EQ(page.suppressions(0).address(), "a@example.com");
}

TEST_F(SidecarTest, PassesOnWritesAndDetailsAndReadsWhatItWrote) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  const std::string reported = ReportTo(sidecar.stub(), "jo@example.com");
  EXPECT_FALSE(reported.empty()) << "the server took it";
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "jo@example.com", reported));

  v1::GetBounceDetailsRequest details;
  details.set_address("jo@example.com");
  v1::GetBounceDetailsResponse found;
  grpc::ClientContext details_context;
  ASSERT_TRUE(sidecar.stub().GetBounceDetails(&details_context, details, &found).ok());
  EXPECT_EQ(found.events(0).diagnostic(), "5.1.1 no such user here");

  v1::ReactivateRequest reactivate;
  reactivate.set_address("jo@example.com");
  reactivate.set_note("exists again");
  v1::ReactivateResponse reactivated;
  grpc::ClientContext reactivate_context;
  ASSERT_TRUE(sidecar.stub().Reactivate(&reactivate_context, reactivate, &reactivated).ok());
  EXPECT_FALSE(IsSuppressed(sidecar.stub(), "jo@example.com", reactivated.revision_token()));

  v1::SuppressRequest suppress;
  suppress.set_domain("example.com");
  suppress.set_note("closed");
  v1::SuppressResponse suppressed;
  grpc::ClientContext suppress_context;
  ASSERT_TRUE(sidecar.stub().Suppress(&suppress_context, suppress, &suppressed).ok());
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "jo@example.com", suppressed.revision_token()));
}

TEST_F(SidecarTest, ErrorsOfTheServerComeThroughAsTheyAre) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  v1::ReactivateRequest request;
  request.set_address("nobody@example.com");
  request.set_note("why not");
  v1::ReactivateResponse response;
  grpc::ClientContext context;
  const grpc::Status status = sidecar.stub().Reactivate(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(GrpcReason(status), "SUPPRESSION_NOT_FOUND");
  v1::ReportBounceResponse reported;
  EXPECT_EQ(GrpcReason(Report(sidecar.stub(), "no address", &reported)), "INVALID_ADDRESS");
}

TEST_F(SidecarTest, WatchesAreServedFromTheReplica) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  const std::string start = CheckAt(sidecar.stub(), "jo@example.com").revision_token();
  grpc::ClientContext context;
  v1::WatchRequest request;
  request.set_after(start);
  const auto reader = sidecar.stub().Watch(&context, request);
  const std::string token = ReportTo(server_.stub(), "jo@example.com");
  v1::WatchResponse step;
  ASSERT_TRUE(reader->Read(&step));
  EXPECT_EQ(step.revision_token(), start);
  ASSERT_TRUE(reader->Read(&step));
  EXPECT_EQ(step.revision_token(), token);
  EXPECT_EQ(step.changes(0).suppression().address(), "jo@example.com");
  context.TryCancel();
}

TEST_F(SidecarTest, MaxStalenessIsHonouredByAskingTheServer) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  for (int i = 0; i < 50; ++i) {
    const std::string address = "u" + std::to_string(i) + "@example.com";
    ReportTo(server_.stub(), address);
    v1::IsSuppressedRequest request;
    request.set_address(address);
    request.mutable_max_staleness();  // 0: what the server has now
    v1::IsSuppressedResponse response;
    const grpc::Status status = Check(sidecar.stub(), request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_TRUE(response.suppressed()) << i;
  }
  server_.Stop();
  v1::IsSuppressedRequest request;
  request.set_address("u0@example.com");
  request.mutable_max_staleness();
  v1::IsSuppressedResponse response;
  const grpc::Status stale = Check(sidecar.stub(), request, &response);
  EXPECT_EQ(stale.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(GrpcReason(stale), "TOO_STALE");
  request.mutable_max_staleness()->set_seconds(3'600);
  EXPECT_TRUE(Check(sidecar.stub(), request, &response).ok());
  request.mutable_max_staleness()->set_seconds(-1);
  EXPECT_EQ(GrpcReason(Check(sidecar.stub(), request, &response)), "INVALID_FIELD");
}

TEST_F(SidecarTest, BytesThatAreNoMessageAreAnInvalidFieldInEveryCall) {
  const SidecarOptions options = Options();
  TestSidecar sidecar(options);
  ASSERT_TRUE(sidecar.AwaitAttached());
  ExpectUnreadableRequestsAreRefusedWithAReason(options.listen_addresses[0]);
}

TEST_F(SidecarTest, AStateThatIsNotReachedInTimeIsAnError) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  RevisionToken later = *DecodeToken(CheckAt(sidecar.stub(), "jo@example.com").revision_token(), "token");
  later.revision += 1'000;
  v1::IsSuppressedRequest request;
  request.set_address("jo@example.com");
  request.set_at_least(EncodeToken(later));
  v1::IsSuppressedResponse response;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
  EXPECT_EQ(GrpcReason(sidecar.stub().IsSuppressed(&context, request, &response)), "REVISION_NOT_REACHED");
}

TEST_F(SidecarTest, FollowsSomeListsOnlyAndSaysSoForOthers) {
  v1::SuppressRequest suppress;
  for (const char* tenant : {"shop", "news"}) {
    suppress.set_tenant(tenant);
    suppress.set_address(std::string(tenant) + "@example.com");
    suppress.set_note("test");
    v1::SuppressResponse suppressed;
    grpc::ClientContext context;
    ASSERT_TRUE(server_.stub().Suppress(&context, suppress, &suppressed).ok());
  }
  SidecarOptions options = Options();
  options.tenants = {"shop"};
  TestSidecar sidecar(options);
  ASSERT_TRUE(sidecar.AwaitAttached());
  v1::IsSuppressedRequest request;
  request.set_tenant("shop");
  request.set_address("shop@example.com");
  v1::IsSuppressedResponse response;
  ASSERT_TRUE(Check(sidecar.stub(), request, &response).ok());
  EXPECT_TRUE(response.suppressed());
  request.set_tenant("news");
  const grpc::Status refused = Check(sidecar.stub(), request, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(GrpcReason(refused), "NOT_SERVED_HERE");
  EXPECT_EQ(sidecar.Status().estimated_entry_count(), 1);

  // With other lists the replica on disk is of no use.
  sidecar.Stop();
  sidecar.options().tenants = {"news", "shop"};
  sidecar.Start();
  ASSERT_TRUE(sidecar.AwaitAttached());
  ASSERT_TRUE(Check(sidecar.stub(), request, &response).ok());
}

TEST_F(SidecarTest, IsSeenByTheServer) {
  TestSidecar sidecar(Options("beside-the-shop"));
  ASSERT_TRUE(sidecar.AwaitAttached());
  const std::string token = ReportTo(server_.stub(), "jo@example.com");
  const auto acknowledged = [&] {
    grpc::ClientContext context;
    v1::ListReplicasResponse replicas;
    EXPECT_TRUE(sidecar.replication_stub().ListReplicas(&context, {}, &replicas).ok()) << "passed on";
    return replicas.replicas_size() == 1 && replicas.replicas(0).id() == "beside-the-shop" &&
           replicas.replicas(0).state() == v1::Replica::ATTACHED && replicas.replicas(0).acknowledged_token() == token;
  };
  EXPECT_TRUE(Eventually(acknowledged));
}

TEST_F(SidecarTest, TellsHowItIsDoingAndWhatItDoesNotServe) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  grpc::ClientContext status_context;
  v1::GetSidecarStatusResponse status;
  ASSERT_TRUE(sidecar.sidecar_stub().GetSidecarStatus(&status_context, {}, &status).ok());
  EXPECT_EQ(status.replica_id(), "one");
  EXPECT_EQ(status.upstream(), server_.address());
  EXPECT_EQ(status.state(), v1::Replica::ATTACHED);
  EXPECT_EQ(status.outbox_report_count(), 0);
  EXPECT_EQ(status.last_error(), "");

  grpc::ClientContext server_context;
  EXPECT_EQ(GrpcReason(server_.sidecar_stub().GetSidecarStatus(&server_context, {}, &status)), "NOT_SERVED_HERE");
  grpc::ClientContext acknowledge_context;
  v1::AcknowledgeResponse acknowledged;
  EXPECT_EQ(GrpcReason(sidecar.replication_stub().Acknowledge(&acknowledge_context, {}, &acknowledged)),
            "NOT_SERVED_HERE");
  grpc::ClientContext snapshot_context;
  v1::SnapshotResponse chunk;
  const auto snapshot = sidecar.replication_stub().Snapshot(&snapshot_context, {});
  EXPECT_FALSE(snapshot->Read(&chunk));
  EXPECT_EQ(GrpcReason(snapshot->Finish()), "NOT_SERVED_HERE");
  grpc::ClientContext watch_context;
  v1::FollowResponse step;
  const auto watch = sidecar.replication_stub().Follow(&watch_context, {});
  EXPECT_FALSE(watch->Read(&step));
  EXPECT_EQ(GrpcReason(watch->Finish()), "NOT_SERVED_HERE");
}

TEST_F(SidecarTest, AChangeThatComesInPartsArrivesWhole) {
  constexpr int kRecipients = 400;
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  const int64_t now = absl::ToUnixMicros(server_.clock().Now());
  const auto append = [&](const stored::Command& command) {
    absl::Notification done;
    server_.log().Append(command, [&done](const AppendResult& result) {
      EXPECT_TRUE(result.applied() && result.result.error_reason().empty());
      done.Notify();
    });
    done.WaitForNotification();
  };
  stored::Command report = HardBounce("u0@example.com", now);
  for (int i = 0; i < kRecipients; ++i) {
    const std::string address = "u" + std::to_string(i) + "@example.com";
    for (int reason = 0; reason < 4; ++reason) {
      stored::Command suppress = SuppressCommand(address, v1::Cause::MANUAL, now);
      suppress.mutable_suppress()->mutable_cause()->set_reason(static_cast<v1::BounceReason>(reason));
      suppress.mutable_suppress()->mutable_cause()->set_note(std::string(2'000, 'n'));
      append(suppress);
    }
    if (i > 0) *report.mutable_report()->add_recipients() = HardBounce(address, now).report().recipients(0);
  }
  append(report);  // one change of about 3 MiB
  EXPECT_TRUE(IsEqual(sidecar));
}

TEST_F(SidecarTest, ManyChangesInAHurryArriveInOrderAndAllOfThem) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; ++t) {
    writers.emplace_back([&, t] {
      for (int i = 0; i < 300; ++i) {
        ReportTo(server_.stub(), "u" + std::to_string(i % 50) + "@d" + std::to_string(t) + ".example.com");
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_TRUE(IsEqual(sidecar));
}

}  // namespace
}  // namespace suppressd
