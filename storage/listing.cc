#include "storage/listing.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <set>

#include "absl/strings/match.h"
#include "common/error.h"
#include "rocksdb/snapshot.h"
#include "storage/database.h"
#include "storage/entry.h"
#include "storage/list_reader.h"
#include "storage/time_index.h"

namespace suppressd {
namespace {

using Filter = v1::SuppressionFilter;

// How often a count asks whether to stop.
constexpr int kRowsPerStopCheck = 1024;

// Whether the state filter is about causes in this state.
bool IsLookedAt(const ListQuery& query, v1::Cause::State state) {
  switch (query.filter.state) {
    case Filter::REACTIVATED:
      return state == v1::Cause::REACTIVATED;
    case Filter::EXPIRED:
      return state == v1::Cause::EXPIRED;
    case Filter::EVER_SUPPRESSED:
      return true;
    default:
      return state != v1::Cause::REACTIVATED && state != v1::Cause::EXPIRED;
  }
}

template <typename Value>
bool IsOneOf(const std::vector<Value>& wanted, Value value) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), value) != wanted.end();
}

bool CauseFits(const ListQuery& query, const v1::Cause& cause) {
  const ListFilter& filter = query.filter;
  return IsLookedAt(query, StateAt(cause, query.now_micros)) && IsOneOf(filter.reasons, cause.reason()) &&
         IsOneOf(filter.cause_types, cause.type()) && (filter.source.empty() || cause.source() == filter.source) &&
         (!filter.stream.has_value() || cause.stream() == *filter.stream);
}

bool StateFits(const ListQuery& query, const v1::Suppression& suppression) {
  if (query.filter.state == Filter::EVER_SUPPRESSED) return true;
  if (SuppressedInAnyStream(suppression, query.now_micros)) return query.filter.state == Filter::SUPPRESSED_NOW;
  const bool lifted = std::any_of(suppression.causes().begin(), suppression.causes().end(),
                                  [](const v1::Cause& cause) { return cause.state() == v1::Cause::REACTIVATED; });
  return query.filter.state == (lifted ? Filter::REACTIVATED : Filter::EXPIRED);
}

bool TimeFits(const ListQuery& query, int64_t listed_at_micros) {
  if (query.filter.state == Filter::NEVER_SUPPRESSED) return true;
  return listed_at_micros >= query.filter.listed_from_micros &&
         (query.filter.listed_before_micros == 0 || listed_at_micros < query.filter.listed_before_micros);
}

// Whether the entry's address, or "@domain", is one that is searched for.
bool TextFits(const ListFilter& filter, const v1::Suppression& suppression) {
  if (filter.address_prefix.empty() && filter.address_contains.empty()) return true;
  const std::string text = TargetText(suppression);
  if (!filter.address_prefix.empty() && (suppression.has_domain() || !absl::StartsWith(text, filter.address_prefix))) {
    return false;
  }
  return absl::StrContains(text, filter.address_contains);
}

// What all entries begin with that can pass.
std::string KeyPrefix(const ListQuery& query) {
  const ListFilter& filter = query.filter;
  if (!filter.domain.empty()) return EntryPrefix(query.tenant, filter.domain);
  const size_t at = filter.address_prefix.rfind('@');
  // Keys have the domain first.
  return EntryPrefix(query.tenant) + (at == std::string::npos ? "" : filter.address_prefix.substr(at + 1));
}

bool EntryFits(const ListQuery& query, const v1::Suppression& suppression) {
  if (!TextFits(query.filter, suppression)) return false;
  if (query.filter.state == Filter::NEVER_SUPPRESSED) return !suppression.has_listed_at();
  return suppression.has_listed_at() && StateFits(query, suppression) &&
         std::any_of(suppression.causes().begin(), suppression.causes().end(),
                     [&](const v1::Cause& cause) { return CauseFits(query, cause); });
}

// Whether a filter asks anything of causes or of the time of listing.
bool AsksOfCauses(const ListFilter& filter) {
  return !filter.reasons.empty() || !filter.cause_types.empty() || filter.stream.has_value() ||
         !filter.source.empty() || filter.listed_from_micros != 0 || filter.listed_before_micros != 0;
}

}  // namespace

bool PassesFilter(const ListQuery& query, const v1::Suppression& suppression) {
  EntryName name;
  if (!NameOf(suppression, &name)) return false;
  if (!query.filter.domain.empty() && name.domain != query.filter.domain) return false;
  if (query.filter.or_never_suppressed && !AsksOfCauses(query.filter)) return TextFits(query.filter, suppression);
  return EntryFits(query, suppression) && TimeFits(query, ToMicros(suppression.listed_at()));
}

