// suppressctl export: a list into a file, with nothing missing.
#include <fcntl.h>
#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/internal/conversion.h"
#include "client/suppressctl/admin_calls.h"
#include "client/suppressctl/checkpoint.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/export_writer.h"
#include "client/suppressctl/filter_options.h"
#include "client/suppressctl/json.h"
#include "client/suppressctl/progress.h"
#include "suppressd/internal/v1/export_checkpoint.pb.h"

namespace suppressd::suppressctl {
namespace {

namespace fs = std::filesystem;

struct ExportOptions {
  std::string out;
  FilterOptions filter;
  std::string at_least;
  bool csv = false;
  bool no_history = false;
};

absl::StatusOr<v1::ExportRequest> MakeRequest(const ExportOptions& options, const std::string& tenant) {
  absl::StatusOr<SuppressionFilter> filter = MakeFilter(options.filter);
  if (!filter.ok()) return filter.status();
  ListRequest list;
  list.filter = *std::move(filter);
  v1::ExportRequest request;
  request.set_tenant(tenant);
  *request.mutable_filter() = client_internal::ToProto(list).filter();
  request.set_with_history(!options.csv && !options.no_history);
  request.set_at_least(options.at_least);
  return request;
}

bool SyncFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  return synced;
}

// Where an export is written: standard output, or a file that is whole or not there. What is not complete stands in
// FILE.part, and how far it is in FILE.part.json.
class Output {
 public:
  Output(const std::string& path, Session& session) : path_(path), part_(path + ".part"), session_(session) {}

  // Opens it; with the position where an earlier export of the same request stopped, if there was one.
  absl::Status Open(const std::string& request_text, std::string* after, int64_t* entries) {
    if (path_.empty()) return absl::OkStatus();
    request_text_ = request_text;
    std::error_code error;
    if (internal::v1::ExportCheckpoint held; ReadCheckpoint(&held) && held.request() == request_text &&
                                             static_cast<int64_t>(fs::file_size(part_, error)) >= held.size_bytes()) {
      fs::resize_file(part_, static_cast<uintmax_t>(held.size_bytes()), error);
      *after = held.position();
      *entries = held.entries();
    } else if (absl::Status status = ReplaceFile(part_, ""); !status.ok()) {
      return status;
    }
    file_.open(part_, std::ios::binary | std::ios::app);
    return file_ ? absl::OkStatus() : absl::NotFoundError(absl::StrCat("cannot write ", part_));
  }

  absl::Status Write(const std::string& text) {
    std::ostream& stream = path_.empty() ? session_.out() : file_;
    stream << text << std::flush;
    if (stream) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat("cannot write ", path_.empty() ? "standard output" : part_));
  }

  // Everything up to this position stands in the file.
  void Note(const std::string& position, int64_t entries) {
    if (path_.empty()) return;
    internal::v1::ExportCheckpoint next;
    next.set_request(request_text_);
    next.set_position(position);
    next.set_size_bytes(static_cast<int64_t>(file_.tellp()));
    next.set_entries(entries);
    std::string text;
    google::protobuf::util::MessageToJsonString(next, &text);
    ReplaceFile(part_ + ".json", text).IgnoreError();  // else a resumed export begins earlier
  }

  // Begins again.
  absl::Status Restart() {
    file_.close();
    std::remove((part_ + ".json").c_str());
    std::string after;
    int64_t entries = 0;
    return Open(request_text_, &after, &entries);
  }

  // It is complete.
  absl::Status Finish() {
    if (path_.empty()) return absl::OkStatus();
    file_.close();
    if (!file_ || !SyncFile(part_)) return absl::ResourceExhaustedError(absl::StrCat("cannot write ", part_));
    std::remove((part_ + ".json").c_str());
    std::error_code error;
    fs::rename(part_, path_, error);
    return error ? absl::InternalError(absl::StrCat("cannot write ", path_, ": ", error.message())) : absl::OkStatus();
  }

 private:
  bool ReadCheckpoint(internal::v1::ExportCheckpoint* held) const {
    constexpr size_t kBytesMax = 64 << 10;
    std::ifstream file(part_ + ".json", std::ios::binary);
    std::string text(kBytesMax, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(file.gcount()));
    return !text.empty() && google::protobuf::util::JsonStringToMessage(text, held).ok() && held->size_bytes() > 0;
  }

  const std::string path_;
  const std::string part_;
  Session& session_;
  std::string request_text_;
  std::ofstream file_;
};

// Writes one export.
class Exporter {
 public:
  Exporter(v1::ExportRequest request, const ExportOptions& options, Session& session)
      : request_(std::move(request)),
        writer_(options.csv ? MakeCsvWriter(absl::ToUnixMicros(absl::Now())) : MakeJsonWriter()),
        output_(options.out, session),
        progress_(session, "entries", 0),
        form_(options.csv ? "csv" : "jsonl") {}

