#include "client/suppressctl/bulk_reactivate.h"

#include <openssl/sha.h>

#include <algorithm>
#include <deque>
#include <future>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/internal/conversion.h"
#include "client/suppressctl/progress.h"
#include "client/suppressctl/render.h"

namespace suppressd::suppressctl {
namespace {

using Plan = internal::v1::ReactivationPlan;

constexpr size_t kSumBytes = 8;
constexpr size_t kPlanBytesMax = 16 << 10;
constexpr size_t kShownMax = 20;   // domains, and samples
constexpr int64_t kToldMax = 100;  // entries that failed
constexpr size_t kCallsAtOnce = 8;
constexpr int32_t kPageSize = 1'000;

std::string Sha256(const std::string& bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

bool IsBounce(CauseType type) {
  return type == CauseType::kHardBounce || type == CauseType::kSoftBounce;
}

std::string DomainOf(const Suppression& entry) {
  return entry.domain.empty() ? entry.address.substr(entry.address.rfind('@') + 1) : entry.domain;
}

// Every entry that passes the filter, page by page. `take` returns false to stop.
template <typename Take>
absl::Status ForEachEntry(const Client& client, const ListRequest& start, Take take) {
  ListRequest request = start;
  request.page_size = kPageSize;
  while (true) {
    const absl::StatusOr<Page> page = client.ListSuppressions(request);
    if (!page.ok()) return page.status();
    for (const Suppression& entry : page->suppressions) {
      if (!take(entry, page->revision_token)) return absl::OkStatus();
    }
    if (page->next_page_token.empty()) return absl::OkStatus();
    request.page_token = page->next_page_token;
  }
}

// What a plan shows.
struct Summary {
  std::string token;
  int64_t entries = 0;
  std::map<std::string, int64_t> reasons;
  std::map<std::string, int64_t> domains;
  std::vector<std::string> samples;

  void Add(const Suppression& entry) {
    std::set<std::string> seen;
    for (const Cause& cause : entry.causes) {
      if (IsBounce(cause.type) && cause.state == CauseState::kActive) seen.insert(Name(cause.reason));
    }
    for (const std::string& reason : seen) ++reasons[reason];
    ++domains[DomainOf(entry)];
    if (samples.size() < kShownMax) samples.push_back(entry.Target());
    ++entries;
  }
  // The domains with most entries.
  std::vector<std::pair<std::string, int64_t>> TopDomains() const {
    std::vector<std::pair<std::string, int64_t>> all(domains.begin(), domains.end());
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    if (all.size() > kShownMax) all.resize(kShownMax);
    return all;
  }
};

void PrintJson(const Summary& summary, const std::string& plan, Session& session) {
  JsonObject reasons, domains;
  for (const auto& [reason, count] : summary.reasons) reasons.Add(reason, count);
  for (const auto& [domain, count] : summary.TopDomains()) domains.Add(domain, count);
  std::string samples;
  for (const std::string& sample : summary.samples) {
    absl::StrAppend(&samples, samples.empty() ? "" : ",", JsonString(sample));
  }
  JsonObject json;
  json.Add("entryCount", summary.entries).Add("reasons", reasons).Add("domains", domains);
  json.Add("domainCount", static_cast<int64_t>(summary.domains.size())).AddRaw("samples", "[" + samples + "]");
  session.out() << json.Add("plan", plan).ToString() << "\n";
}

void PrintTable(const Summary& summary, const std::string& plan, Session& session) {
  Table reasons({"REASON", "ENTRIES"});
  for (const auto& [reason, count] : summary.reasons) reasons.Add({reason, absl::StrCat(count)});
  reasons.Print(session.out());
  Table domains({"DOMAIN", "ENTRIES"});
  for (const auto& [domain, count] : summary.TopDomains()) domains.Add({domain, absl::StrCat(count)});
  session.out() << "\n";
  domains.Print(session.out());
  if (summary.domains.size() > kShownMax) {
    session.out() << "and " << summary.domains.size() - kShownMax << " more domains\n";
  }
  session.out() << "\nfor example:\n";
  for (const std::string& sample : summary.samples) session.out() << "  " << Escape(sample) << "\n";
  session.out() << "\n"
                << summary.entries << " entries would be reactivated; nothing was changed\nplan: " << plan << "\n";
}

// Reactivates entries, some calls at once.
class Application {
 public:
  Application(const Client& client, const Plan& plan, const BulkOptions& options, Session& session)
      : client_(client),
        options_(options),
        session_(session),
        progress_(session, "entries", plan.entry_count()),
        token_(plan.revision_token()) {
    for (const v1::CauseSelector& from : plan.causes()) {
      CauseSelector& cause = causes_.emplace_back();
      cause.type = static_cast<CauseType>(from.type());
      if (from.has_reason()) cause.reason = static_cast<BounceReason>(from.reason());
      if (from.has_stream()) cause.stream = from.stream();
    }
  }

  // False: the next one would fail, too.
  bool Take(const Suppression& entry) {
    if (calls_.size() >= kCallsAtOnce) Settle();
    if (!stopped_.ok()) return false;
    ReactivateRequest request;
    request.address = entry.address;
    request.domain = entry.domain;
    request.note = options_.note;
    request.on_behalf_of = options_.on_behalf_of;
    request.causes = causes_;
    request.unchanged_since = token_;
    request.request_id = PlanRequestId(options_.plan, entry.Target());
    calls_.push_back({entry.Target(), std::async(std::launch::async, [this, request = std::move(request)] {
                        return client_.Reactivate(request);
                      })});
    return true;
  }

  int Finish(absl::Status listed) {
    while (!calls_.empty()) Settle();
    if (!stopped_.ok()) listed = stopped_;
    if (session_.json()) {
      JsonObject json;
      json.Add("reactivated", lifted_).Add("nothingToLift", nothing_).Add("changedSincePlan", changed_);
      session_.out() << json.Add("failed", failed_).Add("revisionToken", newest_).ToString() << "\n";
    } else {
      session_.out() << "reactivated " << lifted_ << ", nothing to lift " << nothing_ << ", changed since the plan "
                     << changed_ << ", failed " << failed_ << "\n";
    }
    if (!listed.ok()) return session_.Fail(listed);
    return changed_ + failed_ == 0 ? kDone : kFinding;
  }

 private:
  struct Call {
    std::string target;
    std::future<absl::StatusOr<ReactivateResult>> result;
  };

  // Waits for the oldest call.
  void Settle() {
    Call call = std::move(calls_.front());
    calls_.pop_front();
    const absl::StatusOr<ReactivateResult> result = call.result.get();
    ++settled_;
    progress_.Show(settled_, settled_);
    if (result.ok()) {
      ++(result->changed ? lifted_ : nothing_);
      newest_ = result->revision_token;
    } else if (ErrorReason(result.status()) == "ENTRY_CHANGED") {
      ++changed_;
      Tell(call.target, result.status());
    } else if (absl::IsInvalidArgument(result.status()) || absl::IsNotFound(result.status()) ||
               ErrorReason(result.status()) == "CONSENT_REQUIRED") {
      ++failed_;
      Tell(call.target, result.status());
    } else if (stopped_.ok()) {
      stopped_ = result.status();
    }
  }

  void Tell(const std::string& target, const absl::Status& status) {
    if (++told_ <= kToldMax) session_.Fail(target, status);
    if (told_ == kToldMax) session_.err() << "suppressctl: further ones are only counted\n";
  }

  const Client& client_;
  const BulkOptions& options_;
  Session& session_;
  Progress progress_;
  const std::string token_;
  std::vector<CauseSelector> causes_;
  int64_t settled_ = 0, lifted_ = 0, nothing_ = 0, changed_ = 0, failed_ = 0, told_ = 0;
  std::string newest_;
  absl::Status stopped_;
  std::deque<Call> calls_;
};

absl::Status CheckCauses(const BulkOptions& options) {
  const auto is_bounce = [](const CauseSelector& cause) { return IsBounce(cause.type); };
  if (!std::all_of(options.causes.begin(), options.causes.end(), is_bounce) ||
      !std::all_of(options.filter.cause_types.begin(), options.filter.cause_types.end(), IsBounce)) {
    return absl::InvalidArgumentError(
        "many at once: only HARD_BOUNCE and SOFT_BOUNCE causes; complaints and unsubscriptions are lifted one by one");
  }
  return absl::OkStatus();
}

// The filter of a plan as the client has it.
SuppressionFilter FilterOf(const v1::SuppressionFilter& from) {
  SuppressionFilter filter;
  filter.state = static_cast<StateFilter>(from.state());
  for (const int reason : from.reasons()) filter.reasons.push_back(static_cast<BounceReason>(reason));
  for (const int type : from.cause_types()) filter.cause_types.push_back(static_cast<CauseType>(type));
  if (from.has_stream()) filter.stream = from.stream();
  filter.source = from.source();
  filter.domain = from.domain();
  filter.address_prefix = from.address_prefix();
  filter.address_contains = from.address_contains();
  const auto time = [](const google::protobuf::Timestamp& at) {
    return absl::FromUnixSeconds(at.seconds()) + absl::Nanoseconds(at.nanos());
  };
  if (from.has_listed_from()) filter.listed_from = time(from.listed_from());
  if (from.has_listed_before()) filter.listed_before = time(from.listed_before());
  return filter;
}

}  // namespace

std::string EncodePlan(const Plan& plan) {
  const std::string bytes = plan.SerializeAsString();
  return absl::WebSafeBase64Escape(absl::StrCat(Sha256(bytes).substr(0, kSumBytes), bytes));
}

absl::StatusOr<Plan> DecodePlan(const std::string& id) {
  std::string bytes;
  Plan plan;
  if (id.size() <= kPlanBytesMax && absl::WebSafeBase64Unescape(id, &bytes) && bytes.size() > kSumBytes &&
      Sha256(bytes.substr(kSumBytes)).substr(0, kSumBytes) == bytes.substr(0, kSumBytes) &&
      plan.ParseFromString(bytes.substr(kSumBytes)) && !plan.revision_token().empty()) {
    return plan;
  }
  return absl::InvalidArgumentError("--apply: this is no plan id, or not all of it; make one with --plan");
}

std::string PlanRequestId(const std::string& plan, const std::string& target) {
  std::string bytes = Sha256(absl::StrCat(plan, "\n", target)).substr(0, 16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x50);  // RFC 4122: a name-based UUID
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  std::string id = absl::BytesToHexString(bytes);
  for (const size_t at : {8, 13, 18, 23}) id.insert(at, "-");
  return id;
}

int PlanReactivation(const BulkOptions& options, Session& session) {
  if (absl::Status status = CheckCauses(options); !status.ok()) return session.Fail(status);
  const absl::StatusOr<Client> client = session.MakeClient();
  if (!client.ok()) return session.Fail(client.status());
  ListRequest request;
  request.filter = options.filter;
  if (request.filter.cause_types.empty()) {
    request.filter.cause_types = {CauseType::kHardBounce, CauseType::kSoftBounce};
  }
  Summary summary;
  Progress progress(session, "entries", 0);
  const absl::Status listed = ForEachEntry(*client, request, [&](const Suppression& entry, const std::string& token) {
    if (summary.token.empty()) summary.token = token;
    summary.Add(entry);
    progress.Show(summary.entries, 0);
    return true;
  });
  if (!listed.ok()) return session.Fail(listed);
  if (summary.entries == 0) {
    session.out() << (session.json() ? "{}" : "no entry passes; there is nothing to plan") << "\n";
    return kDone;
  }
  Plan plan;
  plan.set_tenant(session.options().tenant);
  *plan.mutable_filter() = client_internal::ToProto(request).filter();
  ReactivateRequest causes;
  causes.causes = options.causes;
  *plan.mutable_causes() = client_internal::ToProto(causes).causes();
  plan.set_revision_token(summary.token);
  plan.set_entry_count(summary.entries);
  plan.set_made_at_micros(absl::ToUnixMicros(absl::Now()));
  session.json() ? PrintJson(summary, EncodePlan(plan), session) : PrintTable(summary, EncodePlan(plan), session);
  return kDone;
}

int ApplyReactivation(const BulkOptions& options, Session& session) {
  const absl::StatusOr<Plan> plan = DecodePlan(options.plan);
  if (!plan.ok()) return session.Fail(plan.status());
  if (absl::Now() - absl::FromUnixMicros(plan->made_at_micros()) > kPlanAgeMax) {
    return session.Fail(absl::FailedPreconditionError("the plan is older than 7 days; look again with --plan"));
  }
  if (!session.options().tenant.empty() && session.options().tenant != plan->tenant()) {
    return session.Fail(absl::InvalidArgumentError("the plan is of another list than --tenant"));
  }
  session.options().tenant = plan->tenant();
  const absl::StatusOr<Client> client = session.MakeClient();
  if (!client.ok()) return session.Fail(client.status());
  ListRequest request;
  request.filter = FilterOf(plan->filter());
  Application application(*client, *plan, options, session);
  const absl::Status listed = ForEachEntry(
      *client, request, [&](const Suppression& entry, const std::string&) { return application.Take(entry); });
  return application.Finish(listed);
}

}  // namespace suppressd::suppressctl
