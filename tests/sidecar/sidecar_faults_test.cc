// What a sidecar makes of a server that is not what it should be, and of a disk that is not.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "server/replication/replica_entry.h"
#include "tests/sidecar/sidecar_fixture.h"
#include "tests/testing/faulty_file_system.h"

namespace suppressd {
namespace {

// A server whose snapshot can be spoiled.
class SpoiledServer final : public v1::ReplicationService::Service {
 public:
  enum class Spoil { kNothing, kChecksum, kMissing, kToken, kMixedTokens, kBrokenOff };

  explicit SpoiledServer(const std::string& address) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~SpoiledServer() override { server_->Shutdown(std::chrono::system_clock::now()); }

  grpc::Status Snapshot(grpc::ServerContext*, const v1::SnapshotRequest* request,
                        grpc::ServerWriter<v1::SnapshotResponse>* writer) override {
    ++snapshots;
    constexpr int kEntries = 10;
    const int begin = request->resume_after().empty() ? 0 : std::stoi(request->resume_after());
    for (int i = begin; i < kEntries; ++i) {
      if (spoil == Spoil::kBrokenOff && i == begin + 3) return grpc::Status::OK;
      v1::SnapshotResponse chunk;
      v1::ReplicaEntry* entry = chunk.add_entries();
      entry->set_revision(1 + i);
      entry->mutable_suppression()->set_tenant("default");
      entry->mutable_suppression()->set_address("u" + std::to_string(i) + "@example.com");
      v1::Cause* cause = entry->mutable_suppression()->add_causes();
      cause->set_type(v1::Cause::MANUAL);
      cause->set_state(v1::Cause::ACTIVE);
      std::string bytes;
      AppendCanonical(*entry, &bytes);
      chunk.set_checksum(Crc32(bytes) + (spoil == Spoil::kChecksum && i == 5 ? 1 : 0));
      chunk.mutable_position()->set_revision_token(
          spoil == Spoil::kToken ? "garbage"
                                 : EncodeToken({kLineage, spoil == Spoil::kMixedTokens && i > 4 ? 11U : 10U}));
      chunk.set_entry_count(i + (spoil == Spoil::kMissing ? 2 : 1));
      chunk.set_resume_key(std::to_string(i + 1));
      chunk.set_more_follows(i + 1 < kEntries);
      chunk.set_min_reader(min_reader);
      chunk.set_checksum_form(kChecksumForm);
      writer->Write(chunk);
    }
    return grpc::Status::OK;
  }
  grpc::Status Acknowledge(grpc::ServerContext*, const v1::AcknowledgeRequest*,
                           v1::AcknowledgeResponse* response) override {
    response->set_head_token(EncodeToken({kLineage, head}));
    return grpc::Status::OK;
  }
  grpc::Status Follow(grpc::ServerContext* context, const v1::FollowRequest* request,
                      grpc::ServerWriter<v1::FollowResponse>* writer) override {
    ++watches;
    follows_after = DecodeToken(request->after().revision_token(), "after")->revision;
    if (on_follow) on_follow(writer);
    while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return grpc::Status::CANCELLED;
  }

  static constexpr uint64_t kLineage = 77;
  std::function<void(grpc::ServerWriter<v1::FollowResponse>*)> on_follow;  // set before anybody follows
  std::atomic<Spoil> spoil{Spoil::kNothing};
  std::atomic<int> min_reader{kReplicaForm};
  std::atomic<int> snapshots{0};
  std::atomic<int> watches{0};
  std::atomic<uint64_t> head{10};          // a replica that is ahead of it takes a new snapshot
  std::atomic<uint64_t> follows_after{0};  // the revision that the newest follower has

