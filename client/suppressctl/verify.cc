// suppressctl verify: does a sidecar hold what the server holds?
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "client/internal/options.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/parse.h"
#include "client/suppressctl/range_comparison.h"
#include "client/suppressctl/render.h"
#include "client/suppressctl/replication_calls.h"

namespace suppressd::suppressctl {
namespace {

struct VerifyOptions {
  std::string against;
  std::string give_up_after = "5m";
  ComparisonOptions comparison;
};

// "tenant/local@domain", the entry that the key (docs/storage_format.md) is of.
std::string KeyText(const std::string& key) {
  if (key.empty()) return "";
  const std::vector<std::string> parts = absl::StrSplit(key, absl::MaxSplits('\0', 2));
  return parts.size() < 3 ? key : absl::StrCat(parts[0], "/", parts[2], "@", parts[1]);
}

JsonObject ToJson(const RangeDifference& difference) {
  JsonObject json;
  json.Add("after", KeyText(difference.after_key)).Add("until", KeyText(difference.until_key));
  json.Add("afterKey", absl::Base64Escape(difference.after_key));
  json.Add("untilKey", absl::Base64Escape(difference.until_key));
  return json.Add("entryCount", difference.entries).Add("againstEntryCount", difference.against);
}

void PrintJson(const Comparison& result, Session& session) {
  JsonObject json;
  json.AddRaw("equal", result.equal() ? "true" : "false");
  json.Add("entryCount", result.entries)
      .Add("againstEntryCount", result.against)
      .Add("revisionToken", result.revision_token);
  json.AddAll("differences", result.differences, [](const RangeDifference& difference) { return ToJson(difference); });
  session.out() << json.Add("more", result.more).ToString() << "\n";
}

void PrintTable(const Comparison& result, Session& session) {
  if (result.equal()) {
    session.out() << "equal: " << result.entries << " entries\n";
    return;
  }
  Table table({"AFTER", "UNTIL", "ENTRIES", "AGAINST"});
  for (const RangeDifference& difference : result.differences) {
    table.Add({KeyText(difference.after_key), KeyText(difference.until_key), absl::StrCat(difference.entries),
               absl::StrCat(difference.against)});
  }
  table.Print(session.out());
  session.out() << "differ: " << result.differences.size() << (result.more ? " or more" : "") << " ranges, of "
                << result.entries << " entries against " << result.against << "\n";
}

// Checksums from a server, until `give_up`.
ChecksumSource SourceOf(const ReplicationCalls& calls, absl::Duration timeout, absl::Time give_up) {
  return [calls, timeout,
          give_up](const v1::RangeChecksumsRequest& request) -> absl::StatusOr<v1::RangeChecksumsResponse> {
    const absl::Duration left = give_up - absl::Now();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError("not done within --give_up_after");
    }
    return calls.RangeChecksums(request, std::min(timeout, left));
  };
}

int Verify(VerifyOptions options, Session& session) {
  absl::StatusOr<ClientOptions> target = session.MakeClientOptions();
  if (!target.ok()) return session.Fail(target.status());
  ClientOptions other = *target;
  other.target = options.against;
  const absl::StatusOr<ClientOptions> against = client_internal::ResolveOptions(other);
  if (!against.ok()) return session.Fail("--against", against.status());
  // A sidecar's socket is in plaintext also where the server wants TLS.
  if (absl::StartsWith(target->target, "unix")) target->tls.reset();
  const absl::StatusOr<absl::Duration> within = ParseDuration(options.give_up_after);
  if (!within.ok()) return session.Fail("--give_up_after", within.status());
  if (options.comparison.tenants.empty() && !target->tenant.empty()) {
    options.comparison.tenants.push_back(target->tenant);
  }
  const absl::StatusOr<ReplicationCalls> copy = ReplicationCalls::Make(*target);
  if (!copy.ok()) return session.Fail(copy.status());
  const absl::StatusOr<ReplicationCalls> server = ReplicationCalls::Make(*against);
  if (!server.ok()) return session.Fail("--against", server.status());
  const absl::Time give_up = absl::Now() + *within;
  const absl::StatusOr<Comparison> result = Compare(SourceOf(*copy, target->deadline, give_up),
                                                    SourceOf(*server, against->deadline, give_up), options.comparison);
  if (!result.ok()) return session.Fail(result.status());
  if (session.json()) {
    PrintJson(*result, session);
  } else {
    PrintTable(*result, session);
  }
  return result->equal() ? kDone : kFinding;
}

}  // namespace

void AddVerify(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = app.add_subcommand("verify", "Does the sidecar --target hold what the server holds?");
  command->add_option("--against", options->against, "The server, or another sidecar: unix:/path or host:port")
      ->required();
  command->add_option("--tenant", options->comparison.tenants, "Only this list; may be repeated [default: all]")
      ->allow_extra_args(false);
  command
      ->add_option("--attempts", options->comparison.attempts_max,
                   "How often one range is compared, until both sides are at the same state")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  command->add_option("--give_up_after", options->give_up_after, "How long it may take in all")->capture_default_str();
  command
      ->add_option("--entries_per_range", options->comparison.entries_per_range,
                   "Narrow differences down to ranges of at most so many entries")
      ->check(CLI::Range(1, 1'000'000'000))
      ->capture_default_str();
  command->add_option("--max_ranges", options->comparison.differences_max, "Look for no more differing ranges")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  command->footer(
      "Compares checksums; entries are not transferred. --timeout bounds each call: allow time to sum up a large "
      "list.\n"
      "TLS options are for --against, and for a --target that is no Unix socket.\n"
      "Exit codes: 0 equal, 1 they differ, 2 error, or the list changes too fast to compare.");
  command->callback([options, &session, exit_code] { *exit_code = Verify(*options, session); });
}

}  // namespace suppressd::suppressctl
