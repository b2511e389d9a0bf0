// What the reads of a list answer, without gRPC: see list_reads.h.
#include "server/list_reads.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "protos/error.h"
#include "server/explanations.h"
#include "server/field_checks.h"
#include "server/log.h"
#include "server/page_token.h"
#include "server/requests.h"
#include "storage/entry.h"
#include "storage/revision_token.h"

namespace suppression {
namespace {

// Adds the causes of an entry that count for this stream now.
template <typename Response>
void AddMatches(stored::StoredEntry* entry, bool whole_domain, int64_t now, const std::string& stream,
                Response* response) {
  for (v1::Cause& cause : *entry->mutable_suppression()->mutable_causes()) {
    if (!Matches(cause, now, stream)) continue;
    v1::Match* match = response->add_matches();
    *match->mutable_cause() = std::move(cause);
    match->set_whole_domain(whole_domain);
    response->set_suppressed(true);
  }
}

// Once the results of a batch hold this much, matches are left out of further ones: the answer must stay below what
// clients accept (4 MiB), and 10,000 addresses with many causes each would not.
constexpr size_t kBatchMatchesMaxOctets = 2 << 20;

// A valid address of a batch, and where it stood.
struct BatchItem {
  int32_t index;
  Address address;
};

// The results of a batch. Hits and damage come in the order of the addresses, each before its domain's.
class BatchResults {
 public:
  BatchResults(int64_t now, const std::string& stream) : now_(now), stream_(stream) {}

  void AddInvalid(int32_t index, const absl::Status& why) {
    v1::BatchResult& invalid = results_.emplace_back();
    invalid.set_index(index);
    invalid.set_error_reason(ReasonName(ReasonOf(why)));
    invalid.set_error_message(std::string(why.message()));
  }

  // What is stored of the address or of its domain is damaged: no answer at all is better than half of one.
  void AddDamaged(int32_t index) {
    if (index != last_hit_) results_.emplace_back();
    v1::BatchResult& damaged = results_.back();
    last_hit_ = damaged_ = index;
    damaged.Clear();
    damaged.set_index(index);
    damaged.set_error_reason(ReasonName(v1::INTERNAL_ERROR));
    damaged.set_error_message("what is stored of it is damaged");
  }

  void AddHit(int32_t index, bool whole_domain, stored::StoredEntry* entry) {
    if (index == damaged_) return;
    if (index != last_hit_) {
      results_.emplace_back().set_index(index);
      leave_out_ = octets_ >= kBatchMatchesMaxOctets;
      last_hit_ = index;
    }
    v1::BatchResult& result = results_.back();
    const int before = result.matches_size();
    for (v1::Cause& cause : *entry->mutable_suppression()->mutable_causes()) {
      cause.clear_note();
      cause.clear_reactivation();
    }
    AddMatches(entry, whole_domain, now_, stream_, &result);
    if (leave_out_ && result.suppressed()) {
      result.clear_matches();
      result.set_matches_left_out(true);
    } else {
      for (int i = before; i < result.matches_size(); ++i) octets_ += result.matches(i).ByteSizeLong();
    }
  }

  bool any_damaged() const { return damaged_ >= 0; }

  // Moves those that say something into the response, in order.
  void MoveTo(v1::BatchIsSuppressedResponse* response) {
    std::sort(results_.begin(), results_.end(),
              [](const v1::BatchResult& a, const v1::BatchResult& b) { return a.index() < b.index(); });
    for (v1::BatchResult& result : results_) {
      if (result.suppressed() || !result.error_reason().empty()) *response->add_results() = std::move(result);
    }
  }

