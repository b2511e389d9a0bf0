// An import under way: rows are gathered into calls, some calls are under way at once, and their answers are counted in
// the order of the rows.
#pragma once

#include <cstdint>
#include <deque>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/suppressctl/session.h"
#include "server/bounces/imports/list_file.h"
#include "suppressd/v1/admin_service.pb.h"

namespace suppressd::suppressctl {

// Rows of one call, at most; and their bytes.
inline constexpr int kImportCallRows = 500;
inline constexpr size_t kImportCallBytes = 1 << 20;
// Bad rows that are told on standard error; the rest is only counted there.
inline constexpr int64_t kToldRowsMax = 20;

struct ImportRunOptions {
  // Tenant, provider, trust_provider, dry_run, on_behalf_of.
  v1::ImportRequest request;
  std::string file;  // for messages
  int calls_at_once = 4;
  // Where rows that were not taken go, one JSON object a line; null: nowhere.
  std::ostream* errors = nullptr;
};

// What became of the rows of one file.
struct ImportCounts {
  int64_t rows = 0;
  int64_t skipped = 0;   // none to be taken
  int64_t unread = 0;    // could not be read
  int64_t rejected = 0;  // by the service
  // By cause (empty: an entry of an export) and result.
  std::map<std::string, std::map<v1::ImportOutcome::Result, int64_t>> results;
  std::string token;  // the state that includes all of them

  int64_t Of(v1::ImportOutcome::Result result) const;
};

// Not thread-safe; session and errors must outlive it.
class ImportRun {
 public:
  using Send = std::function<absl::StatusOr<v1::ImportResponse>(const v1::ImportRequest&)>;
  // Told after each call with the number of rows, counted from the first of the file, that need not be read again.
  using Settled = std::function<void(int64_t rows)>;

  // `send` is called on threads of the run's own.
  ImportRun(ImportRunOptions options, Send send, Settled settled, Session& session)
      : options_(std::move(options)), send_(std::move(send)), settled_(std::move(settled)), session_(session) {}
  // Waits for the calls that are under way.
  ~ImportRun() = default;

  // Takes the next item of a file that is not its end. Fails when a call has failed: nothing more is sent.
  absl::Status Take(ListFile::Item item);
  // A row that was settled in an earlier run.
  void Pass() { ++counts_.rows; }
  // Sends what is left and waits for all answers.
  absl::Status Finish();
  const ImportCounts& counts() const { return counts_; }
  // Rows up to which all is settled.
  int64_t settled() const { return settled_rows_; }

 private:
  // What is remembered of a row that is under way.
  struct Sent {
    int64_t number = 0;
    int64_t line = 0;
    std::string text;
  };
  struct Call {
    std::vector<Sent> rows;
    int64_t last = 0;
    std::future<absl::StatusOr<v1::ImportResponse>> response;
  };

  absl::Status SendRows();
  // Waits for the oldest call.
  absl::Status Settle();
  void Tell(const Sent& row, const std::string& field, const std::string& reason, const std::string& why);

  const ImportRunOptions options_;
  const Send send_;
  const Settled settled_;
  Session& session_;
  v1::ImportRequest next_;
  std::vector<Sent> next_rows_;
  size_t next_bytes_ = 0;
  int64_t last_ = 0;
  int64_t settled_rows_ = 0;
  int64_t told_ = 0;
  absl::Status failed_;
  ImportCounts counts_;
  std::deque<Call> calls_;  // last: what they use is above
};

}  // namespace suppressd::suppressctl
