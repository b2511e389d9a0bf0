#include "client/suppressctl/session.h"

#include "absl/strings/str_cat.h"
#include "client/internal/options.h"
#include "client/suppressctl/parse.h"
#include "client/suppressctl/text.h"

namespace suppressd::suppressctl {
namespace {

struct Hint {
  const char* reason;
  const char* text;
};

constexpr Hint kHints[] = {
    {"INVALID_ADDRESS", "give it as local-part@domain"},
    {"INVALID_DOMAIN", "give the domain alone, without \"@\""},
    {"INVALID_TENANT", "use 1 to 63 of a-z 0-9 . _ - with --tenant"},
    {"INVALID_STREAM", "use 1 to 63 of a-z 0-9 . _ - with --stream"},
    {"INVALID_PAGE_TOKEN", "repeat the filters of the first page, or leave --page_token out"},
    {"PAGE_TOKEN_EXPIRED", "start the listing again without --page_token"},
    {"INVALID_TOKEN", "copy the token in full from an earlier answer"},
    {"LINEAGE_MISMATCH", "the data was restored or replaced since: leave the token out"},
    {"UPSTREAM_UNREACHABLE", "ask the server itself with --target, or try again when the sidecar reaches it"},
    {"OUTBOX_FULL", "report to the server with --target, or try again when the sidecar reaches it"},
    {"TOO_STALE", "raise --max_staleness or --timeout, or ask the server with --target"},
    {"REPLICA_NOT_READY", "try again when the sidecar has loaded the list, or ask the server with --target"},
    {"NOT_SERVED_HERE", "ask the server instead of the sidecar with --target, or the reverse"},
    {"REVISION_NOT_REACHED", "raise --timeout, or leave --at_least out"},
    {"REQUEST_ID_REUSED", "leave --request_id out, or repeat the very same call"},
    {"SUPPRESSION_NOT_FOUND", "check the spelling and --tenant; list with: suppressctl list"},
    {"CONSENT_REQUIRED", "give --cause, --consent_at and --consent_evidence"},
    {"OVERLOADED", "try again later"},
    {"QUOTA_EXCEEDED", "the tenant asks too much; try again later, or have its quota raised"},
    {"CLOCK_SUSPECT", "set the server's clock, or start the server with --accept_clock; reads still work"},
    {"STORAGE_UNAVAILABLE", "free disk space on the server; reads still work"},
    {"BACKUPS_OFF", "start the server with --backup_dir"},
    {"SHUTTING_DOWN", "try again when the server is back"},
    {"UNKNOWN_FEEDBACK_TYPE", "use abuse, fraud or opt-out with --complaint"},
    {"NO_RECIPIENT", "report it as a reply, with --recipient"},
    {"NOT_A_MESSAGE", "give the whole mail, with its header"},
    {"MALFORMED_PAYLOAD", "give the body as the provider sent it"},
};

}  // namespace

std::string Suggestion(const absl::Status& status) {
  const std::string reason = ErrorReason(status);
  if (reason == "HISTORY_GONE") {
    const std::string oldest = ErrorDetail(status, "oldest_token");
    return oldest.empty() ? "leave --after out" : absl::StrCat("start with --after ", oldest);
  }
  for (const Hint& hint : kHints) {
    if (reason == hint.reason) return hint.text;
  }
  if (!reason.empty()) return "";
  if (absl::IsUnavailable(status)) return "is suppressd running there? see --target, --tls and SUPPRESSCTL_TARGET";
  if (absl::IsDeadlineExceeded(status)) return "raise --timeout";
  if (absl::IsUnimplemented(status)) return "the server is older than this suppressctl, or is no suppressd";
  return "";
}

absl::StatusOr<ClientOptions> Session::MakeClientOptions(LineOutput lines) const {
  if (jsonl() && lines == LineOutput::kRefused) {
    return absl::InvalidArgumentError("-o jsonl is for audit, replicas, watch and classify; use table or json");
  }
  if (tsv()) return absl::InvalidArgumentError("-o tsv is for classify only; use table or json");
  ClientOptions options;
  options.target = options_.target;
  options.fallback_target = client_internal::kNoFallback;
  options.tenant = options_.tenant;
  options.insecure = options_.insecure;
  options.token_file = options_.token_file;
  const absl::StatusOr<absl::Duration> timeout = ParseDuration(options_.timeout);
  if (!timeout.ok()) return timeout.status();
  options.deadline = *timeout;
  if (options_.tls || !options_.tls_ca.empty() || !options_.tls_cert.empty() || !options_.tls_key.empty() ||
      !options_.tls_server_name.empty()) {
    options.tls = TlsOptions{options_.tls_ca, options_.tls_cert, options_.tls_key, options_.tls_server_name};
  }
  absl::StatusOr<ClientOptions> resolved = client_internal::ResolveOptions(options);
  // Whoever resolves them again must not find a fallback in the environment.
  if (resolved.ok()) resolved->fallback_target = client_internal::kNoFallback;
  return resolved;
}

absl::StatusOr<Client> Session::MakeClient(LineOutput lines) const {
  const absl::StatusOr<ClientOptions> options = MakeClientOptions(lines);
  if (!options.ok()) return options.status();
  return Client::Create(*options);
}

int Session::Fail(const absl::Status& status) {
  return Fail("", status);
}

int Session::Fail(const std::string& where, const absl::Status& status) {
  const std::string reason = ErrorReason(status);
  const std::string field = ErrorDetail(status, "field");
  std::string line = absl::StrCat("suppressctl: ", where, where.empty() ? "" : ": ",
                                  reason.empty() ? absl::StatusCodeToString(status.code()) : reason, ": ",
                                  std::string(status.message()));
  if (!field.empty()) absl::StrAppend(&line, " [", field, "]");
  const std::string suggestion = Suggestion(status);
  if (!suggestion.empty()) absl::StrAppend(&line, "; ", suggestion);
  err_ << Escape(line) << "\n";
  return kFailed;
}

}  // namespace suppressd::suppressctl
