// A sidecar beside its server, over real Unix sockets: a check against a bare echo of the same gRPC stack, how fast a
// snapshot becomes a replica that is served, and how far behind the replica is while the server is written.
//
// SUPPRESSD_BENCH_ENTRIES sets how many entries the server holds (300,000 when unset, 1,000,000 at most).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "server/app/sidecar_app.h"
#include "tests/benchmarks/check_against_echo.h"
#include "tests/testing/commands.h"
#include "tests/testing/echo_service.h"
#include "tests/testing/fill_store.h"
#include "tests/testing/test_server.h"

namespace suppressd {
namespace {

constexpr int kWritesPerSecond = 5'000;
constexpr int kWritersBatch = 50;  // reports sent together, every 10 ms

int64_t entries = 300'000;

std::unique_ptr<v1::SuppressionService::StubInterface> Connect(const std::string& address) {
  return v1::SuppressionService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
}

// The server, filled; made once and never taken down: the process ends with the benchmarks.
struct Server {
  Server() {
    if (!FillStore(&server.store(), 0, entries).ok()) std::abort();
    const std::string address = "unix:" + (directory / "echo");
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.RegisterService(&echo);
    echo_server = builder.BuildAndStart();
    echo_stub = Connect(address);
  }
  TempDirectory directory;
  TestServer server;
  EchoService echo;
  std::unique_ptr<grpc::Server> echo_server;
  std::unique_ptr<v1::SuppressionService::StubInterface> echo_stub;
};

Server& TheServer() {
  static Server* server = new Server;
  return *server;
}

SidecarOptions OptionsIn(const TempDirectory& directory) {
  SidecarOptions options;
  options.listen_addresses = {"unix:" + (directory / "s")};
  options.data_dir = directory / "data";
  options.upstream = TheServer().server.address();
  options.replica_id = "benchmark";
  options.store.block_cache_mib = 64;
  return options;
}

std::unique_ptr<SidecarApp> StartSidecar(const TempDirectory& directory) {
  auto app = SidecarApp::Start(OptionsIn(directory));
  if (!app.ok()) std::abort();
  while ((*app)->addresses().empty()) absl::SleepFor(absl::Milliseconds(1));
  return *std::move(app);
}

// From the start of a sidecar without a replica to its first answer: stream, load, verification, socket.
void SnapshotToFirstAnswer(benchmark::State& state) {
  TheServer();
  for (auto _ : state) {
    state.PauseTiming();
    const TempDirectory directory;
    state.ResumeTiming();
    const std::unique_ptr<SidecarApp> sidecar = StartSidecar(directory);
    state.PauseTiming();
    sidecar->Stop(absl::ZeroDuration());
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * entries);
}
BENCHMARK(SnapshotToFirstAnswer)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(1);

void SidecarCheckOneCaller(benchmark::State& state) {
  const TempDirectory directory;
  const std::unique_ptr<SidecarApp> sidecar = StartSidecar(directory);
  OneCallerAgainstEcho(state, *TheServer().echo_stub, *Connect(sidecar->addresses()[0]), entries);
  sidecar->Stop(absl::ZeroDuration());
}
BENCHMARK(SidecarCheckOneCaller)->MinTime(3)->UseRealTime();

void SidecarCheckEightCallers(benchmark::State& state) {
  const TempDirectory directory;
  const std::unique_ptr<SidecarApp> sidecar = StartSidecar(directory);
  EightCallersAgainstEcho(state, *TheServer().echo_stub, *Connect(sidecar->addresses()[0]), entries);
  sidecar->Stop(absl::ZeroDuration());
}
BENCHMARK(SidecarCheckEightCallers)->MinTime(3)->UseRealTime();

// From the moment a write is durable and visible at the server to the moment it is so at the replica.
class Lags {
 public:
  Lags(HeadSignal* server, HeadSignal* replica) : server_(server), replica_(replica) {}

  void Expect(uint64_t revision) {
    {
      absl::MutexLock lock(&mutex_);
      ++missing_;
    }
    server_->CallAt(revision, [this, revision] {
      const absl::Time written = absl::Now();
      replica_->CallAt(revision, [this, written] {
        absl::MutexLock lock(&mutex_);
        lags_.push_back(absl::ToDoubleMilliseconds(absl::Now() - written));
        --missing_;
      });
    });
  }
  std::vector<double> Wait() {
    const auto all = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return missing_ == 0; };
    absl::MutexLock lock(&mutex_, absl::Condition(&all));
    return lags_;
  }

 private:
  HeadSignal* const server_;
  HeadSignal* const replica_;
  absl::Mutex mutex_;
  std::vector<double> lags_ ABSL_GUARDED_BY(mutex_);
  int missing_ ABSL_GUARDED_BY(mutex_) = 0;
};

void ReplicationLagAt5000WritesPerSecond(benchmark::State& state) {
  const TempDirectory directory;
  ReplicaOptions options;
  options.path = directory.path();
  options.store.block_cache_mib = 64;
  options.clock = [] { return absl::Now(); };
  const std::unique_ptr<Replica> replica = *Replica::Open(options);
  const std::unique_ptr<Upstream> upstream = *Upstream::Open(TheServer().server.address(), ChannelSecurity());
  HeadTimes heads;
  absl::Notification caught_up;
  FollowerOptions follower_options;
  follower_options.lists = {{"lag", "benchmark"}, {}};
  follower_options.clock = options.clock;
  follower_options.steady_clock = SteadyNow;
  follower_options.random = RandomFraction;
  follower_options.caught_up = [&] { caught_up.Notify(); };
  Follower follower(upstream.get(), replica.get(), &heads, follower_options);
  follower.Start();
  caught_up.WaitForNotification();
  Store& server = TheServer().server.store();
  Lags lags(&server.head(), &replica->view()->store->head());
  uint64_t revision = server.head().head();
  int64_t written = 0;
  absl::Time next = absl::Now();
  for (auto _ : state) {
    for (int i = 0; i < kWritersBatch; ++i) {
      const std::string address = "lag" + std::to_string(written++) + "@lag.example.com";
      TheServer().server.log().Append(HardBounce(address, Day(1)), [](const AppendResult&) {});
      lags.Expect(++revision);
    }
    next += absl::Seconds(1) * kWritersBatch / kWritesPerSecond;
    absl::SleepFor(next - absl::Now());  // the pace of the load
  }
  std::vector<double> all = lags.Wait();
  state.counters["lag_p50_ms"] = Quantile(&all, 0.5);
  state.counters["lag_p99_ms"] = Quantile(&all, 0.99);
  state.SetItemsProcessed(written);
  follower.Stop();
}
BENCHMARK(ReplicationLagAt5000WritesPerSecond)->UseRealTime()->Iterations(500);

}  // namespace
}  // namespace suppressd

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (const char* wanted = std::getenv("SUPPRESSD_BENCH_ENTRIES")) {
    suppressd::entries = std::min<int64_t>(std::atoll(wanted), 1'000'000);
  }
  suppressd::SetLogLevel("error");
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