 private:
  std::unique_ptr<grpc::Server> server_;
};

class SidecarFaultsTest : public SidecarTest {
 protected:
  SidecarOptions SpoiledOptions() {
    SidecarOptions options = Options();
    options.upstream = spoiled_address_;
    return options;
  }
  // Stops the server, copies what it holds, and starts it again.
  void BackUpServer() {
    server_.Stop();
    std::filesystem::copy(server_.data_directory(), backup_, std::filesystem::copy_options::recursive);
    server_.Start();
  }
  // Starts the server with that copy in the place of what it held.
  void RestoreServer() {
    server_.Stop();
    std::filesystem::remove_all(server_.data_directory());
    std::filesystem::copy(backup_, server_.data_directory(), std::filesystem::copy_options::recursive);
    server_.Start();
  }
  std::shared_ptr<FaultyFileSystem> files_ = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
  const std::string backup_ = directory_ / "backup";
  const std::string spoiled_address_ = "unix:" + (directory_ / "spoiled");
};

TEST_F(SidecarFaultsTest, ADamagedSnapshotIsNeverServed) {
  SpoiledServer server(spoiled_address_);
  for (const auto spoil : {SpoiledServer::Spoil::kChecksum, SpoiledServer::Spoil::kMissing,
                           SpoiledServer::Spoil::kToken, SpoiledServer::Spoil::kMixedTokens}) {
    server.spoil = spoil;
    server.snapshots = 0;
    TestSidecar sidecar(SpoiledOptions());
    ASSERT_TRUE(Eventually([&] { return server.snapshots >= 1 && !sidecar.Status().last_error().empty(); }));
    EXPECT_TRUE(sidecar.Status().revision_token().empty());
    EXPECT_THAT(sidecar.Status().last_error(), ::testing::HasSubstr("damaged"));
    server.spoil = SpoiledServer::Spoil::kNothing;
    ASSERT_TRUE(sidecar.AwaitAttached()) << "the next one is sound";
    EXPECT_TRUE(IsSuppressed(sidecar.stub(), "u9@example.com"));
    sidecar.Stop();
    std::filesystem::remove_all(sidecar.options().data_dir);
  }
}

TEST_F(SidecarFaultsTest, ASnapshotThatBreaksOffIsResumed) {
  SpoiledServer server(spoiled_address_);
  server.spoil = SpoiledServer::Spoil::kBrokenOff;
  TestSidecar sidecar(SpoiledOptions());
  ASSERT_TRUE(sidecar.AwaitAttached());
  EXPECT_EQ(server.snapshots, 4) << "three entries at a time, and no entry twice";
  EXPECT_EQ(Sum(sidecar.replication_stub(), "").entry_count(), 10);
}

v1::FollowResponse StepAt(uint64_t revision) {
  v1::FollowResponse step;
  step.mutable_position()->set_revision_token(EncodeToken({SpoiledServer::kLineage, revision}));
  step.set_min_reader(kReplicaForm);
  return step;
}

TEST_F(SidecarFaultsTest, WhatTheServerErasedIsDeletedAndStaysSo) {
  SpoiledServer server(spoiled_address_);
  server.on_follow = [&](grpc::ServerWriter<v1::FollowResponse>* writer) {
    server.head = 11;
    if (server.follows_after >= 11) return;  // it has the step
    v1::FollowResponse step = StepAt(11);
    v1::ReplicaChange* change = step.add_changes();
    change->set_kind(v1::Change::ERASED);
    change->mutable_entry()->set_revision(11);
    change->mutable_entry()->mutable_suppression()->set_tenant("default");
    change->mutable_entry()->mutable_suppression()->set_address("u3@example.com");
    writer->Write(step);
  };
  {
    TestSidecar sidecar(SpoiledOptions());
    ASSERT_TRUE(sidecar.AwaitAttached());
    ASSERT_TRUE(Eventually([&] { return !IsSuppressed(sidecar.stub(), "u3@example.com"); }));
    EXPECT_TRUE(IsSuppressed(sidecar.stub(), "u4@example.com"));
    EXPECT_EQ(Sum(sidecar.replication_stub(), "").entry_count(), 9);
    grpc::ClientContext context;
    v1::WatchRequest request;
    request.set_after(EncodeToken({SpoiledServer::kLineage, 10}));
    const auto reader = sidecar.stub().Watch(&context, request);
    v1::WatchResponse step;
    ASSERT_TRUE(reader->Read(&step));  // where it starts
    ASSERT_TRUE(reader->Read(&step));
    EXPECT_EQ(step.changes(0).kind(), v1::Change::ERASED) << "whoever copies from here deletes it too";
    EXPECT_EQ(step.changes(0).suppression().address(), "u3@example.com");
    EXPECT_EQ(step.changes(0).suppression().causes_size(), 0);
    context.TryCancel();
    sidecar.Stop();
  }
  TestSidecar again(SpoiledOptions());
  ASSERT_TRUE(again.AwaitAttached());
  EXPECT_FALSE(IsSuppressed(again.stub(), "u3@example.com"));
  again.Stop();
}

TEST_F(SidecarFaultsTest, AKindOfChangeThatIsNotKnownHereMeansANewSnapshot) {
  SpoiledServer server(spoiled_address_);
  std::atomic<int> sent{0};
  server.on_follow = [&](grpc::ServerWriter<v1::FollowResponse>* writer) {
    if (sent++ > 0) return;
    v1::FollowResponse step = StepAt(11);
    v1::ReplicaChange* change = step.add_changes();
    change->set_kind(static_cast<v1::Change::Kind>(77));
    change->mutable_entry()->set_revision(11);
    writer->Write(step);
  };
  TestSidecar sidecar(SpoiledOptions());
  EXPECT_TRUE(Eventually([&] { return server.snapshots >= 2; }));
  ASSERT_TRUE(sidecar.AwaitAttached());
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "u3@example.com"));
  sidecar.Stop();
}

