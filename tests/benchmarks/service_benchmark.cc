// The service over a real Unix socket, beside a bare echo of the same gRPC stack, the same messages and the same run;
// and what one fsync carries when many callers report at once.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "server/list/list_metrics.h"
#include "server/rpc/call_metrics.h"
#include "tests/benchmarks/check_against_echo.h"
#include "tests/testing/echo_service.h"
#include "tests/testing/fill_store.h"
#include "tests/testing/test_server.h"

namespace suppressd {
namespace {

constexpr int64_t kEntries = 200'000;

class Servers {
 public:
  Servers() {
    if (!FillStore(&service_.store(), 0, kEntries).ok()) std::abort();
    const std::string address = "unix:" + (directory_ / "echo");
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.RegisterService(&echo_service_);
    echo_server_ = builder.BuildAndStart();
    echo_ = v1::SuppressionService::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  }
  TestServer& service() { return service_; }
  ListReads reads() {
    return {&service_.store().reader(), [] { return absl::Now(); }};
  }
  v1::SuppressionService::StubInterface& echo() { return *echo_; }

 private:
  TempDirectory directory_;
  TestServer service_;
  EchoService echo_service_;
  std::unique_ptr<grpc::Server> echo_server_;
  std::unique_ptr<v1::SuppressionService::StubInterface> echo_;
};

Servers& TheServers() {
  static Servers* servers = new Servers;  // never taken down: the process ends with the benchmarks
  return *servers;
}

void CheckOneCaller(benchmark::State& state) {
  OneCallerAgainstEcho(state, TheServers().echo(), TheServers().service().stub(), kEntries);
}
BENCHMARK(CheckOneCaller)->MinTime(3)->UseRealTime();

void CheckEightCallers(benchmark::State& state) {
  EightCallersAgainstEcho(state, TheServers().echo(), TheServers().service().stub(), kEntries);
}
BENCHMARK(CheckEightCallers)->MinTime(3)->UseRealTime();

// The handler's own part of a check: validate, normalise, look up, decide, answer; no gRPC.
void HandlerCheckMiss(benchmark::State& state) {
  int64_t i = 0;
  const ListReads reads = TheServers().reads();
  v1::IsSuppressedRequest request;
  for (auto _ : state) {
    request.set_address("nobody" + FilledAddress(i++ % kEntries));
    v1::IsSuppressedResponse response;
    if (!reads.Check(request, &response).ok()) std::abort();
  }
}
BENCHMARK(HandlerCheckMiss);

// What is counted and timed of a check, by itself.
void MetricsOfACheck(benchmark::State& state) {
  MethodMetrics method("/suppressd.v1.SuppressionService/IsSuppressed");
  ListMetrics list;
  v1::IsSuppressedResponse response;
  response.set_answer(v1::IsSuppressedResponse::NOT_SUPPRESSED);
  for (auto _ : state) {
    const CallRecord record = CallRecord::Begin(&method);
    list.Checked(absl::OkStatus(), response);
    record.End(grpc::StatusCode::OK);
  }
}
BENCHMARK(MetricsOfACheck);

// One core, no gRPC: parsing the request and serialising the answer are not in it.
void HandlerBatchOf1000Misses(benchmark::State& state) {
  const ListReads reads = TheServers().reads();
  v1::BatchIsSuppressedRequest request;
  for (int64_t i = 0; i < 1000; ++i) request.add_addresses("nobody" + FilledAddress(i * 197));
  for (auto _ : state) {
    v1::BatchIsSuppressedResponse response;
    if (!reads.CheckBatch(request, &response).ok()) std::abort();
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(HandlerBatchOf1000Misses);

// 256 reports under way at any moment, over the socket.
void ReportBounceWith256Callers(benchmark::State& state) {
  constexpr int kCallers = 256;
  constexpr int64_t kReports = 20'000;
  struct Call {
    grpc::ClientContext context;
    v1::ReportBounceRequest request;
    v1::ReportBounceResponse response;
  };
  auto& server = TheServers().service();
  const auto channel = grpc::CreateChannel(server.address(), grpc::InsecureChannelCredentials());
  const auto stub = v1::SuppressionService::NewStub(channel);
  for (auto _ : state) {
    const LocalCommitLog::Counts before = server.log().counts();
    absl::Mutex mutex;
    int64_t started = 0, finished = 0;
    std::function<void()> start = [&] {
      int64_t number;
      {
        absl::MutexLock lock(&mutex);
        if (started == kReports) return;
        number = started++;
      }
      auto call = std::make_shared<Call>();
      call->request.mutable_smtp_reply()->set_recipient(FilledAddress(number));
      call->request.mutable_smtp_reply()->set_text("550 5.1.1 no such user");
      stub->async()->ReportBounce(&call->context, &call->request, &call->response, [&, call](grpc::Status status) {
        if (!status.ok()) std::abort();
        start();
        absl::MutexLock lock(&mutex);
        ++finished;
      });
    };
    for (int i = 0; i < kCallers; ++i) start();
    {
      const auto done = [&] { return finished == kReports; };
      absl::MutexLock lock(&mutex, absl::Condition(&done));
    }
    const LocalCommitLog::Counts after = server.log().counts();
    state.counters["commits/fsync"] =
        static_cast<double>(after.commands - before.commands) / static_cast<double>(after.batches - before.batches);
  }
  state.SetItemsProcessed(state.iterations() * kReports);
}
BENCHMARK(ReportBounceWith256Callers)->Iterations(3)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace suppressd

BENCHMARK_MAIN();
