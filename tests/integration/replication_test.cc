// Replicas that follow a server over real gRPC.
#include "server/replication/replication.h"

#include <gmock/gmock.h>

#include <atomic>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "storage/revision_token.h"
#include "tests/testing/commands.h"
#include "tests/testing/test_replica.h"
#include "tests/testing/test_server.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;

// Long enough that no socket takes a whole snapshot of theirs.
constexpr int kManyEntries = 6'000;

StoreOptions ShortLog() {
  StoreOptions options;
  options.change_log_max_revisions = 10;
  return options;
}

class ReplicationTest : public ::testing::Test {
 protected:
  void Start(StoreOptions store_options = {}, ReplicationOptions options = {}) {
    server_ = std::make_unique<TestServer>(store_options, ServiceOptions(), "", std::move(options));
  }
  TestReplica::Stub* stub() { return &server_->replication_stub(); }
  Store& store() { return server_->store(); }
  std::string TokenAt(uint64_t revision) { return EncodeToken({store().lineage(), revision}); }
  std::string HeadToken() { return TokenAt(store().head().head()); }

  // Applies commands, made now, and waits for the last of them.
  void Write(int first, int count, const std::string& tenant = "default", int note_bytes = 10) {
    absl::BlockingCounter left(count);
    for (int i = first; i < first + count; ++i) {
      stored::Command command = SuppressCommand(absl::StrCat("u", i, "@d", i % 97, ".example.com"), v1::Cause::MANUAL,
                                                absl::ToUnixMicros(server_->clock().Now()), tenant);
      command.mutable_suppress()->mutable_cause()->set_note(std::string(note_bytes, 'x'));
      server_->log().Append(command, [&](const auto& result) {
        EXPECT_TRUE(result.applied() && result.result.error_reason().empty());
        left.DecrementCount();
      });
    }
    left.Wait();
  }
  void WriteMany() { Write(0, kManyEntries, "default", 2'000); }

  // Fails unless the replica holds what the store holds now, entry by entry.
  void ExpectEqual(const TestReplica& replica) {
    const auto snapshot = store().reader().TakeSnapshot();
    ASSERT_TRUE(snapshot.ok());
    auto next = replica.entries().begin();
    ASSERT_TRUE((*snapshot)
                    ->Walk({},
                           [&](absl::string_view key, const stored::StoredEntry& entry) {
                             if (next == replica.entries().end() || next->first != key) return false;
                             EXPECT_EQ(next->second.SerializeAsString(), ToReplicaEntry(entry).SerializeAsString());
                             ++next;
                             return true;
                           })
                    .ok());
    EXPECT_EQ(next, replica.entries().end()) << "differs at entry " << std::distance(replica.entries().begin(), next);
    const v1::RangeChecksumsResponse sums = Sums({});
    ASSERT_EQ(sums.ranges_size(), 1);
    EXPECT_EQ(sums.ranges(0).sha256(), replica.Sum());
    EXPECT_EQ(sums.entry_count(), static_cast<int>(replica.entries().size()));
    EXPECT_EQ(sums.revision_token(), replica.token());
  }
  v1::RangeChecksumsResponse Sums(const v1::RangeChecksumsRequest& request) {
    grpc::ClientContext context;
    v1::RangeChecksumsResponse response;
    const grpc::Status status = stub()->RangeChecksums(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  std::map<std::string, v1::Replica> Replicas() {
    grpc::ClientContext context;
    v1::ListReplicasResponse response;
    EXPECT_TRUE(stub()->ListReplicas(&context, {}, &response).ok());
    std::map<std::string, v1::Replica> replicas;
    for (const v1::Replica& replica : response.replicas()) replicas[replica.id()] = replica;
    return replicas;
  }
  // A stream's end reaches its caller a little before the server has put it away. The calls keep the channel going,
  // which else would send a cancellation late.
  void AwaitNoStreams() {
    while (server_->replication().streams() > 0) Replicas();
  }

  std::unique_ptr<TestServer> server_;
};

TEST_F(ReplicationTest, SnapshotAndWatchWhileWritersWriteEndEqual) {
  ReplicationOptions options;
  options.times.heartbeat_interval = absl::Milliseconds(20);
  Start({}, options);
  Write(0, 5'000);
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::atomic<bool> enough{false};
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&, writer] {
      std::mt19937 random(seed + writer);
      for (int i = 0; !enough || i < 300; ++i) {
        const std::string address = absl::StrCat("u", random() % 6'000, "@d", random() % 97, ".example.com");
        const int64_t now = absl::ToUnixMicros(server_->clock().Now()) + i;
        absl::Notification done;
        const auto finish = [&](const auto&) { done.Notify(); };
        switch (random() % 3) {
          case 0:
            server_->log().Append(HardBounce(address, now), finish);
            break;
          case 1:
            server_->log().Append(ReactivateCommand(address, now), finish);
            break;
          default:
            server_->log().Append(SuppressCommand(address, v1::Cause::UNSUBSCRIBE, now), finish);
        }
        done.WaitForNotification();
      }
    });
  }
  TestReplica replica("r");
  EXPECT_TRUE(replica.LoadSnapshot(stub()).ok());
  EXPECT_TRUE(replica.loaded());
  enough = true;
  std::atomic<uint64_t> last{0};
  std::thread closer([&] {
    for (std::thread& writer : writers) writer.join();
    last = store().head().head();
  });
  grpc::ClientContext context;
  const auto reader = stub()->Follow(&context, replica.FollowRequest());
  v1::FollowResponse step;
  while (last == 0 || replica.token() != TokenAt(last)) {
    if (!reader->Read(&step)) {
      ADD_FAILURE() << reader->Finish().error_message();
      break;
    }
    replica.Apply(step);
  }
  closer.join();
  ExpectEqual(replica);
  context.TryCancel();
  reader->Finish();
}

TEST_F(ReplicationTest, EmptyListIsOneLastChunk) {
  Start();
  TestReplica replica("r");
  EXPECT_TRUE(replica.LoadSnapshot(stub()).ok());
  EXPECT_TRUE(replica.loaded());
  ExpectEqual(replica);
}

TEST_F(ReplicationTest, SnapshotIsResumedInTheMiddleAtTheSameRevision) {
  Start();
  WriteMany();
  const std::string taken_at = HeadToken();
  TestReplica replica("r");
  EXPECT_EQ(replica.LoadSnapshot(stub(), 3).error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_FALSE(replica.loaded());
  EXPECT_GT(replica.entries().size(), 300u);
  Write(0, 2'000);        // changes what was sent, what is to come ...
  Write(100'000, 1'000);  // ... and adds more
  EXPECT_TRUE(replica.LoadSnapshot(stub()).ok());
  EXPECT_TRUE(replica.loaded());
  EXPECT_EQ(replica.token(), taken_at);
  EXPECT_EQ(replica.entries().size(), static_cast<size_t>(kManyEntries));
  replica.FollowUntil(stub(), HeadToken());
  ExpectEqual(replica);
}

TEST_F(ReplicationTest, ResumeKeyFitsOneSnapshotOnly) {
  Start();
  WriteMany();
  TestReplica replica("r");
  replica.LoadSnapshot(stub(), 2);
  const auto refused = [&](const v1::SnapshotRequest& request) {
    grpc::ClientContext context;
    const auto reader = stub()->Snapshot(&context, request);
    v1::SnapshotResponse chunk;
    EXPECT_FALSE(reader->Read(&chunk));
    const grpc::Status status = reader->Finish();
    return absl::StrCat(GrpcReason(status), " ", GrpcField(status));
  };
  v1::SnapshotRequest request = replica.SnapshotRequest();
  request.add_tenants("other");
  EXPECT_EQ(refused(request), "INVALID_FIELD tenants");
  request = replica.SnapshotRequest();
  request.clear_revision_token();
  EXPECT_EQ(refused(request), "INVALID_FIELD resume_after");
  request = replica.SnapshotRequest();
  request.set_resume_after("garbled, garbled");
  EXPECT_EQ(refused(request), "INVALID_FIELD resume_after");
  request = replica.SnapshotRequest();
  request.set_revision_token(TokenAt(1));
  EXPECT_EQ(refused(request), "INVALID_FIELD resume_after");
  request.clear_resume_after();
  EXPECT_EQ(refused(request), "SNAPSHOT_GONE revision_token");
  request = replica.SnapshotRequest();
  request.set_replica_id("another");
  EXPECT_EQ(refused(request), "SNAPSHOT_GONE revision_token");
}

TEST_F(ReplicationTest, TenantsAreReplicatedAlone) {
  Start();
  Write(0, 100, "a");
  Write(0, 50, "b");
  Write(0, 70, "c");
  TestReplica replica("r", {"c", "b"});
  EXPECT_TRUE(replica.LoadSnapshot(stub()).ok());
  EXPECT_EQ(replica.entries().size(), 120u);
  Write(1000, 5, "a");
  Write(1000, 5, "b");
  replica.FollowUntil(stub(), HeadToken());
  EXPECT_EQ(replica.entries().size(), 125u);
  v1::RangeChecksumsRequest request;
  request.add_tenants("b");
  request.add_tenants("c");
  EXPECT_EQ(Sums(request).ranges(0).sha256(), replica.Sum());
}

TEST_F(ReplicationTest, SlowReaderIsCutAndResumes) {
  ReplicationOptions options;
  options.times.slow_reader_max = absl::Milliseconds(50);
  Start({}, options);
  WriteMany();
  TestReplica replica("r");
  grpc::ClientContext context;
  const auto reader = stub()->Snapshot(&context, replica.SnapshotRequest());
  v1::SnapshotResponse chunk;
  ASSERT_TRUE(reader->Read(&chunk));
  replica.Load(chunk);
  AwaitNoStreams();
  while (reader->Read(&chunk)) replica.Load(chunk);
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_FALSE(replica.loaded());
  while (!replica.loaded()) replica.LoadSnapshot(stub());  // a busy machine may be slow once more
  ExpectEqual(replica);
}

TEST_F(ReplicationTest, SlowWatcherIsCutAndResumes) {
  ReplicationOptions options;
  options.times.slow_reader_max = absl::Milliseconds(50);
  Start({}, options);
  TestReplica replica("r");
  replica.LoadSnapshot(stub());
  WriteMany();
  grpc::ClientContext context;
  const auto reader = stub()->Follow(&context, replica.FollowRequest());
  v1::FollowResponse step;
  ASSERT_TRUE(reader->Read(&step));
  replica.Apply(step);
  AwaitNoStreams();
  while (reader->Read(&step)) replica.Apply(step);
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  while (replica.token() != HeadToken()) replica.FollowUntil(stub(), HeadToken());
  ExpectEqual(replica);
}

TEST_F(ReplicationTest, NoMoreSnapshotsAtOnceThanThereMayBe) {
  ReplicationOptions options;
  options.snapshots.snapshots_max = 1;
  options.snapshots.random = [] { return 0.25; };
  Start({}, options);
  WriteMany();
  TestReplica first("first"), second("second");
  grpc::ClientContext context;
  const auto reader = stub()->Snapshot(&context, first.SnapshotRequest());
  v1::SnapshotResponse chunk;
  ASSERT_TRUE(reader->Read(&chunk));
  first.Load(chunk);
  const grpc::Status refused = second.LoadSnapshot(stub());
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(GrpcReason(refused), "OVERLOADED");
  EXPECT_EQ(GrpcRetryDelay(refused), absl::Milliseconds(3'250)) << "a quarter of the way from 1 s to 10 s";
  context.TryCancel();
  reader->Finish();
  AwaitNoStreams();
  EXPECT_EQ(server_->replication().snapshots(), 1) << "held for the first one to resume";
  EXPECT_TRUE(second.LoadSnapshot(stub()).ok());
  EXPECT_EQ(GrpcReason(first.LoadSnapshot(stub())), "SNAPSHOT_GONE") << "it had to make room";
  ExpectEqual(second);
}

TEST_F(ReplicationTest, NewSnapshotTakesThePlaceOfTheReplicasEarlierOne) {
  Start();
  WriteMany();
  TestReplica lost("r"), again("r");
  grpc::ClientContext context;
  const auto reader = stub()->Snapshot(&context, lost.SnapshotRequest());
  v1::SnapshotResponse chunk;
  ASSERT_TRUE(reader->Read(&chunk));
  EXPECT_TRUE(again.LoadSnapshot(stub()).ok());
  while (reader->Read(&chunk)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  AwaitNoStreams();
  EXPECT_EQ(server_->replication().snapshots(), 1);
}

TEST_F(ReplicationTest, ChangesAreKeptForALoadedReplicaUntilItHasCaughtUp) {
  Start(ShortLog());
  Write(0, 100);
  TestReplica replica("r");
  replica.LoadSnapshot(stub());
  Write(0, 1'000);
  EXPECT_EQ(store().reader().oldest_start(), 100u);
  grpc::ClientContext context;
  const auto reader = stub()->Follow(&context, replica.FollowRequest());
  v1::FollowResponse step;
  while (replica.token() != HeadToken()) {
    ASSERT_TRUE(reader->Read(&step));
    replica.Apply(step);
  }
  ExpectEqual(replica);
  while (store().reader().oldest_start() < 1'000) Write(0, 20);
  EXPECT_EQ(server_->replication().snapshots(), 0);
  context.TryCancel();
  reader->Finish();
}

TEST_F(ReplicationTest, ChangesAreKeptNoLongerThanTheHoldTime) {
  Start(ShortLog());
  Write(0, 100);
  TestReplica replica("r");
  replica.LoadSnapshot(stub());
  AwaitNoStreams();
  server_->clock().Advance(absl::Minutes(9));
  Write(0, 100);
  EXPECT_EQ(store().reader().oldest_start(), 100u);
  server_->clock().Advance(absl::Minutes(2));
  Write(0, 100);
  EXPECT_GT(store().reader().oldest_start(), 200u);
  const grpc::Status gone = replica.FollowUntil(stub(), HeadToken());
  EXPECT_EQ(gone.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(GrpcReason(gone), "HISTORY_GONE");
  EXPECT_EQ(GrpcErrorInfo(gone).metadata().at("oldest_token"), TokenAt(store().reader().oldest_start()));
}

TEST_F(ReplicationTest, SnapshotIsHeldNoLongerThanTheHoldTime) {
  Start();
  WriteMany();
  TestReplica replica("r");
  replica.LoadSnapshot(stub(), 1);
  AwaitNoStreams();
  server_->replication().Sweep();
  EXPECT_EQ(server_->replication().snapshots(), 1);
  server_->clock().Advance(absl::Minutes(11));
  EXPECT_EQ(GrpcReason(replica.LoadSnapshot(stub())), "SNAPSHOT_GONE") << "whether or not it was swept away yet";
  server_->replication().Sweep();
  EXPECT_EQ(server_->replication().snapshots(), 0);
}

TEST_F(ReplicationTest, SnapshotOfBeforeARestartIsGone) {
  Start();
  WriteMany();
  TestReplica replica("r");
  replica.LoadSnapshot(stub(), 1);
  server_->Restart();
  EXPECT_EQ(GrpcReason(replica.LoadSnapshot(stub())), "SNAPSHOT_GONE");
}

TEST_F(ReplicationTest, HeartbeatsCarryTheHead) {
  ReplicationOptions options;
  options.times.heartbeat_interval = absl::Milliseconds(1);
  Start({}, options);
  Write(0, 10, "other");
  TestReplica replica("r", {"mine"});
  replica.LoadSnapshot(stub());
  Write(0, 10, "other");
  grpc::ClientContext context;
  const auto reader = stub()->Follow(&context, replica.FollowRequest());
  v1::FollowResponse step;
  do {
    ASSERT_TRUE(reader->Read(&step));
    EXPECT_EQ(step.changes_size(), 0);
    EXPECT_FALSE(step.has_committed_at());
  } while (step.position().revision_token() != HeadToken());
  context.TryCancel();
  reader->Finish();
}

TEST_F(ReplicationTest, DrainEndsStreamsWithOkAndTurnsNewOnesAway) {
  Start();
  WriteMany();
  TestReplica loading("loading"), watching("watching");
  watching.LoadSnapshot(stub());
  Write(0, 1);
  grpc::ClientContext context, watch_context;
  const auto reader = stub()->Snapshot(&context, loading.SnapshotRequest());
  v1::SnapshotResponse chunk;
  ASSERT_TRUE(reader->Read(&chunk));
  loading.Load(chunk);
  const auto watch = stub()->Follow(&watch_context, watching.FollowRequest());
  v1::FollowResponse step;
  while (step.position().revision_token() != HeadToken()) ASSERT_TRUE(watch->Read(&step));
  server_->replication().BeginDrain();
  while (reader->Read(&chunk)) loading.Load(chunk);
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_FALSE(loading.loaded());
  EXPECT_FALSE(watch->Read(&step));
  EXPECT_TRUE(watch->Finish().ok());
  EXPECT_EQ(step.position().revision_token(), HeadToken()) << "to resume with";
  EXPECT_EQ(GrpcReason(loading.LoadSnapshot(stub())), "SHUTTING_DOWN");
  EXPECT_EQ(GrpcReason(watching.FollowUntil(stub(), "never")), "SHUTTING_DOWN");
}

TEST_F(ReplicationTest, ReplicasAreListedWithTheirStateAndLag) {
  Start();
  EXPECT_TRUE(Replicas().empty());
  WriteMany();
  TestReplica replica("site-1/pod:a");
  grpc::ClientContext loading_context;
  const auto loading = stub()->Snapshot(&loading_context, replica.SnapshotRequest());
  v1::SnapshotResponse chunk;
  ASSERT_TRUE(loading->Read(&chunk));
  v1::Replica seen = Replicas().at("site-1/pod:a");
  EXPECT_EQ(seen.state(), v1::Replica::LOADING);
  EXPECT_EQ(seen.version(), "test 1");
  EXPECT_EQ(seen.acknowledged_token(), "");
  while (loading->Read(&chunk)) {
  }
  ASSERT_TRUE(loading->Finish().ok());
  EXPECT_TRUE(replica.LoadSnapshot(stub()).ok());
  AwaitNoStreams();
  seen = Replicas().at("site-1/pod:a");
  EXPECT_EQ(seen.state(), v1::Replica::AWAY);
  EXPECT_EQ(seen.sent_token(), HeadToken());

  grpc::ClientContext context;
  const auto watch = stub()->Follow(&context, replica.FollowRequest());
  Write(0, 7);
  v1::FollowResponse step;
  while (step.position().revision_token() != HeadToken()) ASSERT_TRUE(watch->Read(&step));
  seen = Replicas().at("site-1/pod:a");
  EXPECT_EQ(seen.state(), v1::Replica::ATTACHED);
  EXPECT_EQ(seen.lag_revision_count(), 7);
  EXPECT_EQ(seen.sent_token(), HeadToken());
  EXPECT_EQ(seen.acknowledged_token(), replica.token());
  EXPECT_EQ(seen.last_seen_at().seconds(), absl::ToUnixSeconds(server_->clock().Now()));

  grpc::ClientContext acknowledge_context;
  v1::AcknowledgeRequest acknowledge;
  v1::AcknowledgeResponse acknowledged;
  acknowledge.set_replica_id("site-1/pod:a");
  acknowledge.mutable_position()->set_revision_token(TokenAt(kManyEntries + 5));
  ASSERT_TRUE(stub()->Acknowledge(&acknowledge_context, acknowledge, &acknowledged).ok());
  EXPECT_EQ(acknowledged.head_token(), HeadToken());
  EXPECT_EQ(Replicas().at("site-1/pod:a").lag_revision_count(), 2);
  context.TryCancel();
  watch->Finish();
  AwaitNoStreams();
  EXPECT_EQ(Replicas().at("site-1/pod:a").state(), v1::Replica::AWAY);
  server_->clock().Advance(absl::Hours(25));
  server_->replication().Sweep();
  EXPECT_TRUE(Replicas().empty());
}

TEST_F(ReplicationTest, ReplicaOfAnotherLineageIsRefusedAndListedAsSuch) {
  Start();
  v1::FollowRequest request;
  request.set_replica_id("r");
  request.mutable_after()->set_revision_token(EncodeToken({0xabcdef, 7}));
  grpc::ClientContext context;
  const grpc::Status status = stub()->Follow(&context, request)->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(GrpcReason(status), "LINEAGE_MISMATCH");
  EXPECT_EQ(Replicas().at("r").state(), v1::Replica::OTHER_LINEAGE);
  EXPECT_EQ(Replicas().at("r").lineage(), "0000000000abcdef");
}

TEST_F(ReplicationTest, AReplicaThatIsAheadOfARestoredBackupIsRefused) {
  Start();
  Write(0, 3);
  RevisionToken ahead = *DecodeToken(HeadToken(), "token");
  ++ahead.revision;
  v1::FollowRequest request;
  request.set_replica_id("r");
  request.mutable_after()->set_revision_token(EncodeToken(ahead));
  grpc::ClientContext context;
  EXPECT_EQ(GrpcReason(stub()->Follow(&context, request)->Finish()), "LINEAGE_MISMATCH");
}

TEST_F(ReplicationTest, AStateToldByARunThatThisServerNeverHadIsRefused) {
  Start();
  Write(0, 3);
  v1::FollowRequest watch;
  watch.set_replica_id("r");
  watch.mutable_after()->set_revision_token(HeadToken());
  watch.mutable_after()->set_timeline(server_->store().reader().timeline() ^ 1);
  grpc::ClientContext context;
  EXPECT_EQ(GrpcReason(stub()->Follow(&context, watch)->Finish()), "LINEAGE_MISMATCH");
  EXPECT_EQ(Replicas().at("r").state(), v1::Replica::OTHER_LINEAGE);
  v1::AcknowledgeRequest acknowledge;
  v1::AcknowledgeResponse acknowledged;
  acknowledge.set_replica_id("r");
  acknowledge.mutable_position()->set_revision_token(HeadToken());
  acknowledge.mutable_position()->set_timeline(watch.after().timeline());
  grpc::ClientContext refused;
  EXPECT_EQ(GrpcReason(stub()->Acknowledge(&refused, acknowledge, &acknowledged)), "LINEAGE_MISMATCH");
  acknowledge.mutable_position()->set_timeline(server_->store().reader().timeline());
  grpc::ClientContext taken;
  EXPECT_TRUE(stub()->Acknowledge(&taken, acknowledge, &acknowledged).ok());
  EXPECT_EQ(Replicas().at("r").state(), v1::Replica::AWAY);
}

TEST_F(ReplicationTest, ChecksumsTellWhichRangeDiffers) {
  Start();
  Write(0, 1'050);
  TestReplica replica("r");
  replica.LoadSnapshot(stub());
  Write(590, 1);  // the replica lacks this
  v1::RangeChecksumsRequest request;
  request.set_entries_per_range(100);
  request.set_at_least(HeadToken());
  const v1::RangeChecksumsResponse sums = Sums(request);
  ASSERT_EQ(sums.ranges_size(), 11);
  EXPECT_EQ(sums.ranges(10).entry_count(), 50);
  EXPECT_EQ(sums.ranges(10).until_key(), "");
  auto next = replica.entries().begin();
  std::vector<int> different;
  for (int i = 0; i < sums.ranges_size(); ++i) {
    const std::string& until = sums.ranges(i).until_key();
    std::string bytes;
    for (; next != replica.entries().end() && (until.empty() || next->first <= until); ++next) {
      AppendCanonical(next->second, &bytes);
    }
    if (Sha256(bytes) != sums.ranges(i).sha256()) different.push_back(i);
  }
  const std::string changed = EntryKey({"default", "d8.example.com", "u590"});  // 590 % 97 = 8
  ASSERT_EQ(different.size(), 1u);
  EXPECT_LE(changed, sums.ranges(different[0]).until_key());
  EXPECT_GT(changed, sums.ranges(different[0] - 1).until_key());

  // Looking into that range alone.
  request.set_after_key(sums.ranges(different[0] - 1).until_key());
  request.set_until_key(sums.ranges(different[0]).until_key());
  request.set_entries_per_range(0);
  EXPECT_EQ(Sums(request).ranges(0).sha256(), sums.ranges(different[0]).sha256());
  request.set_entries_per_range(1);
  EXPECT_EQ(Sums(request).ranges_size(), 100);
}

TEST_F(ReplicationTest, TheLastOfTooManyRangesHoldsTheRest) {
  Start();
  Write(0, 1'500);
  v1::RangeChecksumsRequest request;
  request.set_entries_per_range(1);
  const v1::RangeChecksumsResponse sums = Sums(request);
  EXPECT_EQ(sums.ranges_size(), 1'000);
  EXPECT_EQ(sums.ranges(998).entry_count(), 1);
  EXPECT_EQ(sums.ranges(999).entry_count(), 501);
  EXPECT_EQ(sums.entry_count(), 1'500);
}

TEST_F(ReplicationTest, BadRequestsAreRefused) {
  Start();
  const auto snapshot = [&](const std::function<void(v1::SnapshotRequest&)>& fill) {
    v1::SnapshotRequest request;
    request.set_replica_id("r");
    fill(request);
    grpc::ClientContext context;
    const grpc::Status status = stub()->Snapshot(&context, request)->Finish();
    return absl::StrCat(GrpcReason(status), " ", GrpcField(status));
  };
  EXPECT_EQ(snapshot([](auto& r) { r.clear_replica_id(); }), "MISSING_FIELD replica_id");
  EXPECT_EQ(snapshot([](auto& r) { r.set_replica_id("jo@example.com"); }), "INVALID_FIELD replica_id");
  EXPECT_EQ(snapshot([](auto& r) { r.set_replica_id(std::string(129, 'a')); }), "FIELD_TOO_LONG replica_id");
  EXPECT_EQ(snapshot([](auto& r) { r.set_replica_version(std::string(129, 'a')); }), "FIELD_TOO_LONG replica_version");
  EXPECT_EQ(snapshot([](auto& r) { r.add_tenants("Odd"); }), "INVALID_TENANT tenant");
  EXPECT_EQ(snapshot([](auto& r) { r.set_revision_token("garbled"); }), "INVALID_TOKEN revision_token");
  EXPECT_EQ(snapshot([](auto& r) {
              for (int i = 0; i < 101; ++i) r.add_tenants("a");
            }),
            "FIELD_TOO_LONG tenants");
  const auto watch = [&](const std::function<void(v1::FollowRequest&)>& fill) {
    v1::FollowRequest request;
    request.set_replica_id("r");
    request.mutable_after()->set_revision_token(TokenAt(0));
    fill(request);
    grpc::ClientContext context;
    const grpc::Status status = stub()->Follow(&context, request)->Finish();
    return absl::StrCat(GrpcReason(status), " ", GrpcField(status));
  };
  EXPECT_EQ(watch([](auto& r) { r.clear_replica_id(); }), "MISSING_FIELD replica_id");
  EXPECT_EQ(watch([](auto& r) { r.clear_after(); }), "MISSING_FIELD after");
  EXPECT_EQ(watch([](auto& r) { r.mutable_after()->set_revision_token("garbled"); }), "INVALID_TOKEN after");
  EXPECT_EQ(watch([](auto& r) { r.set_acknowledged_token("garbled"); }), "INVALID_TOKEN acknowledged_token");
  const auto sums = [&](const std::function<void(v1::RangeChecksumsRequest&)>& fill) {
    v1::RangeChecksumsRequest request;
    fill(request);
    grpc::ClientContext context;
    v1::RangeChecksumsResponse response;
    const grpc::Status status = stub()->RangeChecksums(&context, request, &response);
    return absl::StrCat(GrpcReason(status), " ", GrpcField(status));
  };
  EXPECT_EQ(sums([](auto& r) { r.set_entries_per_range(-1); }), "INVALID_FIELD entries_per_range");
  EXPECT_EQ(sums([](auto& r) { r.set_after_key(std::string(1025, 'a')); }), "FIELD_TOO_LONG after_key");
  EXPECT_EQ(sums([](auto& r) { r.set_at_least("garbled"); }), "INVALID_TOKEN at_least");
  const auto list = [&](const std::function<void(v1::ListReplicasRequest&)>& fill) {
    v1::ListReplicasRequest request;
    fill(request);
    grpc::ClientContext context;
    v1::ListReplicasResponse response;
    return GrpcReason(stub()->ListReplicas(&context, request, &response));
  };
  EXPECT_EQ(list([](auto& r) { r.set_page_size(-1); }), "INVALID_PAGE_SIZE");
  EXPECT_EQ(list([](auto& r) { r.set_page_token("*"); }), "INVALID_PAGE_TOKEN");
  EXPECT_TRUE(Replicas().empty());
}

}  // namespace
}  // namespace suppressd