TEST_F(SidecarFaultsTest, ASidecarThatIsTooOldForItsServerStopsAnswering) {
  SpoiledServer server(spoiled_address_);
  std::atomic<bool> newer{false};
  server.on_follow = [&](grpc::ServerWriter<v1::FollowResponse>* writer) {
    v1::FollowResponse step = StepAt(11);
    if (newer) step.set_min_reader(kReplicaForm + 1);
    writer->Write(step);
  };
  SidecarOptions options = SpoiledOptions();
  {
    TestSidecar sidecar(options);
    ASSERT_TRUE(sidecar.AwaitAttached());
    EXPECT_TRUE(IsSuppressed(sidecar.stub(), "u3@example.com"));
    sidecar.Stop();
  }
  newer = true;
  server.min_reader = kReplicaForm + 1;
  options.on_empty = OnEmpty::kUnknown;  // it may say that it knows nothing, but not where it has known a list
  TestSidecar sidecar(options);
  ASSERT_TRUE(Eventually([&] { return sidecar.Status().state() == v1::Replica::OUTDATED; }));
  ASSERT_TRUE(Eventually([&] { return sidecar.Status().revision_token().empty(); }));
  v1::IsSuppressedRequest request;
  request.set_address("u3@example.com");
  v1::IsSuppressedResponse response;
  const grpc::Status status = Check(sidecar.stub(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(GrpcReason(status), "REPLICA_OUTDATED");
  server.min_reader = kReplicaForm;
  newer = false;
  ASSERT_TRUE(sidecar.AwaitAttached()) << "the server was taken back to its older version";
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "u3@example.com"));
  sidecar.Stop();
}

