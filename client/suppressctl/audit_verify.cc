// suppressctl audit verify: was a record of the audit trail removed or altered?
#include "client/suppressctl/audit_verify.h"

#include <google/protobuf/util/json_util.h>

#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/suppressctl/audit_checkpoint.h"
#include "client/suppressctl/audit_source.h"
#include "client/suppressctl/audit_verifier.h"
#include "client/suppressctl/json.h"
#include "client/suppressctl/text.h"

namespace suppressd::suppressctl {
namespace {

// Longest line of an exported file: a record with all causes that an entry may hold, and their notes, is shorter.
constexpr size_t kLineBytesMax = 8 << 20;

struct VerifyOptions {
  std::string file;
  std::string checkpoint;
};

// Takes the whole trail of a server, page after page. The last page is read together with the head.
absl::Status TakeFrom(const AuditSource& source, AuditVerifier* verifier) {
  v1::ListAuditRequest request;
  request.set_page_size(kAuditPageSize);
  while (true) {
    const absl::StatusOr<v1::ListAuditResponse> page = source(request);
    if (!page.ok()) return page.status();
    for (const v1::AuditRecord& record : page->records()) {
      if (absl::Status status = verifier->Take(record); !status.ok()) return status;
    }
    if (verifier->fault().has_value()) return absl::OkStatus();
    if (page->next_page_token().empty()) {
      verifier->Finish(page->head());
      return absl::OkStatus();
    }
    if (page->next_page_token() == request.page_token()) return absl::InternalError("the pages go in circles");
    request.set_page_token(page->next_page_token());
  }
}

// The next line, without its end. False: there is none. RESOURCE_EXHAUSTED: it is too long.
absl::StatusOr<bool> ReadLine(std::istream& in, std::string* line) {
  line->clear();
  for (int next = in.get(); next != std::istream::traits_type::eof(); next = in.get()) {
    if (next == '\n') return true;
    if (line->size() == kLineBytesMax) return absl::ResourceExhaustedError("a line is longer than 8 MiB");
    line->push_back(static_cast<char>(next));
  }
  return !line->empty();
}

template <typename Message>
bool ReadJson(const std::string& line, Message* message) {
  message->Clear();
  return google::protobuf::util::JsonStringToMessage(line, message).ok();
}

// Takes an exported trail: a record a line, and a last line with the head.
absl::Status TakeFrom(std::istream& in, AuditVerifier* verifier) {
  std::string line;
  v1::AuditRecord record;
  v1::ListAuditResponse end;
  for (int64_t number = 1;; ++number) {
    const absl::StatusOr<bool> more = ReadLine(in, &line);
    if (!more.ok()) return more.status();
    if (!*more) break;
    if (end.has_head()) return absl::InvalidArgumentError("something follows the line that ends the trail");
    if (ReadJson(line, &record)) {
      if (absl::Status status = verifier->Take(record); !status.ok()) return status;
    } else if (!ReadJson(line, &end) || !end.has_head()) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, " is no record of an audit trail"));
    }
  }
  if (end.has_head()) {
    verifier->Finish(end.head());
  } else {
    verifier->FinishWithoutHead();
  }
  return absl::OkStatus();
}

absl::Status TakeAll(const VerifyOptions& options, Session& session, AuditVerifier* verifier) {
  if (options.file == "-") return TakeFrom(session.in(), verifier);
  if (!options.file.empty()) {
    std::ifstream file(options.file, std::ios::binary);
    if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", options.file));
    absl::Status status = TakeFrom(file, verifier);
    return file.bad() ? absl::NotFoundError(absl::StrCat("cannot read ", options.file)) : status;
  }
  const absl::StatusOr<AuditSource> source = ServerSource(session);
  return source.ok() ? TakeFrom(*source, verifier) : source.status();
}

void PrintJson(const AuditVerifier& verifier, Session& session) {
  JsonObject json;
  json.AddRaw("intact", verifier.fault().has_value() ? "false" : "true");
  json.Add("recordCount", absl::StrCat(verifier.mark().count));
  json.Add("hash", absl::Base64Escape(verifier.mark().hash));
  json.Add("erasedTextCount", static_cast<int64_t>(verifier.erased_texts()));
  if (const std::optional<AuditFault>& fault = verifier.fault()) {
    JsonObject first;
    first.Add("kind", AuditFaultName(fault->kind)).Add("number", absl::StrCat(fault->number));
    first.Add("revision", static_cast<int64_t>(fault->revision)).Add("what", fault->what);
    json.Add("fault", first);
  }
  session.out() << json.ToString() << "\n";
}

void PrintText(const AuditVerifier& verifier, Session& session) {
  if (const std::optional<AuditFault>& fault = verifier.fault()) {
    session.out() << "not whole: record " << fault->number;
    if (fault->revision > 0) session.out() << " (revision " << fault->revision << ")";
    session.out() << ": " << AuditFaultName(fault->kind) << ": " << Escape(fault->what) << "\n";
    return;
  }
  session.out() << "whole: " << verifier.mark().count << " records; texts erased: " << verifier.erased_texts() << "\n";
  if (verifier.mark().count > 0) {
    session.out() << "sha256 of the newest: " << absl::BytesToHexString(verifier.mark().hash) << "\n";
  }
}

int Verify(const VerifyOptions& options, Session& session) {
  if (!session.options().tenant.empty()) {
    return session.Fail(absl::InvalidArgumentError("audit verify reads the whole trail: leave --tenant out"));
  }
  if (session.tsv()) return session.Fail(absl::InvalidArgumentError("audit verify prints text or -o json"));
  std::optional<AuditMark> checkpoint;
  if (!options.checkpoint.empty()) {
    absl::StatusOr<std::optional<AuditMark>> read = ReadCheckpoint(options.checkpoint);
    if (!read.ok()) return session.Fail("--checkpoint", read.status());
    checkpoint = *std::move(read);
  }
  AuditVerifier verifier(std::move(checkpoint));
  if (absl::Status status = TakeAll(options, session, &verifier); !status.ok()) return session.Fail(status);
  if (session.json_lines()) {
    PrintJson(verifier, session);
  } else {
    PrintText(verifier, session);
  }
  if (verifier.fault().has_value()) return kFinding;
  if (options.checkpoint.empty()) return kDone;
  const absl::Status noted = WriteCheckpoint(options.checkpoint, verifier.mark());
  return noted.ok() ? kDone : session.Fail("--checkpoint", noted);
}

}  // namespace

void AddAuditVerify(CLI::App& audit, Session& session, int* exit_code) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = audit.add_subcommand("verify", "Was a record removed or altered?");
  command->add_option("file", options->file,
                      "An export of the whole trail (audit -o jsonl); - standard input [default: ask the server]");
  command->add_option("--checkpoint", options->checkpoint,
                      "A file that says how far the trail was whole last time; made, and replaced when it is whole");
  command->footer(
      "Computes the hash of every record and of every text, and names the first that does not fit. A trail that was\n"
      "rewritten as a whole is found by the checkpoint only: keep it on another machine.\n"
      "Exit codes: 0 whole, 1 not whole, 2 error.");
  command->callback([options, &session, exit_code] { *exit_code = Verify(*options, session); });
}

}  // namespace suppressd::suppressctl
