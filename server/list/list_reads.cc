// What the reads of a list answer, without gRPC: see list_reads.h.
#include "server/list/list_reads.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/error.h"
#include "server/base/log.h"
#include "server/list/explanations.h"
#include "server/list/requests.h"
#include "server/rpc/field_checks.h"
#include "server/rpc/page_token.h"
#include "storage/entry.h"
#include "storage/revision_token.h"

namespace suppressd {
namespace {

// Adds the causes of an entry that count for this stream now; `domain`: whose they are, when it is the entry of a whole
// domain. Returns whether there were any.
template <typename Response>
bool AddMatches(stored::StoredEntry* entry, const std::string& domain, int64_t now, const std::string& stream,
                Response* response) {
  bool any = false;
  for (v1::Cause& cause : *entry->mutable_suppression()->mutable_causes()) {
    if (!Matches(cause, now, stream)) continue;
    v1::Match* match = response->add_matches();
    *match->mutable_cause() = std::move(cause);
    match->set_matched_domain(domain);
    any = true;
  }
  return any;
}

using Answer = v1::IsSuppressedResponse::Answer;

// A valid address of a batch, and where it stood.
struct BatchItem {
  int32_t index;
  Address address;
};

// The answers to a batch. Hits and damage come in the order of the addresses, each before its domain's.
class BatchAnswers {
 public:
  // `otherwise`: the answer about an address that nothing is found of.
  BatchAnswers(int count, Answer otherwise, int64_t now, const std::string& stream)
      : now_(now), stream_(stream), answers_(count, otherwise) {}

  void AddInvalid(int32_t index, const absl::Status& why) { Fail(index, why, &results_.emplace_back()); }

  // What is stored of the address or of its domain is damaged: no answer at all is better than half of one.
  void AddDamaged(int32_t index) {
    if (index != last_hit_) results_.emplace_back();
    last_hit_ = damaged_ = index;
    Fail(index, MakeError(absl::StatusCode::kInternal, v1::INTERNAL_ERROR, "what is stored of it is damaged"),
         &results_.back());
  }

  // `domain`: when it is the entry of the address's whole domain.
  void AddHit(int32_t index, const std::string& domain, stored::StoredEntry* entry) {
    if (index == damaged_) return;
    if (index != last_hit_) {
      results_.emplace_back().set_index(index);
      leave_out_ = bytes_ >= kBatchMatchesBytesMax;
      last_hit_ = index;
    }
    v1::BatchResult& result = results_.back();
    const int before = result.matches_size();
    for (v1::Cause& cause : *entry->mutable_suppression()->mutable_causes()) {
      cause.clear_note();
      cause.clear_reactivation();
    }
    if (AddMatches(entry, domain, now_, stream_, &result)) answers_[index] = v1::IsSuppressedResponse::SUPPRESSED;
    if (leave_out_ && result.matches_size() > 0) {
      result.clear_matches();
      result.set_matches_left_out(true);
    } else {
      for (int i = before; i < result.matches_size(); ++i) bytes_ += result.matches(i).ByteSizeLong();
    }
  }

  bool any_damaged() const { return damaged_ >= 0; }

  // Moves the answers, and the results that say something, into the response, in order.
  void MoveTo(v1::BatchIsSuppressedResponse* response) {
    response->mutable_answers()->Add(answers_.begin(), answers_.end());
    std::sort(results_.begin(), results_.end(),
              [](const v1::BatchResult& a, const v1::BatchResult& b) { return a.index() < b.index(); });
    for (v1::BatchResult& result : results_) {
      if (answers_[result.index()] == v1::IsSuppressedResponse::SUPPRESSED || result.has_error()) {
        *response->add_results() = std::move(result);
      }
    }
  }

 private:
  void Fail(int32_t index, const absl::Status& why, v1::BatchResult* result) {
    result->Clear();
    result->set_index(index);
    *result->mutable_error() = ItemErrorOf(why);
    answers_[index] = v1::IsSuppressedResponse::FAILED;
  }