TEST_F(SidecarFaultsTest, AStreamThatFellSilentIsGivenUpAndMadeAgain) {
  SpoiledServer server(spoiled_address_);
  FakeClock clock(absl::FromUnixSeconds(1'780'000'000));
  ReplicaOptions replica_options;
  replica_options.path = directory_ / "silent";
  std::filesystem::create_directory(replica_options.path);
  replica_options.clock = [&clock] { return clock.Now(); };
  const SteadyClock steady = [&clock] { return SteadyTime{clock.Now() - absl::UnixEpoch()}; };
  const auto replica = *Replica::Open(replica_options);
  const auto upstream = *Upstream::Open(spoiled_address_, ChannelSecurity());
  HeadTimes heads;
  FollowerOptions options;
  options.lists = {{"silent", "test"}, {}};
  options.backoff = {.initial = absl::Milliseconds(1), .max = absl::Milliseconds(10)};
  options.clock = [] { return absl::InfinitePast(); };  // what the wall clock says plays no part
  options.steady_clock = steady;
  options.random = [] { return 0.5; };
  Follower follower(upstream.get(), replica.get(), &heads, options);
  follower.Start();
  ASSERT_TRUE(Eventually([&] { return server.watches == 1 && follower.state() == v1::Replica::ATTACHED; }));
  clock.Advance(kSilenceMax);
  follower.Tick();
  EXPECT_EQ(follower.state(), v1::Replica::ATTACHED) << "it may be silent for that long";
  clock.Advance(absl::Milliseconds(1));
  follower.Tick();
  EXPECT_TRUE(Eventually([&] { return server.watches == 2; }));
  follower.Stop();
}

TEST_F(SidecarFaultsTest, AnUpstreamThatIsNoSuppressdIsTold) {
  // A listener that takes connections and says nothing that is HTTP/2.
  const std::string path = directory_ / "deaf";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(fd, 16), 0);
  std::atomic<bool> stop{false};
  std::thread deaf([&] {
    int connection = -1;
    while (!stop && (connection = accept(fd, nullptr, nullptr)) >= 0) {
      const char greeting[] = "220 mail.example.com ESMTP\r\n";
      if (write(connection, greeting, sizeof(greeting) - 1) < 0) break;
      close(connection);
    }
  });
  SidecarOptions options = Options();
  options.upstream = "unix:" + path;
  options.on_empty = OnEmpty::kUnknown;
  TestSidecar sidecar(options);
  ASSERT_TRUE(sidecar.AwaitServing());
  EXPECT_TRUE(Eventually([&] { return !sidecar.Status().last_error().empty(); }));
  const v1::IsSuppressedResponse check = CheckAt(sidecar.stub(), "jo@example.com");
  EXPECT_EQ(check.freshness().basis(), v1::Freshness::NOTHING);
  v1::ReportBounceResponse report;
  EXPECT_TRUE(Report(sidecar.stub(), "jo@example.com", &report).ok());
  EXPECT_EQ(report.durability(), v1::ReportBounceResponse::AT_SIDECAR);
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "jo@example.com"));
  stop = true;
  sidecar.Stop();
  shutdown(fd, SHUT_RDWR);
  close(fd);
  deaf.join();
}

TEST_F(SidecarFaultsTest, AServiceOfAnotherKindIsNoServer) {
  // gRPC, but none of our services: every call is UNIMPLEMENTED.
  grpc::ServerBuilder builder;
  builder.AddListeningPort(spoiled_address_, grpc::InsecureServerCredentials());
  class Other final : public v1::SuppressionService::Service {
  } other;
  builder.RegisterService(&other);
  const auto server = builder.BuildAndStart();
  TestSidecar sidecar(SpoiledOptions());
  EXPECT_TRUE(Eventually([&] { return sidecar.Status().last_error().find("UNIMPLEMENTED") != std::string::npos; }));
}

TEST_F(SidecarFaultsTest, ASidecarThatEndsForWantOfAReplicaSaysWhy) {
  SidecarOptions options = SpoiledOptions();  // nobody listens there
  options.on_empty = OnEmpty::kFail;
  options.on_empty_timeout_seconds = 1;
  TestSidecar sidecar(options);
  // Before the first attempt has ended the reason is that; it need not have ended by then.
  EXPECT_THAT(std::string(sidecar.AwaitEnd().message()), ::testing::ContainsRegex("--on_empty fail.: ..+"));
}

