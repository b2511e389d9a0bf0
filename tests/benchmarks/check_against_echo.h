// Checks against bare echoes of the same gRPC stack, in turn, so that both meet the same noise.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "suppressd/v1/suppression_service.grpc.pb.h"
#include "tests/testing/fill_store.h"

namespace suppressd {

using CheckStub = v1::SuppressionService::StubInterface;

// Of an address that the filled store does not hold.
inline void CheckMiss(CheckStub& stub, int64_t i) {
  grpc::ClientContext context;
  v1::IsSuppressedRequest request;
  v1::IsSuppressedResponse response;
  request.set_address("nobody" + FilledAddress(i));
  if (!stub.IsSuppressed(&context, request, &response).ok()) std::abort();
}

inline double Quantile(std::vector<double>* values, double part) {
  const auto at = values->begin() + static_cast<int64_t>(static_cast<double>(values->size() - 1) * part);
  std::nth_element(values->begin(), at, values->end());
  return *at;
}

// One caller that waits for each answer: the time of a call. Caches and cores are cold by the time that the next one
// comes. Counters: medians.
inline void OneCallerAgainstEcho(benchmark::State& state, CheckStub& echo_stub, CheckStub& stub, int64_t entries) {
  const auto time = [](CheckStub& called, int64_t i) {
    const absl::Time start = absl::Now();
    CheckMiss(called, i);
    return absl::ToDoubleMicroseconds(absl::Now() - start);
  };
  std::vector<double> echo, check;
  for (int warm = 0; warm < 500; ++warm) {
    CheckMiss(echo_stub, warm);
    CheckMiss(stub, warm);
  }
  int64_t i = 0;
  for (auto _ : state) {
    echo.push_back(time(echo_stub, i % entries));
    check.push_back(time(stub, i++ % entries));
  }
  state.counters["echo_us"] = Quantile(&echo, 0.5);
  state.counters["check_us"] = Quantile(&check, 0.5);
  state.counters["check_time/echo_time"] = Quantile(&check, 0.5) / Quantile(&echo, 0.5);
}

// Processor time of this process, in microseconds.
inline double ProcessorMicros() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return absl::ToDoubleMicroseconds(absl::DurationFromTimespec(used));
}

// Eight callers at once, in rounds of echoes and checks: calls a second, and processor time of a call with its client's
// part. Counters: medians over the rounds.
inline void EightCallersAgainstEcho(benchmark::State& state, CheckStub& echo_stub, CheckStub& stub, int64_t entries) {
  constexpr int kCallers = 8;
  constexpr int64_t kCalls = 4'000;
  struct Round {
    double per_second;
    double cpu_us;
  };
  const auto run = [entries](CheckStub& called) -> Round {
    std::atomic<int64_t> next{0};
    std::vector<std::thread> callers;
    const double cpu_us = ProcessorMicros();
    const absl::Time start = absl::Now();
    for (int i = 0; i < kCallers; ++i) {
      callers.emplace_back([&] {
        for (int64_t call = next++; call < kCalls; call = next++) CheckMiss(called, call % entries);
      });
    }
    for (std::thread& caller : callers) caller.join();
    return {kCalls / absl::ToDoubleSeconds(absl::Now() - start), (ProcessorMicros() - cpu_us) / kCalls};
  };
  std::vector<double> echoes, checks, rates, echo_cpu, check_cpu, cpu;
  run(echo_stub);
  run(stub);
  for (auto _ : state) {
    const Round echo = run(echo_stub);
    const Round check = run(stub);
    echoes.push_back(echo.per_second);
    checks.push_back(check.per_second);
    rates.push_back(check.per_second / echo.per_second);
    echo_cpu.push_back(echo.cpu_us);
    check_cpu.push_back(check.cpu_us);
    cpu.push_back(check.cpu_us / echo.cpu_us);
  }
  state.counters["echoes_per_s"] = Quantile(&echoes, 0.5);
  state.counters["checks_per_s"] = Quantile(&checks, 0.5);
  state.counters["check_rate/echo_rate"] = Quantile(&rates, 0.5);
  state.counters["echo_cpu_us"] = Quantile(&echo_cpu, 0.5);
  state.counters["check_cpu_us"] = Quantile(&check_cpu, 0.5);
  state.counters["check_cpu/echo_cpu"] = Quantile(&cpu, 0.5);
}

}  // namespace suppressd
