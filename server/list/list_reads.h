// What the reads of a list answer: each validated, looked up, and decided at this very moment. No gRPC: server,
// sidecar, benchmarks and tests call it.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "storage/list_reader.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// Once the results of a batch hold this much, matches are left out of further ones: the answer must stay below what
// clients accept (4 MiB), and 10,000 addresses with many causes each would not.
inline constexpr size_t kBatchMatchesBytesMax = 2 << 20;

// Thread-safe. Answers from the state that the list has now; errors as docs/api.md lists them.
class ListReads {
 public:
  using Clock = std::function<absl::Time()>;

  // `list` null: there is none yet; then Check and CheckBatch answer NOT_KNOWN and name no state, and the others must
  // not be called. It must outlive this.
  ListReads(const ListReader* list, Clock clock) : list_(list), clock_(std::move(clock)) {}

  // IsSuppressed, but for refusal_text and freshness.
  absl::Status Check(const v1::IsSuppressedRequest& request, v1::IsSuppressedResponse* response) const;
  // BatchIsSuppressed, but for freshness.
  absl::Status CheckBatch(const v1::BatchIsSuppressedRequest& request, v1::BatchIsSuppressedResponse* response) const;
  // ListSuppressions, but for freshness.
  absl::Status List(const v1::ListSuppressionsRequest& request, v1::ListSuppressionsResponse* response) const;
  // CountSuppressions, but for freshness. `stop` is asked now and then: true ends it with DEADLINE_EXCEEDED.
  absl::Status Count(const v1::CountSuppressionsRequest& request, const std::function<bool()>& stop,
                     v1::CountSuppressionsResponse* response) const;
  // GetBounceDetails.
  absl::Status Details(const v1::GetBounceDetailsRequest& request, v1::GetBounceDetailsResponse* response) const;

 private:
  std::string Token(uint64_t revision) const;

  const ListReader* const list_;
  const Clock clock_;
};

}  // namespace suppressd
