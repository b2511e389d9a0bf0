// Ten times as much as a server can do: how much of what it can do at most it still does, who is favoured, how much
// memory it takes, and how soon it is well again. The server is a process of its own on one core, the callers are on
// another.
//
// The load is batches of a thousand addresses, 26 KB each, or pages of a thousand entries, or single checks, of which
// one core of callers cannot make ten times as many: there it is as many as they can. Beside it few checks, reports and
// listings come at a steady pace. Every call has a deadline of a second. What counts is what was answered with OK
// before it. Callers do not heed RetryInfo.
//
// SUPPRESSD_BENCH_ENTRIES sets how many entries the server holds (300,000 when unset or more).
#include <benchmark/benchmark.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "storage/store.h"
#include "suppressd/v1/suppression_service.grpc.pb.h"
#include "tests/testing/fill_store.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

constexpr int kBatch = 1'000;
constexpr int kConnections = 10;
constexpr absl::Duration kDeadline = absl::Seconds(1);
constexpr int kTimes = 10;
constexpr int kBurstMax = 1'000;  // calls made at once by a caller that is behind

int64_t entries = 300'000;
absl::Duration phase = absl::Seconds(10);

void RunOn(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  sched_setaffinity(0, sizeof(cores), &cores);
}

// `suppressd serve`, the program beside this one, on a list that is filled.
class Server {
 public:
  Server() {
    {
      StoreOptions options;
      options.path = directory_ / "data";
      auto store = Store::Open(options);
      if (!store.ok() || !FillStore(store->get(), 0, entries).ok()) std::abort();
    }
    const std::string program = std::filesystem::canonical("/proc/self/exe").parent_path() / "suppressd";
    const std::string ports = directory_ / "ports";
    process_ = fork();
    if (process_ == 0) {
      RunOn(0);
      execl(program.c_str(), program.c_str(), "serve", "--data_dir", (directory_ / "data").c_str(), "--listen_address",
            "127.0.0.1:0", "--port_file", ports.c_str(), "--log_level", "error", nullptr);
      _exit(127);
    }
    while (!(std::ifstream(ports) >> address_)) {
      if (waitpid(process_, nullptr, WNOHANG) != 0) std::abort();
      absl::SleepFor(absl::Milliseconds(10));
    }
  }
  ~Server() {
    kill(process_, SIGTERM);
    waitpid(process_, nullptr, 0);
  }

  std::unique_ptr<v1::SuppressionService::Stub> Connect() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return v1::SuppressionService::NewStub(
        grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments));
  }
  double ResidentMib() const {
    std::ifstream file(absl::StrCat("/proc/", process_, "/statm"));
    int64_t pages = 0, resident = 0;
    file >> pages >> resident;
    return static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / (1 << 20);
  }

 private:
  TempDirectory directory_;
  pid_t process_ = 0;
  std::string address_;
};

// Calls of one kind: how many were made, and how many answered in time.
struct Count {
  std::atomic<int64_t> made{0};
  std::atomic<int64_t> good{0};
  std::atomic<int64_t> open{0};
  double share() const { return made == 0 ? 0 : static_cast<double>(good) / static_cast<double>(made); }
};

using Async = v1::SuppressionService::StubInterface::async_interface;
template <typename Request, typename Response>
using AsyncCall = void (Async::*)(grpc::ClientContext*, const Request*, Response*, std::function<void(grpc::Status)>);

// Makes one call, whose end `then` is told of.
template <typename Request, typename Response>
void Make(
    v1::SuppressionService::Stub* stub, AsyncCall<Request, Response> method,
    const std::shared_ptr<const Request>& request, Count* count, std::function<void()> then = [] {}) {
  struct State {
    grpc::ClientContext context;
    Response response;
  };
  auto* const state = new State;
  state->context.set_deadline(absl::ToChronoTime(absl::Now() + kDeadline));
  ++count->made;
  ++count->open;
  (stub->async()->*method)(&state->context, request.get(), &state->response,
                           [state, request, count, then = std::move(then)](const grpc::Status& status) {
                             if (status.ok()) ++count->good;
                             --count->open;
                             delete state;
                             then();
                           });
}

std::shared_ptr<const v1::BatchIsSuppressedRequest> BatchOf(int64_t first) {
  auto request = std::make_shared<v1::BatchIsSuppressedRequest>();
  for (int64_t i = first; i < first + kBatch; ++i) request->add_addresses("nobody" + FilledAddress(i % entries));
  return request;
}

// What is asked beside the load, at a steady pace.
class Bystanders {
 public:
  explicit Bystanders(const Server& server) : stub_(server.Connect()), thread_([this] { Run(); }) {}
  ~Bystanders() {
    stop_ = true;
    thread_.join();
    while (checks.open + reports.open + listings.open > 0) absl::SleepFor(absl::Milliseconds(1));
  }
  Count checks, reports, listings;

 private:
  void Run() {
    auto check = std::make_shared<v1::IsSuppressedRequest>();
    check->set_address("nobody@example.com");
    auto list = std::make_shared<v1::ListSuppressionsRequest>();
    list->set_page_size(100);
    for (int i = 0; !stop_; ++i, absl::SleepFor(absl::Milliseconds(5))) {
      Make<v1::IsSuppressedRequest, v1::IsSuppressedResponse>(stub_.get(), &Async::IsSuppressed, check, &checks);
      if (i % 4 == 0) {
        auto report = std::make_shared<v1::ReportBounceRequest>();
        report->mutable_smtp_reply()->set_recipient(absl::StrCat("gone", i, "@example.com"));
        report->mutable_smtp_reply()->set_text("550 5.1.1 no such user");
        Make<v1::ReportBounceRequest, v1::ReportBounceResponse>(
            stub_.get(), &Async::ReportBounce, std::shared_ptr<const v1::ReportBounceRequest>(report), &reports);
      }
      if (i % 20 == 0) {
        Make<v1::ListSuppressionsRequest, v1::ListSuppressionsResponse>(stub_.get(), &Async::ListSuppressions, list,
                                                                        &listings);
      }
    }
  }
  std::atomic<bool> stop_{false};
  std::unique_ptr<v1::SuppressionService::Stub> stub_;
  std::thread thread_;
};

