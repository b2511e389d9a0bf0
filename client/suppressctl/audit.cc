// suppressctl audit: who did what, when and why.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/suppressctl/audit_source.h"
#include "client/suppressctl/audit_verify.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/json.h"
#include "client/suppressctl/parse.h"
#include "client/suppressctl/replication_calls.h"
#include "client/suppressctl/text.h"

namespace suppressd::suppressctl {
namespace {

constexpr int64_t kLimitMax = 1'000'000'000'000;

struct AuditOptions {
  std::string actor;
  std::string address;
  std::string action;
  std::string since;
  std::string until;
  int64_t limit = 0;  // zero: all
};

void SetTime(const std::optional<absl::Time>& time, google::protobuf::Timestamp* into) {
  const int64_t seconds = absl::ToUnixSeconds(*time);
  into->set_seconds(seconds);
  into->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(*time - absl::FromUnixSeconds(seconds))));
}

absl::StatusOr<v1::ListAuditRequest> MakeRequest(const AuditOptions& options, const std::string& tenant) {
  v1::ListAuditRequest request;
  if (!tenant.empty()) request.add_tenants(tenant);
  request.set_actor(options.actor);
  request.set_action(options.action);
  if (!options.address.empty() && options.address[0] == '@') {
    request.set_domain(options.address.substr(1));
  } else if (!options.address.empty()) {
    request.set_address(options.address);
  }
  std::optional<absl::Time> since, until;
  absl::Status status = ParseOptionalTime("--since", options.since, &since);
  status.Update(ParseOptionalTime("--until", options.until, &until));
  if (!status.ok()) return status;
  if (since) SetTime(since, request.mutable_since());
  if (until) SetTime(until, request.mutable_until());
  return request;
}

// Whether it asks for the whole trail, which can be verified.
bool IsWhole(const AuditOptions& options, const v1::ListAuditRequest& request) {
  return options.limit == 0 && v1::ListAuditRequest().SerializeAsString() == request.SerializeAsString();
}

std::vector<std::string> ToRow(const v1::AuditRecord& record) {
  const bool erased = !record.text_sha256().empty() && !record.has_text();
  std::string who = record.actor();
  const std::string& for_whom = record.text().on_behalf_of();
  if (!for_whom.empty()) absl::StrAppend(&who, who.empty() ? "" : ", for ", for_whom);
  return {record.has_at() ? TimeText(ToTime(record.at())) : "",
          who,
          record.action(),
          record.tenant(),
          erased ? "(erased)" : record.text().address(),
          record.refused_reason(),
          record.count() == 0 ? "" : absl::StrCat(record.count()),
          record.detail().empty() ? record.text().note() : record.detail()};
}

// Prints records as they come: a table for each page, so that a trail of any length is printed in little memory.
class AuditPrinter {
 public:
  explicit AuditPrinter(Session& session) : session_(session) {
    if (session_.json()) session_.out() << "{\"records\":[";
  }

  // `count`: so many of the page.
  absl::Status Add(const v1::ListAuditResponse& page, int count) {
    Table table({"TIME", "WHO", "ACTION", "TENANT", "ADDRESS", "REFUSED", "COUNT", "WHY"});
    for (int i = 0; i < count; ++i) {
      const v1::AuditRecord& record = page.records(i);
      if (session_.table()) {
        table.Add(ToRow(record));
        continue;
      }
      const absl::StatusOr<std::string> json = AuditJson(record);
      if (!json.ok()) return json.status();
      session_.out() << (session_.json() && printed_ > 0 ? "," : "") << *json << (session_.jsonl() ? "\n" : "");
      ++printed_;
    }
    if (session_.table() && (count > 0 || !headed_)) table.Print(session_.out());
    headed_ = true;
    return absl::OkStatus();
  }

  // `last`: what follows the records; null: nothing, or the rest did not come.
  void Finish(const v1::ListAuditResponse* last) {
    std::string end;
    if (last != nullptr && !session_.table()) {
      v1::ListAuditResponse proof;
      *proof.mutable_head() = last->head();
      proof.set_revision_token(last->revision_token());
      end = AuditJson(proof).value_or("");
    }
    if (session_.json()) session_.out() << "]" << (end.empty() ? "}" : "," + end.substr(1)) << "\n";
    if (session_.jsonl() && !end.empty()) session_.out() << end << "\n";
  }

 private:
  Session& session_;
  int64_t printed_ = 0;
  bool headed_ = false;
};

int List(const AuditOptions& options, Session& session) {
  absl::StatusOr<v1::ListAuditRequest> request = MakeRequest(options, session.options().tenant);
  if (!request.ok()) return session.Fail(request.status());
  const bool is_whole = IsWhole(options, *request);
  const absl::StatusOr<AuditSource> source = ServerSource(session);
  if (!source.ok()) return session.Fail(source.status());
  std::unique_ptr<AuditPrinter> printer;
  int64_t left = options.limit == 0 ? kLimitMax : options.limit;
  while (true) {
    request->set_page_size(static_cast<int32_t>(std::min<int64_t>(left, kAuditPageSize)));
    const absl::StatusOr<v1::ListAuditResponse> page = (*source)(*request);
    if (page.ok() && printer == nullptr) printer = std::make_unique<AuditPrinter>(session);
    const int count = page.ok() ? static_cast<int>(std::min<int64_t>(left, page->records_size())) : 0;
    const absl::Status status = page.ok() ? printer->Add(*page, count) : page.status();
    if (!status.ok()) {
      if (printer != nullptr) printer->Finish(nullptr);
      return session.Fail(status);
    }
    left -= count;
    if (left > 0 && !page->next_page_token().empty() && page->next_page_token() != request->page_token()) {
      request->set_page_token(page->next_page_token());
      continue;
    }
    // An export that is not whole proves nothing.
    printer->Finish(is_whole || session.json() ? &*page : nullptr);
    return kDone;
  }
}

}  // namespace

void AddAudit(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<AuditOptions>();
  CLI::App* command = app.add_subcommand("audit", "Who did what, when and why, oldest first; verify: is it whole?");
  command->require_subcommand(0, 1);
  command->add_option("--actor", options->actor, "Only by this identity");
  command->add_option("--address", options->address, "Only about this address, or \"@domain\"");
  command->add_option("--action", options->action, "Only this: suppress, reactivate, import, export, erase, denied");
  command->add_option("--since", options->since, "Only at or after this time");
  command->add_option("--until", options->until, "Only before this time");
  command->add_option("--limit", options->limit, "At most so many records [default: all]")
      ->check(CLI::Range(int64_t{1}, kLimitMax));
  command->footer(
      "Of --tenant, or the whole trail, with what is about no list, when it is not given. -o jsonl is the export: one\n"
      "record a line, and of the whole trail a last line that says where it ends; audit verify reads it.\n"
      "Exit codes: 0 done, 2 error.");
  AddAuditVerify(*command, session, exit_code);
  command->callback([options, command, &session, exit_code] {
    if (command->get_subcommands().empty()) *exit_code = List(*options, session);
  });
}

}  // namespace suppressd::suppressctl
