// suppressctl import: lists of other services, into this one.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/suppressctl/admin_calls.h"
#include "client/suppressctl/checkpoint.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/import_run.h"
#include "client/suppressctl/json.h"
#include "client/suppressctl/progress.h"
#include "client/suppressctl/text.h"

namespace suppressd::suppressctl {
namespace {

using Outcome = v1::ImportOutcome;

constexpr int kCallsAtOnceMax = 8;
constexpr char kEntries[] = "(entries)";

struct ImportOptions {
  std::vector<std::string> files;
  std::string from = "auto";
  std::string stream;
  std::string errors;
  std::string checkpoint;
  std::string on_behalf_of;
  int calls_at_once = 4;
  bool trust_provider = false;
  bool take_soft = false;
  bool dry_run = false;
  bool formats = false;
};

constexpr Outcome::Result kResults[] = {Outcome::CREATED, Outcome::MERGED, Outcome::UNCHANGED, Outcome::RECORDED,
                                        Outcome::OUTDATED};

JsonObject ToJson(const std::string& file, const ListFormat& format, const ImportCounts& counts,
                  const std::vector<std::string>& remarks) {
  JsonObject json;
  json.Add("file", file).Add("format", std::string(format.name)).Add("rows", counts.rows);
  for (const Outcome::Result result : kResults) {
    json.Add(absl::AsciiStrToLower(Outcome::Result_Name(result)), counts.Of(result));
  }
  json.Add("rejected", counts.rejected).Add("unreadable", counts.unread).Add("skipped", counts.skipped);
  JsonObject causes;
  for (const auto& [cause, results] : counts.results) {
    JsonObject row;
    for (const auto& [result, count] : results) row.Add(absl::AsciiStrToLower(Outcome::Result_Name(result)), count);
    causes.Add(cause.empty() ? "ENTRY" : cause, row);
  }
  json.Add("causes", causes);
  std::string list;
  for (const std::string& remark : remarks) absl::StrAppend(&list, list.empty() ? "" : ",", JsonString(remark));
  if (!list.empty()) json.AddRaw("remarks", absl::StrCat("[", list, "]"));
  return json.Add("revisionToken", counts.token);
}

void PrintTable(const std::string& file, const ListFormat& format, const ImportCounts& counts, Session& session) {
  session.out() << Escape(file) << ": " << format.name << ", " << counts.rows << " rows\n";
  Table table({"CAUSE", "CREATED", "MERGED", "UNCHANGED", "RECORDED", "OUTDATED"});
  for (const auto& [cause, results] : counts.results) {
    std::vector<std::string> row = {cause.empty() ? kEntries : cause};
    for (const Outcome::Result result : kResults) {
      const auto found = results.find(result);
      row.push_back(absl::StrCat(found == results.end() ? 0 : found->second));
    }
    table.Add(std::move(row));
  }
  if (!counts.results.empty()) table.Print(session.out());
  session.out() << "not taken: " << counts.rejected << " rejected, " << counts.unread
                << " unreadable; skipped: " << counts.skipped << "\n";
}

// One file, open to be read.
struct Input {
  std::string name;
  std::ifstream file;
  std::istream* stream = nullptr;
  int64_t size_bytes = 0;  // zero: not known
};

absl::StatusOr<std::unique_ptr<Input>> OpenInput(const std::string& name, Session& session) {
  auto input = std::make_unique<Input>();
  input->name = name;
  if (name == "-") {
    input->stream = &session.in();
    return input;
  }
  std::error_code error;
  if (std::filesystem::is_directory(name, error)) {
    return absl::InvalidArgumentError(absl::StrCat(name, " is a directory"));
  }
  input->file.open(name, std::ios::binary);
  if (!input->file) return absl::NotFoundError(absl::StrCat("cannot read ", name));
  const auto size = std::filesystem::file_size(name, error);
  if (!error) input->size_bytes = static_cast<int64_t>(size);
  input->stream = &input->file;
  return input;
}

// Imports files one after another.
class Importer {
 public:
  Importer(const ImportOptions& options, const AdminCalls& calls, const ClientOptions& target, Session& session)
      : options_(options), calls_(calls), target_(target), session_(session) {}

  absl::Status OpenErrors() {
    if (options_.errors.empty()) return absl::OkStatus();
    if (absl::Status status = ReplaceFile(options_.errors, ""); !status.ok()) return status;
    errors_.open(options_.errors, std::ios::binary | std::ios::app);
    return errors_ ? absl::OkStatus() : absl::NotFoundError(absl::StrCat("cannot write ", options_.errors));
  }

  absl::Status Import(const std::string& name) {
    absl::StatusOr<std::unique_ptr<Input>> input = OpenInput(name, session_);
    if (!input.ok()) return input.status();
    absl::StatusOr<Checkpoint> checkpoint = Checkpoint::Open(options_.checkpoint, name);
    if (!checkpoint.ok()) return checkpoint.status();
    const absl::StatusOr<std::unique_ptr<ListFile>> file = ListFile::Open(
        (*input)->stream,
        {.from = options_.from, .stream = options_.stream, .name = name, .take_soft = options_.take_soft});
    if (!file.ok()) return file.status();
    ImportRun run(
        {.request = StartRequest((*file)->format()),
         .file = name,
         .calls_at_once = options_.calls_at_once,
         .errors = errors_.is_open() ? &errors_ : nullptr},
        [this](const v1::ImportRequest& request) { return calls_.Import(request, target_.deadline); },
        [&](int64_t rows) { checkpoint->Note(rows).IgnoreError(); }, session_);
    const absl::Status done = Pump(**input, checkpoint->rows(), file->get(), &run);
    Print(name, **file, run.counts());
    if (done.ok()) {
      checkpoint->Remove();
    } else if (run.settled() > 0) {
      session_.err() << "suppressctl: stopped behind row " << run.settled()
                     << "; start it again: rows that were taken before change nothing\n";
    }
    not_taken_ += run.counts().rejected + run.counts().unread;
    return done;
  }

