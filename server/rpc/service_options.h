// Limits of the suppression service, of the server and of a sidecar.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace suppressd {

// A batch of at most so many addresses is checked at once, as a single address is.
inline constexpr int kSmallBatch = 64;
// A request of more bytes is no small batch, or no reply or complaint: when there is no room for it, it is not read.
inline constexpr size_t kSmallBatchBytes = 8 << 10;
inline constexpr size_t kSmallReportBytes = 64 << 10;

// How much less than calls the threads of a pool are favoured (setpriority): checks run on gRPC's own threads.
inline constexpr int kBatchNice = 3;
inline constexpr int kMailNice = 5;
inline constexpr int kListingNice = 10;

struct ServiceOptions {
  // Largest request taken, in bytes.
  size_t request_bytes_max = 4 << 20;
  // Most checks in flight at once; the next is UNAVAILABLE (OVERLOADED).
  int calls_in_flight_max = 10'000;
  // Of writes half as many, counted for themselves: writes that wait for the disk keep no check out.
  int writes_in_flight_max() const { return std::max(1, calls_in_flight_max / 2); }
  // Most batches of more than kSmallBatch addresses in flight at once.
  int batches_in_flight_max = 64;
  // Threads that these are checked on: they never keep single checks waiting.
  int batch_threads = 2;
  // Most listings and details in flight at once.
  int listings_in_flight_max = 64;
  // Threads that listings and details run on, so that they never keep checks waiting.
  int listing_threads = 2;
  // Maximum number of bounce messages and webhook payloads processed at once.
  int mails_in_flight_max = 64;
  // Threads that these are read on: a mail that was made for it takes long.
  int mail_threads = 2;
  // Most watches at once.
  int watches_max = 1'000;
  // OK, or why no write is taken now; null: always OK.
  std::function<absl::Status()> may_write = {};
  // Longest wait for the state that a read demands, whatever its deadline.
  absl::Duration await_revision_max = absl::Seconds(10);
};

}  // namespace suppressd