// One page, read from one RocksDB snapshot.
class ListWalk {
 public:
  ListWalk(const Database& database, const ListQuery& query)
      : database_(database), query_(query), rocks_(database.Use()), snapshot_(rocks_->db()) {
    read_.snapshot = snapshot_.snapshot();
  }

  absl::StatusOr<ListPage> Run() {
    const absl::StatusOr<std::string> revision = rocks_->GetMeta(read_, kRevisionName);
    if (!revision.ok()) return revision.status();
    page_.revision = ParseRevisionKey(*revision);
    page_.first_revision = query_.first_revision == 0 ? page_.revision : query_.first_revision;
    absl::Status status = query_.order == v1::ListSuppressionsRequest::BY_ADDRESS ? WalkAddresses() : WalkTimes();
    if (!status.ok()) return status;
    return std::move(page_);
  }

  // Walks everything. `stop` is asked now and then: true ends it with DEADLINE_EXCEEDED.
  absl::StatusOr<ListCounts> Count(const std::function<bool()>& stop) {
    const absl::StatusOr<std::string> revision = rocks_->GetMeta(read_, kRevisionName);
    if (!revision.ok()) return revision.status();
    ListCounts counts;
    counts.revision = ParseRevisionKey(*revision);
    const std::string prefix = KeyPrefix(query_);
    const std::string end = PrefixEnd(prefix);
    const rocksdb::Slice upper = end;
    rocksdb::ReadOptions read = read_;
    read.iterate_upper_bound = &upper;
    read.fill_cache = false;  // a walk over everything must not push out what checks need
    const std::unique_ptr<rocksdb::Iterator> it(rocks_->db()->NewIterator(read, rocks_->family(kEntries)));
    int rows = 0;
    for (it->Seek(prefix); it->Valid(); it->Next()) {
      if (++rows % kRowsPerStopCheck == 0 && stop()) {
        return MakeError(absl::StatusCode::kDeadlineExceeded, v1::DEADLINE_PASSED,
                         "the deadline passed while counting");
      }
      stored::StoredEntry entry;
      if (!ReadEntry(*it, &entry).ok()) {
        ++counts.damaged_count;
        continue;
      }
      const v1::Suppression& suppression = entry.suppression();
      if (!EntryFits(query_, suppression) || !TimeFits(query_, ToMicros(suppression.listed_at()))) continue;
      ++counts.total;
      std::set<v1::BounceReason> seen;
      for (const v1::Cause& cause : suppression.causes()) {
        if (CauseFits(query_, cause) && seen.insert(cause.reason()).second) ++counts.reasons[cause.reason()];
      }
    }
    if (!it->status().ok()) return ReadFailure(it->status());
    return counts;
  }

 private:
  // The one reason that is asked for, whose rows are enough.
  v1::BounceReason OnlyReason() const {
    return query_.filter.reasons.size() == 1 ? query_.filter.reasons[0] : v1::BOUNCE_REASON_UNSPECIFIED;
  }

  // An iterator over entries in [begin, end) that starts behind the previous page.
  std::unique_ptr<rocksdb::Iterator> Iterate(const std::string& begin, std::string end) {
    end_ = std::move(end);
    upper_ = end_;
    rocksdb::ReadOptions read = read_;
    read.iterate_upper_bound = &upper_;
    std::unique_ptr<rocksdb::Iterator> it(rocks_->db()->NewIterator(read, rocks_->family(kEntries)));
    it->Seek(std::max(begin, query_.after_key));
    if (it->Valid() && !query_.after_key.empty() && it->key() == query_.after_key) it->Next();
    return it;
  }

  // Counts a row that was walked. Returns whether the page is full, or has walked enough.
  bool PageEnds() {
    ++walked_;
    const bool full = static_cast<int>(page_.suppressions.size()) >= query_.page_size || bytes_ >= kListPageMaxBytes;
    return full || walked_ >= kListRowsPerPageMax;
  }

  // A page that ends exactly at the end of the list has no next one.
  template <typename Rows>
  absl::Status Finish(Rows* rows) {
    if (!page_.next_after_key.empty()) {
      rows->Next();
      if (!rows->Valid()) page_.next_after_key.clear();
    }
    return StatusOf(*rows);
  }
  static absl::Status StatusOf(const TimeRows& rows) { return rows.status(); }
  static absl::Status StatusOf(const rocksdb::Iterator& it) {
    return it.status().ok() ? absl::OkStatus() : ReadFailure(it.status());
  }