  int64_t not_taken() const { return not_taken_; }
  void Close() {
    if (session_.json()) session_.out() << "{\"files\":[" << json_ << "]}\n";
  }

 private:
  v1::ImportRequest StartRequest(const ListFormat& format) const {
    v1::ImportRequest request;
    request.set_tenant(target_.tenant);
    request.set_provider(std::string(format.provider));
    request.set_trust_provider(options_.trust_provider);
    request.set_dry_run(options_.dry_run);
    request.set_on_behalf_of(options_.on_behalf_of);
    return request;
  }

  // Reads the file to its end.
  absl::Status Pump(Input& input, int64_t passed, ListFile* file, ImportRun* run) {
    Progress progress(session_, "rows", input.size_bytes);
    for (;;) {
      ListFile::Item item = file->Next();
      if (item.kind == ListFile::Item::kEnd) {
        absl::Status sent = run->Finish();
        if (!sent.ok() || item.why.empty()) return sent;
        return absl::DataLossError(absl::StrCat(input.name, ": ", item.why));
      }
      if (run->counts().rows < passed) {
        run->Pass();
      } else if (absl::Status status = run->Take(std::move(item)); !status.ok()) {
        run->Finish().IgnoreError();  // it is the same error
        return status;
      }
      progress.Show(run->counts().rows, input.size_bytes == 0 ? 0 : static_cast<int64_t>(input.stream->tellg()));
    }
  }

  void Print(const std::string& name, const ListFile& file, const ImportCounts& counts) {
    if (session_.json()) {
      absl::StrAppend(&json_, json_.empty() ? "" : ",", ToJson(name, file.format(), counts, file.Remarks()).ToString());
      return;
    }
    for (const std::string& remark : file.Remarks()) {
      session_.err() << "suppressctl: " << Escape(absl::StrCat(name, ": ", remark)) << "\n";
    }
    PrintTable(name, file.format(), counts, session_);
    if (options_.dry_run) session_.out() << "dry run: nothing was changed\n";
  }

  const ImportOptions& options_;
  const AdminCalls& calls_;
  const ClientOptions& target_;
  Session& session_;
  std::ofstream errors_;
  int64_t not_taken_ = 0;
  std::string json_;
};

int PrintFormats(Session& session) {
  Table table({"FORMAT", "WHAT IT IS"});
  for (const ListFormat& format : ListFormats()) table.Add({std::string(format.name), std::string(format.what)});
  table.Print(session.out());
  return kDone;
}

int Import(const ImportOptions& options, Session& session) {
  if (options.formats) return PrintFormats(session);
  if (options.files.empty()) {
    return session.Fail(absl::InvalidArgumentError("name the files to import, or - for standard input"));
  }
  if (!options.checkpoint.empty() && options.files.size() > 1) {
    return session.Fail(absl::InvalidArgumentError("--checkpoint goes with one file"));
  }
  const absl::StatusOr<ClientOptions> target = session.MakeClientOptions();
  if (!target.ok()) return session.Fail(target.status());
  const absl::StatusOr<AdminCalls> calls = AdminCalls::Make(*target);
  if (!calls.ok()) return session.Fail(calls.status());
  Importer importer(options, *calls, *target, session);
  if (absl::Status status = importer.OpenErrors(); !status.ok()) return session.Fail("--errors", status);
  int exit_code = kDone;
  for (const std::string& file : options.files) {
    const absl::Status done = importer.Import(file);
    if (!done.ok()) exit_code = session.Fail(done);
  }
  importer.Close();
  return exit_code == kDone && importer.not_taken() > 0 ? static_cast<int>(kFinding) : exit_code;
}

}  // namespace

void AddImport(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* command = app.add_subcommand("import", "Take lists that were kept elsewhere");
  command->add_option("FILE", options->files, "Files to import; - is standard input");
  command->add_option("--from", options->from, "The format, or the provider; see --formats")->capture_default_str();
  command->add_option("--stream", options->stream, "The stream of rows that do not name one [default: all mail]");
  command->add_option("--errors", options->errors, "Write rows that are not taken there, one JSON object a line");
  command->add_option("--checkpoint", options->checkpoint,
                      "Keep there how far the import is, and go on from there when it is started again");
  command->add_option("--on_behalf_of", options->on_behalf_of, "Who asks, for the record");
  command->add_option("--calls_at_once", options->calls_at_once, "Calls under way at once")
      ->check(CLI::Range(1, kCallsAtOnceMax))
      ->capture_default_str();
  command->add_flag("--trust_provider", options->trust_provider,
                    "What the provider says of a bounce holds, whatever our rules make of its text");
  command->add_flag("--take_soft", options->take_soft,
                    "Mailchimp: suppress cleaned addresses, which bounced hard or often softly");
  command->add_flag("--dry_run", options->dry_run, "Change nothing, and tell what would be done");
  command->add_flag("--formats", options->formats, "List the formats, and end");
  command->footer(
      "Rows that were taken before change nothing, so an import that was interrupted can be started again.\n"
      "CREATED: now suppressed; MERGED: was already; RECORDED: in the history only; OUTDATED: reactivated since.\n"
      "Exit codes: 0 all rows were taken, 1 some were not, 2 error: not all rows were read or sent.");
  command->callback([options, &session, exit_code] { *exit_code = Import(*options, session); });
}

}  // namespace suppressd::suppressctl