// Makes one call of the load.
using MakeOne = std::function<void(v1::SuppressionService::Stub* stub, Count* count, std::function<void()> then)>;

MakeOne Batches() {
  return [request = BatchOf(0)](v1::SuppressionService::Stub* stub, Count* count, std::function<void()> then) {
    Make<v1::BatchIsSuppressedRequest, v1::BatchIsSuppressedResponse>(stub, &Async::BatchIsSuppressed, request, count,
                                                                      std::move(then));
  };
}

MakeOne Pages() {
  auto request = std::make_shared<v1::ListSuppressionsRequest>();
  request->set_page_size(1'000);
  return [request](v1::SuppressionService::Stub* stub, Count* count, std::function<void()> then) {
    Make<v1::ListSuppressionsRequest, v1::ListSuppressionsResponse>(stub, &Async::ListSuppressions, request, count,
                                                                    std::move(then));
  };
}

MakeOne Checks() {
  auto request = std::make_shared<v1::IsSuppressedRequest>();
  request->set_address("nobody@example.com");
  return [request](v1::SuppressionService::Stub* stub, Count* count, std::function<void()> then) {
    Make<v1::IsSuppressedRequest, v1::IsSuppressedResponse>(stub, &Async::IsSuppressed, request, count,
                                                            std::move(then));
  };
}

// As much as it can do: calls a second, with a few under way at any time.
double Peak(const Server& server, const MakeOne& make) {
  const auto stub = server.Connect();
  Count count;
  std::atomic<bool> stop{false};
  std::function<void()> next = [&] {
    if (!stop) make(stub.get(), &count, next);
  };
  for (int i = 0; i < 16; ++i) next();
  absl::SleepFor(phase / 4);  // warm
  const int64_t before = count.good;
  absl::SleepFor(phase);
  const int64_t good = count.good - before;
  stop = true;
  while (count.open > 0) absl::SleepFor(absl::Milliseconds(1));
  return static_cast<double>(good) / absl::ToDoubleSeconds(phase);
}

// Seconds until a hundred checks one after the other were each answered within 10 ms.
double UntilWell(const Server& server) {
  const absl::Time ended = absl::Now();
  const auto stub = server.Connect();
  for (int quick = 0; quick < 100;) {
    const absl::Time asked = absl::Now();
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(asked + kDeadline));
    v1::IsSuppressedRequest check;
    check.set_address("nobody@example.com");
    v1::IsSuppressedResponse answer;
    const bool ok = stub->IsSuppressed(&context, check, &answer).ok();
    quick = ok && absl::Now() - asked < absl::Milliseconds(10) ? quick + 1 : 0;
  }
  return absl::ToDoubleSeconds(absl::Now() - ended);
}

void TenTimes(benchmark::State& state, const MakeOne& make) {
  const Server server;
  RunOn(1);
  for (auto _ : state) {
    const double peak = Peak(server, make);
    state.counters["calm_MiB"] = server.ResidentMib();
    std::vector<std::unique_ptr<v1::SuppressionService::Stub>> stubs;
    for (int i = 0; i < kConnections; ++i) stubs.push_back(server.Connect());
    Count load;
    double most_mib = 0;
    {
      Bystanders bystanders(server);
      const absl::Time begun = absl::Now();
      int64_t sent = 0;
      while (absl::Now() < begun + phase) {
        const double due = absl::ToDoubleSeconds(absl::Now() - begun) * peak * kTimes;
        for (int burst = 0; burst < kBurstMax && static_cast<double>(sent) < due; ++sent, ++burst) {
          make(stubs[sent % kConnections].get(), &load, [] {});
        }
        most_mib = std::max(most_mib, server.ResidentMib());
        absl::SleepFor(absl::Milliseconds(1));
      }
      state.counters["checks_good"] = bystanders.checks.share();
      state.counters["reports_good"] = bystanders.reports.share();
      state.counters["listings_good"] = bystanders.listings.share();
    }
    state.counters["recovery_s"] = UntilWell(server);
    while (load.open > 0) absl::SleepFor(absl::Milliseconds(1));
    state.counters["peak/s"] = peak;
    state.counters["offered/peak"] = static_cast<double>(load.made) / absl::ToDoubleSeconds(phase) / peak;
    state.counters["goodput/peak"] = static_cast<double>(load.good) / absl::ToDoubleSeconds(phase) / peak;
    state.counters["overload_MiB"] = most_mib;
  }
}

BENCHMARK_CAPTURE(TenTimes, batches, Batches())->Iterations(1)->UseRealTime()->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(TenTimes, pages, Pages())->Iterations(1)->UseRealTime()->Unit(benchmark::kSecond);
BENCHMARK_CAPTURE(TenTimes, checks, Checks())->Iterations(1)->UseRealTime()->Unit(benchmark::kSecond);

}  // namespace
}  // namespace suppressd

int main(int argc, char** argv) {
  if (const char* const wanted = std::getenv("SUPPRESSD_BENCH_ENTRIES"); wanted != nullptr) {
    suppressd::entries = std::clamp<int64_t>(std::atoll(wanted), 1'000, suppressd::entries);
    if (suppressd::entries < 300'000) suppressd::phase = absl::Seconds(1);  // only shows that it runs
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