  const int64_t now_;
  const std::string& stream_;
  std::vector<int> answers_;
  std::vector<v1::BatchResult> results_;
  size_t bytes_ = 0;
  int32_t last_hit_ = -1;
  int32_t damaged_ = -1;  // the last one
  bool leave_out_ = false;
};

void SetAnswer(Answer answer, v1::IsSuppressedResponse* response) {
  response->set_answer(answer);
  response->set_suppressed(answer == v1::IsSuppressedResponse::SUPPRESSED);
}

void LogDamaged(const char* call, int64_t count) {
  if (count > 0) LogError("damaged_entries", {{"call", call}, {"count", std::to_string(count)}});
}

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
  if (list_ == nullptr) {
    SetAnswer(v1::IsSuppressedResponse::NOT_KNOWN, response);
    return absl::OkStatus();
  }
  Lookup found;
  absl::Status status = list_->Get({*tenant, address->domain, address->local_part}, &found);
  if (!status.ok()) return status;
  const int64_t now = absl::ToUnixMicros(clock_());
  bool matches = false;
  if (found.address.has_value()) matches |= AddMatches(&*found.address, "", now, request.stream(), response);
  if (found.domain.has_value()) matches |= AddMatches(&*found.domain, address->domain, now, request.stream(), response);
  SetAnswer(matches ? v1::IsSuppressedResponse::SUPPRESSED : v1::IsSuppressedResponse::NOT_SUPPRESSED, response);
  response->set_revision_token(Token(found.revision));
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
  const Answer otherwise =
      list_ == nullptr ? v1::IsSuppressedResponse::NOT_KNOWN : v1::IsSuppressedResponse::NOT_SUPPRESSED;
  BatchAnswers answers(request.addresses_size(), otherwise, absl::ToUnixMicros(clock_()), request.stream());
  items.reserve(request.addresses_size());
  for (int32_t i = 0; i < request.addresses_size(); ++i) {
    absl::StatusOr<Address> address = NormaliseAddress(request.addresses(i));
    if (address.ok()) {
      items.push_back({i, *std::move(address)});
    } else {
      answers.AddInvalid(i, WithField(address.status(), "addresses"));
    }
  }
  std::vector<EntryName> names;
  names.reserve(items.size());
  for (const BatchItem& item : items) names.push_back({*tenant, item.address.domain, item.address.local_part});
  if (list_ == nullptr) {
    answers.MoveTo(response);
    return absl::OkStatus();
  }
  uint64_t revision = 0;
  absl::Status status = list_->MultiGet(
      names,
      [&](size_t i, bool domain, stored::StoredEntry entry) {
        answers.AddHit(items[i].index, domain ? items[i].address.domain : "", &entry);
      },
      [&](size_t i) { answers.AddDamaged(items[i].index); }, &revision);
  if (!status.ok()) return status;
  if (answers.any_damaged()) LogError("damaged_entries", {{"call", "BatchIsSuppressed"}});
  answers.MoveTo(response);
  response->set_revision_token(Token(revision));
  return absl::OkStatus();
}

absl::Status ListReads::List(const v1::ListSuppressionsRequest& request, v1::ListSuppressionsResponse* response) const {
  const absl::StatusOr<ListQuery> query = MakeListQuery(request, clock_(), list_->lineage());
  if (!query.ok()) return query.status();
  absl::StatusOr<ListPage> page = list_->List(*query);
  if (!page.ok()) return page.status();
  response->set_next_page_token(EncodePageToken(list_->lineage(), request, *page));
  response->set_revision_token(Token(page->revision));
  for (v1::Suppression& suppression : page->suppressions) *response->add_suppressions() = std::move(suppression);
  response->set_damaged_count(page->damaged_count);
  LogDamaged("ListSuppressions", page->damaged_count);
  return absl::OkStatus();
}

absl::Status ListReads::Count(const v1::CountSuppressionsRequest& request, const std::function<bool()>& stop,
                              v1::CountSuppressionsResponse* response) const {
  const absl::StatusOr<ListQuery> query = MakeCountQuery(request, clock_());
  if (!query.ok()) return query.status();
  const absl::StatusOr<ListCounts> counts = list_->Count(*query, stop);
  if (!counts.ok()) return counts.status();
  response->set_total_count(counts->total);
  for (const auto& [reason, count] : counts->reasons) {
    v1::ReasonCount* row = response->add_reasons();
    row->set_reason(reason);
    row->set_entry_count(count);
  }
  response->set_revision_token(Token(counts->revision));
  response->set_damaged_count(counts->damaged_count);
  LogDamaged("CountSuppressions", counts->damaged_count);
  return absl::OkStatus();
}

absl::Status ListReads::Details(const v1::GetBounceDetailsRequest& request,
                                v1::GetBounceDetailsResponse* response) const {
  const absl::StatusOr<std::string> tenant = TenantOf(request.tenant());
  if (!tenant.ok()) return tenant.status();
  const absl::StatusOr<Address> target = TargetOf(request);
  if (!target.ok()) return target.status();
  if (absl::Status status = CheckStream(request.stream()); !status.ok()) return status;
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
  bool in_stream = SuppressedInStream(suppression, now, request.stream());
  bool in_any_stream = SuppressedInAnyStream(suppression, now);
  for (const v1::Cause& cause : suppression.causes()) *response->add_causes() = Explain(cause, "");
  if (!whole_domain && found.domain.has_value()) {
    v1::Suppression& domain = *found.domain->mutable_suppression();
    SetStatesAt(now, &domain);
    in_stream |= SuppressedInStream(domain, now, request.stream());
    in_any_stream |= SuppressedInAnyStream(domain, now);
    for (const v1::Cause& cause : domain.causes()) {
      if (CountsAt(cause, now)) *response->add_causes() = Explain(cause, target->domain);
    }
  }
  response->set_suppressed(in_stream);
  response->set_suppressed_in_any_stream(in_any_stream);
  response->set_revision_token(Token(found.revision));
  return absl::OkStatus();
}

}  // namespace suppressd
