#include "client/suppressctl/import_run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/suppressctl/json.h"
#include "client/suppressctl/text.h"

namespace suppressd::suppressctl {

int64_t ImportCounts::Of(v1::ImportOutcome::Result result) const {
  int64_t sum = 0;
  for (const auto& [cause, counts] : results) {
    if (const auto found = counts.find(result); found != counts.end()) sum += found->second;
  }
  return sum;
}

absl::Status ImportRun::Take(ListFile::Item item) {
  if (!failed_.ok()) return failed_;
  ++counts_.rows;
  last_ = counts_.rows;
  Sent row{item.number, item.line, std::move(item.text)};
  if (item.kind == ListFile::Item::kSkip) {
    ++counts_.skipped;
    return absl::OkStatus();
  }
  if (item.kind == ListFile::Item::kBad) {
    ++counts_.unread;
    Tell(row, item.field, "UNREADABLE", item.why);
    return absl::OkStatus();
  }
  const size_t bytes = item.row.ByteSizeLong();
  if (!next_rows_.empty() && (next_.rows_size() >= kImportCallRows || next_bytes_ + bytes > kImportCallBytes)) {
    if (absl::Status status = SendRows(); !status.ok()) return status;
  }
  next_bytes_ += bytes;
  *next_.add_rows() = std::move(item.row);
  next_rows_.push_back(std::move(row));
  return absl::OkStatus();
}

absl::Status ImportRun::SendRows() {
  while (static_cast<int>(calls_.size()) >= options_.calls_at_once) {
    if (absl::Status status = Settle(); !status.ok()) return status;
  }
  v1::ImportRequest request = options_.request;
  request.mutable_rows()->Swap(next_.mutable_rows());
  Call& call = calls_.emplace_back();
  call.last = next_rows_.empty() ? last_ : next_rows_.back().number;
  call.rows = std::exchange(next_rows_, {});
  next_bytes_ = 0;
  call.response = std::async(std::launch::async, [this, request = std::move(request)] { return send_(request); });
  return absl::OkStatus();
}

absl::Status ImportRun::Settle() {
  Call call = std::move(calls_.front());
  calls_.pop_front();
  const absl::StatusOr<v1::ImportResponse> response = call.response.get();
  if (!response.ok()) return failed_ = response.status();
  if (response->outcomes_size() != static_cast<int>(call.rows.size())) {
    return failed_ = absl::InternalError("the service answered for another number of rows than it was sent");
  }
  for (size_t i = 0; i < call.rows.size(); ++i) {
    const v1::ImportOutcome& outcome = response->outcomes(static_cast<int>(i));
    if (outcome.result() == v1::ImportOutcome::REJECTED) {
      ++counts_.rejected;
      Tell(call.rows[i], outcome.error().field(), outcome.error().reason(), outcome.error().message());
      continue;
    }
    const bool is_entry = outcome.type() == v1::Cause::TYPE_UNSPECIFIED;
    ++counts_.results[is_entry ? "" : v1::Cause::Type_Name(outcome.type())][outcome.result()];
  }
  counts_.token = response->revision_token();
  settled_rows_ = call.last;
  settled_(settled_rows_);
  return absl::OkStatus();
}

absl::Status ImportRun::Finish() {
  if (failed_.ok() && next_.rows_size() > 0) SendRows().IgnoreError();  // it stays in failed_
  while (failed_.ok() && !calls_.empty()) Settle().IgnoreError();
  calls_.clear();
  if (!failed_.ok()) return failed_;
  settled_rows_ = counts_.rows;
  settled_(settled_rows_);
  return absl::OkStatus();
}

void ImportRun::Tell(const Sent& row, const std::string& field, const std::string& reason, const std::string& why) {
  if (options_.errors != nullptr) {
    JsonObject json;
    json.Add("file", options_.file).Add("row", row.number).Add("line", row.line).Add("field", field);
    json.Add("reason", reason).Add("why", why).Add("text", row.text);
    *options_.errors << json.ToString() << "\n";
  }
  if (++told_ > kToldRowsMax) return;
  session_.err() << "suppressctl: "
                 << Escape(absl::StrCat(options_.file, ", row ", row.number, ", line ", row.line, ": ",
                                        field.empty() ? "" : absl::StrCat(field, ": "), why, " (", reason, ")"))
                 << "\n";
  if (told_ == kToldRowsMax) {
    session_.err() << "suppressctl: further rows that are not taken are "
                   << (options_.errors != nullptr ? "in the file of errors" : "only counted; --errors FILE keeps them")
                   << "\n";
  }
}

}  // namespace suppressd::suppressctl
