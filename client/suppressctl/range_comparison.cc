#include "client/suppressctl/range_comparison.h"

#include <algorithm>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace suppressd::suppressctl {
namespace {

// A range is divided into so many, by the keys of either copy.
constexpr int kFanOut = 16;
// 16^8 is more entries than fit into a count; deeper means that the list grows faster than it is divided.
constexpr int kDepthMax = 12;

struct Range {
  std::string after_key;
  std::string until_key;
};

// What both copies answered last for a range.
struct Sums {
  v1::RangeChecksumsResponse copy;
  v1::RangeChecksumsResponse other;

  bool equal() const {
    return copy.entry_count() == other.entry_count() && copy.ranges(0).sha256() == other.ranges(0).sha256();
  }
  bool same_state() const { return copy.revision_token() == other.revision_token(); }
};

class Comparer {
 public:
  Comparer(const ChecksumSource& copy, const ChecksumSource& other, const ComparisonOptions& options)
      : copy_(copy), other_(other), options_(options) {}

  absl::StatusOr<Comparison> Run() {
    const absl::Status status = CompareRange(Range(), 0);
    if (!status.ok()) return status;
    return std::move(result_);
  }

 private:
  absl::StatusOr<v1::RangeChecksumsResponse> Ask(const ChecksumSource& source, const Range& range,
                                                 const std::string& at_least, int entries_per_range) {
    v1::RangeChecksumsRequest request;
    for (const std::string& tenant : options_.tenants) request.add_tenants(tenant);
    request.set_after_key(range.after_key);
    request.set_until_key(range.until_key);
    request.set_at_least(at_least);
    request.set_entries_per_range(entries_per_range);
    absl::StatusOr<v1::RangeChecksumsResponse> answer = source(request);
    if (answer.ok() && answer->ranges_size() == 0) return absl::InternalError("an answer holds no checksum");
    if (answer.ok() && answer->checksum_form() != form_) {
      if (form_ != 0) return absl::FailedPreconditionError("the two make their checksums in different forms");
      form_ = answer->checksum_form();
    }
    return answer;
  }

  // The sums of both at one state, or equal ones, or those that came last.
  absl::StatusOr<Sums> Meet(const Range& range) {
    Sums sums;
    std::string ahead;
    for (int asked = 0; asked <= options_.attempts_max; ++asked) {
      const bool copys_turn = asked % 2 == 0;
      absl::StatusOr<v1::RangeChecksumsResponse> answer = Ask(copys_turn ? copy_ : other_, range, ahead, 0);
      if (!answer.ok()) return answer.status();
      ahead = answer->revision_token();
      (copys_turn ? sums.copy : sums.other) = *std::move(answer);
      if (asked > 0 && (sums.equal() || sums.same_state())) break;
    }
    return sums;
  }

  absl::Status CompareRange(const Range& range, int depth) {
    const absl::StatusOr<Sums> sums = Meet(range);
    if (!sums.ok()) return sums.status();
    if (depth == 0) {
      result_.entries = sums->copy.entry_count();
      result_.against = sums->other.entry_count();
      result_.revision_token = sums->copy.revision_token();
    }
    if (sums->equal()) return absl::OkStatus();
    const int64_t entries = std::max(sums->copy.entry_count(), sums->other.entry_count());
    if (entries > options_.entries_per_range && depth < kDepthMax) return Divide(range, entries, depth);
    if (!sums->same_state()) {
      return absl::UnavailableError("the list changes too fast: the two were never seen at the same state");
    }
    result_.differences.push_back(
        {range.after_key, range.until_key, sums->copy.entry_count(), sums->other.entry_count()});
    return absl::OkStatus();
  }

  absl::Status Divide(const Range& range, int64_t entries, int depth) {
    // The keys of both: each knows entries that the other one lacks.
    std::set<std::string> keys;
    const int part = static_cast<int>(std::min<int64_t>(
        std::max<int64_t>(options_.entries_per_range, (entries - 1) / kFanOut + 1), std::numeric_limits<int>::max()));
    for (const ChecksumSource* source : {&copy_, &other_}) {
      const absl::StatusOr<v1::RangeChecksumsResponse> parts = Ask(*source, range, "", part);
      if (!parts.ok()) return parts.status();
      for (int i = 0; i + 1 < parts->ranges_size(); ++i) keys.insert(parts->ranges(i).until_key());
    }
    std::vector<std::string> ends(keys.begin(), keys.end());
    ends.push_back(range.until_key);
    Range next{range.after_key, ""};
    for (const std::string& end : ends) {
      if (static_cast<int>(result_.differences.size()) >= options_.differences_max) {
        result_.more = true;
        return absl::OkStatus();
      }
      next.until_key = end;
      if (const absl::Status status = CompareRange(next, depth + 1); !status.ok()) return status;
      next.after_key = end;
    }
    return absl::OkStatus();
  }

  const ChecksumSource& copy_;
  const ChecksumSource& other_;
  int32_t form_ = 0;  // of the checksums that came first
  const ComparisonOptions& options_;
  Comparison result_;
};

}  // namespace

absl::StatusOr<Comparison> Compare(const ChecksumSource& copy, const ChecksumSource& other,
                                   const ComparisonOptions& options) {
  return Comparer(copy, other, options).Run();
}

}  // namespace suppressd::suppressctl