 private:
  const int64_t now_;
  const std::string& stream_;
  std::vector<v1::BatchResult> results_;
  size_t octets_ = 0;
  int32_t last_hit_ = -1;
  int32_t damaged_ = -1;  // the last one
  bool leave_out_ = false;
};

}  // namespace

std::string ListReads::Token(uint64_t revision) const {
  return EncodeToken({list_->lineage(), revision});
}

absl::Status ListReads::Check(const v1::IsSuppressedRequest& request, v1::IsSuppressedResponse* response) const {
  const absl::StatusOr<std::string> tenant = TenantOf(request.tenant());
  if (!tenant.ok()) return tenant.status();
  if (absl::Status status = CheckStream(request.stream()); !status.ok()) return status;
  const absl::StatusOr<Address> address = WithField(NormaliseAddress(request.address()), "address");
  if (!address.ok()) return address.status();
  if (list_ == nullptr) return absl::OkStatus();
  Lookup found;
  absl::Status status = list_->Get({*tenant, address->domain, address->local_part}, &found);
  if (!status.ok()) return status;
  const int64_t now = absl::ToUnixMicros(clock_());
  if (found.address.has_value()) AddMatches(&*found.address, false, now, request.stream(), response);
  if (found.domain.has_value()) AddMatches(&*found.domain, true, now, request.stream(), response);
  response->set_token(Token(found.revision));
  return absl::OkStatus();
}

absl::Status ListReads::CheckBatch(const v1::BatchIsSuppressedRequest& request,
                                   v1::BatchIsSuppressedResponse* response) const {
  const absl::StatusOr<std::string> tenant = TenantOf(request.tenant());
  if (!tenant.ok()) return tenant.status();
  if (absl::Status status = CheckStream(request.stream()); !status.ok()) return status;
  if (request.addresses_size() > kBatchMax) {
    return InvalidArgument(v1::BATCH_TOO_LARGE, "a batch holds at most 10,000 addresses", "addresses");
  }
  std::vector<BatchItem> items;
  BatchResults results(absl::ToUnixMicros(clock_()), request.stream());
  items.reserve(request.addresses_size());
  for (int32_t i = 0; i < request.addresses_size(); ++i) {
    absl::StatusOr<Address> address = NormaliseAddress(request.addresses(i));
    if (address.ok()) {
      items.push_back({i, *std::move(address)});
    } else {
      results.AddInvalid(i, address.status());
    }
  }
  std::vector<EntryName> names;
  names.reserve(items.size());
  for (const BatchItem& item : items) names.push_back({*tenant, item.address.domain, item.address.local_part});
  if (list_ == nullptr) {
    results.MoveTo(response);
    return absl::OkStatus();
  }
  uint64_t revision = 0;
  absl::Status status = list_->MultiGet(
      names, [&](size_t i, bool domain, stored::StoredEntry entry) { results.AddHit(items[i].index, domain, &entry); },
      [&](size_t i) { results.AddDamaged(items[i].index); }, &revision);
  if (!status.ok()) return status;
  if (results.any_damaged()) LogError("damaged_entries", {{"call", "BatchIsSuppressed"}});
  results.MoveTo(response);
  response->set_token(Token(revision));
  return absl::OkStatus();
}

absl::Status ListReads::List(const v1::ListSuppressionsRequest& request, const std::function<bool()>& stop,
                             v1::ListSuppressionsResponse* response) const {
  absl::StatusOr<ListQuery> query = MakeListQuery(request, clock_(), list_->lineage());
  if (!query.ok()) return query.status();
  query->stop = stop;
  absl::StatusOr<ListPage> page = list_->List(*query);
  if (!page.ok()) return page.status();
  response->set_next_page_token(EncodePageToken(list_->lineage(), request, *page));
  response->set_token(Token(page->revision));
  for (v1::Suppression& suppression : page->suppressions) *response->add_suppressions() = std::move(suppression);
  response->set_damaged_entries(page->damaged_entries);
  if (page->damaged_entries > 0) {
    LogError("damaged_entries", {{"call", "ListSuppressions"}, {"count", std::to_string(page->damaged_entries)}});
  }
  if (request.with_counts()) *response->mutable_counts() = std::move(page->counts);
  return absl::OkStatus();
}

absl::Status ListReads::Details(const v1::GetBounceDetailsRequest& request,
                                v1::GetBounceDetailsResponse* response) const {
  const absl::StatusOr<std::string> tenant = TenantOf(request.tenant());
  if (!tenant.ok()) return tenant.status();
  const absl::StatusOr<Address> target = TargetOf(request.address(), request.domain());
  if (!target.ok()) return target.status();
  if (request.max_events() < 0) {
    return InvalidArgument(v1::INVALID_FIELD, "max_events must not be negative", "max_events");
  }
  const EntryName name{*tenant, target->domain, target->local_part};
  Lookup found;
  if (absl::Status status = list_->Get(name, &found); !status.ok()) return status;
  const bool whole_domain = target->local_part.empty();
  std::optional<stored::StoredEntry>& entry = whole_domain ? found.domain : found.address;
  if (!entry.has_value()) {
    return MakeError(absl::StatusCode::kNotFound, v1::SUPPRESSION_NOT_FOUND,
                     "nothing is known of this address or domain");
  }
  const int events_max =
      request.max_events() == 0 ? kDetailsEventsDefault : std::min(request.max_events(), kEventsPerEntryMax);
  absl::StatusOr<std::vector<v1::BounceEvent>> events = list_->ReadEvents(name, *entry, events_max);
  if (!events.ok()) return events.status();
  for (v1::BounceEvent& event : *events) *response->add_events() = std::move(event);
  const int64_t now = absl::ToUnixMicros(clock_());
  v1::Suppression& suppression = *response->mutable_suppression();
  suppression = std::move(*entry->mutable_suppression());
  SetStatesAt(now, &suppression);
  for (const v1::Cause& cause : suppression.causes()) {
    *response->add_explanations() = Explain(cause);
    if (Matches(cause, now, "")) response->set_suppressed(true);
  }
  if (!whole_domain && found.domain.has_value()) {
    for (const v1::Cause& cause : found.domain->suppression().causes()) {
      if (StateAt(cause, now) == v1::Cause::ACTIVE) *response->add_domain_causes() = cause;
      if (Matches(cause, now, "")) response->set_suppressed(true);
    }
  }
  response->set_token(Token(found.revision));
  return absl::OkStatus();
}

}  // namespace suppression
