// The client of suppressd: may this address be mailed, and what happened to the mail that was.
//
//   absl::StatusOr<suppressd::Client> client = suppressd::Client::Create();
//   if (!client.ok()) return client.status();
//   absl::StatusOr<suppressd::CheckResult> check = client->IsSuppressed("ada@example.com");
//   if (check.ok() && check->MaySend()) Send();
//
// Errors of every call are an absl::Status with the service's code; ErrorReason() gives the stable
// machine-readable reason. UNAVAILABLE and DEADLINE_EXCEEDED come from here too, when no server could
// be reached in time. Only UNAVAILABLE is retried, at ClientOptions::fallback_target too where there is one;
// writes carry a request id made once per call, so a retried write counts once. Messages never contain an
// address.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "suppressd/connection.h"
#include "suppressd/options.h"
#include "suppressd/types.h"

namespace suppressd {
inline namespace client_v1 {

// The reason of an error by its name in the API ("INVALID_ADDRESS"). Empty: OK, or an error that did
// not come from the service. Thread-safe.
std::string ErrorReason(const absl::Status& status);

// One detail of an error, such as "field", "oldest_token". Empty: there is none. Thread-safe.
std::string ErrorDetail(const absl::Status& status, const std::string& key);

// What ForEachSuppression did.
struct ForEachResult {
  int64_t visited = 0;                 // entries given to the visitor
  int64_t damaged_count = 0;           // entries left out because they are damaged on the server's disk
  bool at_end = false;                 // false: the limit was reached, or the visitor stopped
  std::string revision_token;          // the state the listing was read from
  std::optional<Freshness> freshness;  // of the last page that was read, see CheckResult
};

// A cheap value: copies share one connection. Thread-safe.
class Client {
 public:
  // Makes a client. Nothing is connected until the first call, so a server that is not up yet is no
  // error. INVALID_ARGUMENT: an option is outside its range, or plaintext was asked for a target that
  // is neither a Unix socket nor loopback. NOT_FOUND, FAILED_PRECONDITION: a PEM file is missing, or
  // is not one.
  static absl::StatusOr<Client> Create(const ClientOptions& options = ClientOptions());

  // A client over a connection of the caller's, for tests. Options are not checked; of them deadline,
  // tenant and when_unavailable are used (so it neither retries nor falls back). `connection` must not be null.
  explicit Client(std::shared_ptr<Connection> connection, const ClientOptions& options = ClientOptions());

  // Whether an address may be mailed. OK with kNotSuppressed when it is not on the list; INVALID_ARGUMENT
  // (INVALID_ADDRESS) when it is no address. See ClientOptions::when_unavailable.
  absl::StatusOr<CheckResult> IsSuppressed(const std::string& address) const;
  absl::StatusOr<CheckResult> IsSuppressed(CheckRequest request, CallOptions call = CallOptions()) const;

  // The same for up to 10,000 addresses; more are INVALID_ARGUMENT (BATCH_TOO_LARGE). One bad
  // address fails alone, inside the result. None: an empty answer, with the token of the server.
  absl::StatusOr<BatchResult> BatchIsSuppressed(BatchRequest request, CallOptions call = CallOptions()) const;

  // Reports a reply, a complaint, a bounce message, or a provider's payload. OK: it is on the server's disk, or on
  // the sidecar's, see ReportResult::durability. Of several recipients or events one may have failed alone, see
  // Outcome::error.
  absl::StatusOr<ReportResult> ReportBounce(ReportRequest request, CallOptions call = CallOptions()) const;

  // One page of the list.
  absl::StatusOr<Page> ListSuppressions(ListRequest request, CallOptions call = CallOptions()) const;

  // Walks the list from request.page_token on and gives each entry to `visit`, on this thread, until
  // the list ends, `visit` returns false, or `limit` entries were given; limit must be positive, else
  // INVALID_ARGUMENT. All entries are read from one state. `call` applies to each page. An error ends
  // the walk; entries already visited stay so. INTERNAL: the server's pages do not end.
  absl::StatusOr<ForEachResult> ForEachSuppression(ListRequest request, int64_t limit,
                                                   const std::function<bool(const Suppression&)>& visit,
                                                   CallOptions call = CallOptions()) const;

  // Counts the entries that pass a filter, all of them: give it time. DEADLINE_EXCEEDED (DEADLINE_PASSED): it was too
  // little.
  absl::StatusOr<Counts> CountSuppressions(CountRequest request, CallOptions call = CallOptions()) const;

  // Everything known of an address or domain. NOT_FOUND (SUPPRESSION_NOT_FOUND): nothing is.
  absl::StatusOr<Details> GetBounceDetails(DetailsRequest request, CallOptions call = CallOptions()) const;

  // Lifts causes. NOT_FOUND (SUPPRESSION_NOT_FOUND); FAILED_PRECONDITION (CONSENT_REQUIRED); ABORTED (ENTRY_CHANGED).
  absl::StatusOr<ReactivateResult> Reactivate(ReactivateRequest request, CallOptions call = CallOptions()) const;

  // Puts an address or domain on the list.
  absl::StatusOr<SuppressResult> Suppress(SuppressRequest request, CallOptions call = CallOptions()) const;

  // Blocks and gives every change after request.after to `on_step`, in order, on this thread. A
  // broken stream is taken up again after the last step (so the first parts of a step, see WatchStep, may come
  // twice), for ClientOptions::watch_retry_for without
  // news; changes between the call and the first connection are missed when request.after is empty.
  // OK: on_step returned false. CANCELLED: `cancellation`. OUT_OF_RANGE (HISTORY_GONE): the start is
  // older than the history. UNAVAILABLE: reconnecting failed for too long.
  absl::Status Watch(WatchRequest request, const OnStep& on_step,
                     const Cancellation& cancellation = Cancellation()) const;

 private:
  CallOptions WithDeadline(CallOptions call) const;
  std::string TenantOr(std::string tenant) const;
  bool Assume(const absl::Status& status) const;

  std::shared_ptr<Connection> connection_;
  std::shared_ptr<const ClientOptions> options_;
};

}  // namespace client_v1
}  // namespace suppressd