TEST_F(SidecarFaultsTest, OtherDataAtTheServerIsTakenOverInWhole) {
  ReportTo(server_.stub(), "old@example.com");
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "old@example.com"));
  const std::string old_token = CheckAt(sidecar.stub(), "old@example.com").revision_token();
  server_.Stop();
  std::filesystem::remove_all(server_.data_directory());
  server_.Start();
  ReportTo(server_.stub(), "new@example.com");
  ASSERT_TRUE(Eventually([&] { return IsSuppressed(sidecar.stub(), "new@example.com"); }));
  EXPECT_FALSE(IsSuppressed(sidecar.stub(), "old@example.com"));
  v1::IsSuppressedRequest request;
  request.set_address("old@example.com");
  request.set_at_least(old_token);
  v1::IsSuppressedResponse response;
  EXPECT_EQ(GrpcReason(Check(sidecar.stub(), request, &response)), "LINEAGE_MISMATCH");
  EXPECT_TRUE(IsEqual(sidecar));
}

TEST_F(SidecarFaultsTest, AServerRestoredFromAnOlderBackupIsTakenOverInWhole) {
  ReportTo(server_.stub(), "early@example.com");
  BackUpServer();
  ReportTo(server_.stub(), "late@example.com");
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "late@example.com"));
  RestoreServer();
  ASSERT_TRUE(Eventually([&] { return !IsSuppressed(sidecar.stub(), "late@example.com"); }));
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "early@example.com"));
  ReportTo(server_.stub(), "again@example.com");
  EXPECT_TRUE(IsEqual(sidecar));
}

TEST_F(SidecarFaultsTest, ARestoredBackupIsNoticedAlsoWhenItHasGoneOnPastTheReplica) {
  ReportTo(server_.stub(), "early@example.com");
  BackUpServer();
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  CheckAt(sidecar.stub(), "x@example.com", ReportTo(server_.stub(), "lost@example.com"));
  sidecar.Stop();
  RestoreServer();
  // The first takes the number of the one that was lost.
  for (const char* address : {"new1@example.com", "new2@example.com"}) ReportTo(server_.stub(), address);
  sidecar.Start();
  ASSERT_TRUE(Eventually([&] { return !IsSuppressed(sidecar.stub(), "lost@example.com"); }));
  for (const char* address : {"early@example.com", "new1@example.com", "new2@example.com"}) {
    EXPECT_TRUE(IsSuppressed(sidecar.stub(), address)) << address;
  }
  EXPECT_TRUE(IsEqual(sidecar));
}

TEST_F(SidecarFaultsTest, RestartsOfTheServerNeedNoNewSnapshot) {
  ReportTo(server_.stub(), "first@example.com");
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  for (const char* address : {"second@example.com", "third@example.com"}) {
    server_.Restart();
    CheckAt(sidecar.stub(), address, ReportTo(server_.stub(), address));
    ASSERT_TRUE(Eventually([&] { return sidecar.Status().state() == v1::Replica::ATTACHED; }));
  }
  sidecar.Stop();
  for (int i = 0; i < 3; ++i) server_.Restart();
  ReportTo(server_.stub(), "fourth@example.com");
  sidecar.Start();
  ASSERT_TRUE(Eventually([&] { return IsSuppressed(sidecar.stub(), "fourth@example.com"); }));
  EXPECT_TRUE(IsEqual(sidecar));
  EXPECT_TRUE(std::filesystem::exists(sidecar.options().data_dir + "/replica-1"));
  EXPECT_FALSE(std::filesystem::exists(sidecar.options().data_dir + "/replica-2")) << "still the first";
}

class SidecarHistoryTest : public SidecarTest {
 protected:
  SidecarHistoryTest() : SidecarTest(ShortHistory()) {}