  absl::Status Run(const AdminCalls& calls) {
    const std::string text = absl::WebSafeBase64Escape(absl::StrCat(form_, request_.SerializeAsString()));
    std::string after;
    if (absl::Status status = output_.Open(text, &after, &entries_); !status.ok()) return status;
    request_.set_after(after);
    entries_before_ = entries_;
    const auto take = [this](const v1::ExportResponse& message) { return Take(message); };
    absl::Status done = after.empty() ? Begin() : absl::OkStatus();
    if (done.ok()) done = calls.Export(request_, take);
    // The server holds the state of an earlier export no longer, or holds other data now.
    const bool is_gone = ErrorReason(done) == "SNAPSHOT_GONE" || ErrorReason(done) == "LINEAGE_MISMATCH" ||
                         ErrorReason(done) == "INVALID_PAGE_TOKEN";
    if (is_gone && !after.empty() && entries_ == entries_before_) {
      request_.clear_after();
      done = output_.Restart();
      if (done.ok()) done = Begin();
      if (done.ok()) done = calls.Export(request_, take);
    }
    return done.ok() ? output_.Finish() : done;
  }

  const v1::ExportProof& proof() const { return proof_; }

 private:
  absl::Status Begin() {
    entries_ = entries_before_ = 0;
    return output_.Write(writer_->Head(request_.tenant(), request_.with_history()));
  }

  absl::Status Take(const v1::ExportResponse& message) {
    std::string text;
    for (const v1::ExportedEntry& entry : message.entries()) text += writer_->Line(entry);
    entries_ += message.entries_size();
    if (message.has_proof()) {
      proof_ = message.proof();
      if (proof_.entry_count() != entries_) {
        return absl::DataLossError(
            absl::StrCat("the server sent ", entries_, " entries, and says that it were ", proof_.entry_count()));
      }
      text += writer_->Proof(proof_);
    }
    if (absl::Status status = output_.Write(text); !status.ok()) return status;
    if (!message.has_proof()) output_.Note(message.position(), entries_);
    progress_.Show(entries_, 0);
    return absl::OkStatus();
  }

  v1::ExportRequest request_;
  const std::unique_ptr<ExportWriter> writer_;
  Output output_;
  Progress progress_;
  const std::string form_;
  int64_t entries_ = 0;
  int64_t entries_before_ = 0;
  v1::ExportProof proof_;
};

int Export(const ExportOptions& options, Session& session) {
  const absl::StatusOr<ClientOptions> target = session.MakeClientOptions();
  if (!target.ok()) return session.Fail(target.status());
  const absl::StatusOr<v1::ExportRequest> request = MakeRequest(options, target->tenant);
  if (!request.ok()) return session.Fail(request.status());
  const absl::StatusOr<AdminCalls> calls = AdminCalls::Make(*target);
  if (!calls.ok()) return session.Fail(calls.status());
  Exporter exporter(*request, options, session);
  if (absl::Status done = exporter.Run(*calls); !done.ok()) return session.Fail(done);
  if (options.out.empty()) return kDone;
  const v1::ExportProof& proof = exporter.proof();
  if (session.json()) {
    JsonObject json;
    json.Add("file", options.out).Add("entryCount", proof.entry_count()).Add("revisionToken", proof.revision_token());
    session.out() << json.Add("sha256", absl::BytesToHexString(proof.sha256())).ToString() << "\n";
  } else {
    session.out() << "exported " << proof.entry_count() << " entries, sha256 " << absl::BytesToHexString(proof.sha256())
                  << "\n";
  }
  return kDone;
}

}  // namespace

void AddExport(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export", "Write all that is known of a list, or a part of it");
  command->add_option("--out", options->out,
                      "Write to this file, which is whole or not there; an export that was cut is resumed "
                      "[default: standard output]");
  command->add_flag("--csv", options->csv, "A table for people; it cannot be imported [default: lines of JSON]");
  command->add_flag("--no_history", options->no_history, "Without the bounce events; needs less of a role");
  AddDomainOption(command, &options->filter);
  AddFilterOptions(command, &options->filter, "all");
  command->add_option("--at_least", options->at_least, "Of the state of this token or a later one");
  command->footer(
      "The last line is a proof: a file without it is cut. Lines of JSON can be imported and lose nothing.\n"
      "Exit codes: 0 done, 2 error: what was written is not complete.");
  command->callback([options, &session, exit_code] { *exit_code = Export(*options, session); });
}

}  // namespace suppressd::suppressctl
