#include "client/suppressctl/progress.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace suppressd::suppressctl {
namespace {

constexpr absl::Duration kShowInterval = absl::Milliseconds(250);

// "12,500".
std::string Grouped(int64_t number) {
  std::string text = absl::StrCat(number);
  for (int64_t at = static_cast<int64_t>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<size_t>(at), ",");
  return text;
}

}  // namespace

std::string ProgressText(const std::string& what, int64_t count, absl::Duration elapsed, int64_t done, int64_t total) {
  const double seconds = absl::ToDoubleSeconds(elapsed);
  std::string text = absl::StrCat(Grouped(count), " ", what);
  if (seconds <= 0) return text;
  absl::StrAppend(&text, ", ", Grouped(static_cast<int64_t>(static_cast<double>(count) / seconds)), " a second");
  if (done <= 0 || done >= total) return text;
  const double left = seconds * static_cast<double>(total - done) / static_cast<double>(done);
  return absl::StrCat(text, ", ", absl::FormatDuration(absl::Seconds(static_cast<int64_t>(left) + 1)), " left");
}

Progress::Progress(Session& session, std::string what, int64_t total)
    : session_(session), what_(std::move(what)), total_(total), begun_at_(absl::Now()), shown_at_(begun_at_) {}

Progress::~Progress() {
  if (session_.is_terminal() && shown_at_ != begun_at_) session_.err() << "\r\x1b[K" << std::flush;
}

void Progress::Show(int64_t count, int64_t done_of_total) {
  if (!session_.is_terminal()) return;
  const absl::Time now = absl::Now();
  if (now - shown_at_ < kShowInterval) return;
  shown_at_ = now;
  session_.err() << "\r\x1b[K" << ProgressText(what_, count, now - begun_at_, done_of_total, total_) << std::flush;
}

}  // namespace suppressd::suppressctl