  static StoreOptions ShortHistory() {
    StoreOptions options;
    options.change_log_max_revisions = 10;
    return options;
  }
};

TEST_F(SidecarHistoryTest, AReplicaTooOldForTheChangeLogIsReplacedWhileItIsServed) {
  ReportTo(server_.stub(), "first@example.com");
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  sidecar.Stop();
  std::string token;
  for (int i = 0; i < 100; ++i) token = ReportTo(server_.stub(), "u" + std::to_string(i) + "@example.com");
  sidecar.Start();
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "first@example.com")) << "served from the old one at once";
  ASSERT_TRUE(Eventually([&] { return IsSuppressed(sidecar.stub(), "u99@example.com"); }));
  EXPECT_TRUE(IsEqual(sidecar));
  // The old replica is closed and removed when nobody reads it any more.
  EXPECT_TRUE(Eventually([&] {
    int replicas = 0;
    for (const auto& item : std::filesystem::directory_iterator(sidecar.options().data_dir)) {
      replicas += item.path().filename().string().rfind("replica-", 0) == 0 ? 1 : 0;
    }
    return replicas == 1;
  }));
}

TEST_F(SidecarFaultsTest, TwoSidecarsOnOneDirectoryAreRefused) {
  TestSidecar first(Options());
  ASSERT_TRUE(first.AwaitAttached());
  SidecarOptions options = Options();
  options.listen_addresses = {"unix:" + (directory_ / "second.sock")};
  TestSidecar second(options);
  EXPECT_THAT(std::string(second.start_status().message()), ::testing::HasSubstr("in use by another process"));
}

TEST_F(SidecarFaultsTest, DirectoriesOfOthersAreRefused) {
  SidecarOptions options = Options();
  options.data_dir = server_.data_directory();
  server_.Stop();
  EXPECT_THAT(std::string(TestSidecar(options).start_status().message()),
              ::testing::HasSubstr("is a suppressd data directory, not a suppressd sidecar directory"));
  options.data_dir = directory_ / "foreign";
  std::filesystem::create_directory(options.data_dir);
  std::ofstream(options.data_dir + "/precious.txt") << "keep me";
  EXPECT_THAT(std::string(TestSidecar(options).start_status().message()), ::testing::HasSubstr("not empty"));
  EXPECT_TRUE(std::filesystem::exists(options.data_dir + "/precious.txt"));
}

TEST_F(SidecarFaultsTest, ADamagedReplicaIsTakenAnew) {
  ReportTo(server_.stub(), "jo@example.com");
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  sidecar.Stop();
  std::filesystem::remove_all(sidecar.options().data_dir + "/replica-1/db");
  sidecar.Start();
  ASSERT_TRUE(sidecar.start_status().ok()) << sidecar.start_status();
  ASSERT_TRUE(sidecar.AwaitAttached());
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "jo@example.com"));
}

TEST_F(SidecarFaultsTest, AFullDiskDuringTheSnapshotIsWaitedOut) {
  for (int i = 0; i < 100; ++i) ReportTo(server_.stub(), "u" + std::to_string(i) + "@example.com");
  SidecarOptions options = Options();
  options.store.env = env_.get();
  files_->SetFull(true);
  TestSidecar sidecar(options);
  ASSERT_TRUE(sidecar.start_status().ok()) << sidecar.start_status();
  ASSERT_TRUE(Eventually([&] { return !sidecar.Status().last_error().empty(); }));
  EXPECT_TRUE(sidecar.Status().revision_token().empty()) << "half a snapshot is not served";
  files_->SetFull(false);
  ASSERT_TRUE(sidecar.AwaitAttached());
  EXPECT_TRUE(IsEqual(sidecar));
}

