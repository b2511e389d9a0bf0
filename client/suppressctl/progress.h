// How far a long command is, in one line that is written over, where standard error is a terminal.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "client/suppressctl/session.h"

namespace suppressd::suppressctl {

// Not thread-safe. The session must outlive it. Ends its line when it is destroyed.
class Progress {
 public:
  // `what` is counted, such as "rows". `total`: of the units of Show's `done_of_total`; zero: not known.
  Progress(Session& session, std::string what, int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Says so at most four times a second.
  void Show(int64_t count, int64_t done_of_total);

 private:
  Session& session_;
  const std::string what_;
  const int64_t total_;
  const absl::Time begun_at_;
  absl::Time shown_at_;
};

// "12,500 rows, 8,300 a second, 2m10s left". Pure.
std::string ProgressText(const std::string& what, int64_t count, absl::Duration elapsed, int64_t done, int64_t total);

}  // namespace suppressd::suppressctl