  void Take(v1::Suppression suppression) {
    SetStatesAt(query_.now_micros, &suppression);
    bytes_ += suppression.ByteSizeLong();
    page_.suppressions.push_back(std::move(suppression));
  }

  absl::Status WalkTimes() {
    TimeRows rows(rocks_->db(), rocks_->family(kByTime), read_, database_.kind(),
                  {.tenant = query_.tenant,
                   .reason = OnlyReason(),
                   .listed_before_micros = query_.filter.listed_before_micros,
                   .after_key = query_.after_key});
    for (; rows.Valid(); rows.Next()) {
      EntryName name;
      int64_t listed_at = 0;
      bool stood_here = false;
      if (!rows.Read(page_.first_revision, &name, &listed_at, &stood_here).ok()) {
        ++page_.damaged_count;
        if (!PageEnds()) continue;
        page_.next_after_key = rows.Key();
        break;
      }
      if (listed_at < query_.filter.listed_from_micros) return absl::OkStatus();
      if (stood_here && (query_.filter.domain.empty() || name.domain == query_.filter.domain)) {
        std::optional<stored::StoredEntry> entry;
        if (absl::Status status = GetEntry(name, &entry); !status.ok()) return status;
        if (entry.has_value() && EntryFits(query_, entry->suppression())) {
          Take(std::move(*entry->mutable_suppression()));
        }
      }
      if (PageEnds()) {
        page_.next_after_key = rows.Key();
        break;
      }
    }
    return Finish(&rows);
  }

  absl::Status WalkAddresses() {
    const std::string prefix = KeyPrefix(query_);
    const std::unique_ptr<rocksdb::Iterator> it = Iterate(prefix, PrefixEnd(prefix));
    for (; it->Valid(); it->Next()) {
      stored::StoredEntry entry;
      if (!ReadEntry(*it, &entry).ok()) {
        ++page_.damaged_count;
      } else if (EntryFits(query_, entry.suppression()) &&
                 TimeFits(query_, ToMicros(entry.suppression().listed_at()))) {
        Take(std::move(*entry.mutable_suppression()));
      }
      if (PageEnds()) {
        page_.next_after_key = it->key().ToString();
        break;
      }
    }
    return Finish(it.get());
  }

  // An entry that the index names. A damaged one is counted, and is none.
  absl::Status GetEntry(const EntryName& name, std::optional<stored::StoredEntry>* entry) {
    rocksdb::PinnableSlice value;
    const rocksdb::Status status = rocks_->db()->Get(read_, rocks_->family(kEntries), EntryKey(name), &value);
    if (status.IsNotFound()) return absl::OkStatus();
    if (!status.ok() && !status.IsCorruption()) return ReadFailure(status);
    if (!status.ok() || !DecodeEntry(name, ToView(value), &entry->emplace()).ok()) {
      entry->reset();
      ++page_.damaged_count;
    }
    return absl::OkStatus();
  }

  // INTERNAL: damaged.
  absl::Status ReadEntry(const rocksdb::Iterator& it, stored::StoredEntry* entry) {
    EntryName name;
    if (!ParseEntryKey(ToView(it.key()), &name)) return ReadFailure(rocksdb::Status::Corruption());
    return DecodeEntry(name, ToView(it.value()), entry);
  }

  const Database& database_;
  const ListQuery& query_;
  const std::shared_ptr<const RocksHandle> rocks_;
  rocksdb::ManagedSnapshot snapshot_;
  rocksdb::ReadOptions read_;
  std::string end_;
  rocksdb::Slice upper_;
  ListPage page_;
  int walked_ = 0;
  size_t bytes_ = 0;
};

absl::StatusOr<ListPage> ListReader::List(const ListQuery& query) const {
  if (query.first_revision != 0 && query.first_revision < oldest_start()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, v1::PAGE_TOKEN_EXPIRED,
                     "the listing is older than the change log reaches; start it again", "page_token");
  }
  return ListWalk(*database_, query).Run();
}

absl::StatusOr<ListCounts> ListReader::Count(const ListQuery& query, const std::function<bool()>& stop) const {
  return ListWalk(*database_, query).Count(stop);
}

}  // namespace suppressd
