// What every command of suppressctl shares: the global options, the streams, the exit codes.
#pragma once

#include <istream>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "suppressd/client.h"

namespace suppressd::suppressctl {

// What suppressctl exits with.
enum ExitCode {
  kDone = 0,     // check: nothing is suppressed
  kFinding = 1,  // check: something is suppressed; details: nothing is known; status: not serving; verify: differ;
                 // audit verify: the trail is not whole
  kFailed = 2,   // bad usage, refused, unreachable
};

enum class Format { kTable, kJson, kJsonl, kTsv };

// Whether a command can print one JSON object a line (-o jsonl).
enum class LineOutput { kRefused, kTaken };

// The global options as parsed.
struct GlobalOptions {
  std::string target;
  std::string tenant;
  std::string timeout = "10s";
  Format format = Format::kTable;
  std::string tls_ca;
  std::string tls_cert;
  std::string tls_key;
  std::string tls_server_name;
  std::string token_file;
  bool tls = false;
  bool insecure = false;
};

// One run. Not thread-safe. The streams must outlive it.
class Session {
 public:
  Session(std::istream& in, std::ostream& out, std::ostream& err) : in_(in), out_(out), err_(err) {}

  std::istream& in() { return in_; }
  std::ostream& out() { return out_; }
  std::ostream& err() { return err_; }
  GlobalOptions& options() { return options_; }
  // Whether err() is a terminal, where a line may be written over. Off unless it was said.
  bool is_terminal() const { return is_terminal_; }
  void SetTerminal(bool is_terminal) { is_terminal_ = is_terminal; }
  bool table() const { return options_.format == Format::kTable; }
  bool json() const { return options_.format == Format::kJson; }
  bool jsonl() const { return options_.format == Format::kJsonl; }
  // For commands whose JSON is one object a line in any case.
  bool json_lines() const { return json() || jsonl(); }
  bool tsv() const { return options_.format == Format::kTsv; }

  // The client the options describe, made at the first call. INVALID_ARGUMENT and others: Client::Create(). It asks the
  // target and no fallback: whoever administers a server wants the answer of that one.
  absl::StatusOr<Client> MakeClient(LineOutput lines = LineOutput::kRefused) const;
  absl::StatusOr<ClientOptions> MakeClientOptions(LineOutput lines = LineOutput::kRefused) const;

  // Says what went wrong in one line on err(): code or reason, message, what to try. Returns kFailed.
  int Fail(const absl::Status& status);
  // The same for a part of the work, such as one line of a file.
  int Fail(const std::string& where, const absl::Status& status);

 private:
  std::istream& in_;
  std::ostream& out_;
  std::ostream& err_;
  GlobalOptions options_;
  bool is_terminal_ = false;
};

// What to try after an error; empty: nothing comes to mind. Pure.
std::string Suggestion(const absl::Status& status);

}  // namespace suppressd::suppressctl
