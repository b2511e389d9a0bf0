// What the reads of a list answer: each validated, looked up, and decided at this very moment. No gRPC: server,
// sidecar, benchmarks and tests call it.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/list_reader.h"
#include "suppression/v1/suppression_service.pb.h"

namespace suppression {

// Thread-safe. Answers from the state that the list has now; errors as docs/api.md lists them.
class ListReads {
 public:
  using Clock = std::function<absl::Time()>;

  // `list` null: there is none yet; then Check and CheckBatch find nothing and name no state, and the others must not
  // be called. It must outlive this.
  ListReads(const ListReader* list, Clock clock) : list_(list), clock_(std::move(clock)) {}

  // IsSuppressed, but for refusal_text and freshness.
  absl::Status Check(const v1::IsSuppressedRequest& request, v1::IsSuppressedResponse* response) const;
  // BatchIsSuppressed, but for freshness.
  absl::Status CheckBatch(const v1::BatchIsSuppressedRequest& request, v1::BatchIsSuppressedResponse* response) const;
  // ListSuppressions. `stop` is asked now and then while it counts: true ends it with DEADLINE_EXCEEDED.
  absl::Status List(const v1::ListSuppressionsRequest& request, const std::function<bool()>& stop,
                    v1::ListSuppressionsResponse* response) const;
  // GetBounceDetails.
  absl::Status Details(const v1::GetBounceDetailsRequest& request, v1::GetBounceDetailsResponse* response) const;

 private:
  std::string Token(uint64_t revision) const;

  const ListReader* const list_;
  const Clock clock_;
};

}  // namespace suppression
