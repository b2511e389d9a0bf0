// What is counted of every call: how many began, how they ended, how long they took.
//
// A call is counted from the guard on (server/rpc/unreadable_request.h). There its record is made and left for whoever
// answers it, RunUnary or a stream, which runs on the same thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/counters.h"
#include "common/histogram.h"
#include "grpcpp/support/status.h"

namespace suppressd {

// Of one method. Thread-safe.
struct MethodMetrics {
  static constexpr int kCodes = 17;  // those of gRPC

  explicit MethodMetrics(std::string name_in) : name(std::move(name_in)) {}

  const std::string name;       // "/suppressd.v1.SuppressionService/IsSuppressed"
  Counters<kCodes + 1> counts;  // by code; the last one: begun
  LatencyHistogram took;

  int64_t handled(int code) const { return counts.Get(code); }
  int64_t started() const { return counts.Get(kCodes); }
};

// One call, from its beginning to its end. Copies are the same call, of which one ends it.
class CallRecord {
 public:
  CallRecord() = default;
  static CallRecord Begin(MethodMetrics* method) {
    method->counts.Add(MethodMetrics::kCodes);
    CallRecord record;
    record.method_ = method;
    record.began_ = std::chrono::steady_clock::now();
    return record;
  }
  void End(grpc::StatusCode code) const {
    if (method_ == nullptr) return;
    const int index = static_cast<int>(code);
    method_->counts.Add(index >= 0 && index < MethodMetrics::kCodes ? index
                                                                    : static_cast<int>(grpc::StatusCode::UNKNOWN));
    method_->took.Record(absl::FromChrono(std::chrono::steady_clock::now() - began_));
  }

  // Leaves a call for whoever takes it on this thread before the scope ends.
  class Left {
   public:
    explicit Left(CallRecord record) { Current() = record; }
    ~Left() { Current() = CallRecord(); }
    Left(const Left&) = delete;
  };
  static CallRecord Take() { return std::exchange(Current(), CallRecord()); }

 private:
  static CallRecord& Current() {
    thread_local CallRecord current;
    return current;
  }

  MethodMetrics* method_ = nullptr;  // null: it is not counted
  std::chrono::steady_clock::time_point began_;
};

using AllMethodMetrics = std::vector<std::unique_ptr<MethodMetrics>>;

}  // namespace suppressd