TEST_F(SidecarFaultsTest, AFullDiskWhileFollowingLeavesTheReplicaServed) {
  ReportTo(server_.stub(), "before@example.com");
  SidecarOptions options = Options();
  options.store.env = env_.get();
  TestSidecar sidecar(options);
  ASSERT_TRUE(sidecar.AwaitAttached());
  files_->SetFull(true);
  ReportTo(server_.stub(), "after@example.com");
  ASSERT_TRUE(Eventually([&] { return !sidecar.Status().last_error().empty(); }));
  EXPECT_TRUE(IsSuppressed(sidecar.stub(), "before@example.com"));
  EXPECT_FALSE(IsSuppressed(sidecar.stub(), "after@example.com"));
  files_->SetFull(false);
  ASSERT_TRUE(Eventually([&] { return IsSuppressed(sidecar.stub(), "after@example.com"); }));
  EXPECT_TRUE(IsEqual(sidecar));
}

TEST_F(SidecarFaultsTest, WithoutAReplicaItWaitsUntilThereIsOne) {
  server_.Stop();
  TestSidecar sidecar(Options());
  ASSERT_TRUE(Eventually([&] { return !sidecar.Status().last_error().empty(); }));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "one.sock")) << "the socket is bound last";
  server_.Start();
  ReportTo(server_.stub(), "jo@example.com");
  ASSERT_TRUE(sidecar.AwaitAttached());
  EXPECT_TRUE(Eventually([&] { return IsSuppressed(sidecar.stub(), "jo@example.com"); }));
}

TEST_F(SidecarFaultsTest, WithoutAReplicaItMaySayThatNothingIsKnown) {
  ReportTo(server_.stub(), "jo@example.com");
  server_.Stop();
  SidecarOptions options = Options();
  options.on_empty = OnEmpty::kUnknown;
  TestSidecar sidecar(options);
  v1::IsSuppressedResponse check = CheckAt(sidecar.stub(), "jo@example.com");
  EXPECT_FALSE(check.suppressed());
  EXPECT_EQ(check.freshness().basis(), v1::Freshness::NOTHING);
  EXPECT_FALSE(check.freshness().has_staleness());
  EXPECT_TRUE(check.revision_token().empty());
  v1::IsSuppressedRequest request;
  request.set_address("jo@example.com");
  request.mutable_max_staleness()->set_seconds(60);
  EXPECT_EQ(GrpcReason(Check(sidecar.stub(), request, &check)), "REPLICA_NOT_READY");
  request.set_address("no address");
  request.clear_max_staleness();
  EXPECT_EQ(GrpcReason(Check(sidecar.stub(), request, &check)), "INVALID_ADDRESS");
  server_.Start();
  ASSERT_TRUE(Eventually([&] { return IsSuppressed(sidecar.stub(), "jo@example.com"); }));
  EXPECT_EQ(CheckAt(sidecar.stub(), "jo@example.com").freshness().basis(), v1::Freshness::REPLICA);
}

TEST_F(SidecarFaultsTest, AReportThatTheServerWillNeverTakeIsPutAsideAndHoldsNobodyUp) {
  TestSidecar sidecar(Options());
  ASSERT_TRUE(sidecar.AwaitAttached());
  constexpr char kId[] = "3e0f5ad5-0a49-4d4e-bd2c-24a9a1c6f001";
  v1::ReportBounceResponse response;
  ASSERT_TRUE(Report(server_.stub(), "first@example.com", &response, kId).ok());
  server_.Stop();
  ASSERT_TRUE(Report(sidecar.stub(), "other@example.com", &response, kId).ok()) << "nobody here knows that id";
  ASSERT_TRUE(Report(sidecar.stub(), "next@example.com", &response).ok());
  server_.Start();
  ASSERT_TRUE(sidecar.AwaitDelivered());
  EXPECT_TRUE(IsSuppressed(server_.stub(), "next@example.com"));
  EXPECT_EQ(sidecar.Status().outbox_refused_count(), 1);
}

}  // namespace
}  // namespace suppressd
