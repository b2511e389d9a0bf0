#include "storage/listing.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>

#include "protos/error.h"
#include "rocksdb/snapshot.h"
#include "storage/database.h"
#include "storage/entry.h"
#include "storage/list_reader.h"
#include "storage/time_index.h"

namespace suppression {
namespace {

using Request = v1::ListSuppressionsRequest;

// How often a count asks whether to stop.
constexpr int kRowsPerStopCheck = 1024;

// Whether the state filter is about causes in this state.
bool IsLookedAt(const ListQuery& query, v1::Cause::State state) {
  switch (query.state) {
    case Request::REACTIVATED:
      return state == v1::Cause::REACTIVATED;
    case Request::EXPIRED:
      return state == v1::Cause::EXPIRED;
    case Request::ANY_STATE:
      return true;
    default:
      return state == v1::Cause::ACTIVE;
  }
}

bool CauseFits(const ListQuery& query, const v1::Cause& cause) {
  return IsLookedAt(query, StateAt(cause, query.now_micros)) &&
         (query.reason == v1::BOUNCE_REASON_UNSPECIFIED || cause.reason() == query.reason) &&
         (query.source.empty() || cause.source() == query.source) &&
         (query.cause_type == v1::Cause::TYPE_UNSPECIFIED || cause.type() == query.cause_type);
}

bool StateFits(const ListQuery& query, const v1::Suppression& suppression) {
  if (query.state == Request::ANY_STATE) return true;
  if (SuppressedInAnyStream(suppression, query.now_micros)) return query.state == Request::SUPPRESSED_NOW;
  const bool lifted = std::any_of(suppression.causes().begin(), suppression.causes().end(),
                                  [](const v1::Cause& cause) { return cause.state() == v1::Cause::REACTIVATED; });
  return query.state == (lifted ? Request::REACTIVATED : Request::EXPIRED);
}

bool TimeFits(const ListQuery& query, int64_t listed_at_micros) {
  if (query.state == Request::NEVER_SUPPRESSED) return true;
  return listed_at_micros >= query.listed_from_micros &&
         (query.listed_before_micros == 0 || listed_at_micros < query.listed_before_micros);
}

bool EntryFits(const ListQuery& query, const v1::Suppression& suppression) {
  if (query.state == Request::NEVER_SUPPRESSED) return !suppression.has_listed_at();
  return suppression.has_listed_at() && StateFits(query, suppression) &&
         std::any_of(suppression.causes().begin(), suppression.causes().end(),
                     [&](const v1::Cause& cause) { return CauseFits(query, cause); });
}

}  // namespace

// One page, read from one RocksDB snapshot.
class ListWalk {
 public:
  ListWalk(const Database& database, const ListQuery& query)
      : database_(database), query_(query), snapshot_(database.rocks()) {
    read_.snapshot = snapshot_.snapshot();
  }

  absl::StatusOr<ListPage> Run() {
    const absl::StatusOr<std::string> revision = database_.GetMeta(read_, kRevisionName);
    if (!revision.ok()) return revision.status();
    page_.revision = ParseRevisionKey(*revision);
    page_.first_revision = query_.first_revision == 0 ? page_.revision : query_.first_revision;
    absl::Status status = query_.order == Request::BY_ADDRESS ? WalkAddresses() : WalkTimes();
    if (status.ok() && query_.with_counts) status = Count();
    if (!status.ok()) return status;
    return std::move(page_);
  }

 private:
  // An iterator over entries in [begin, end) that starts behind the previous page.
  std::unique_ptr<rocksdb::Iterator> Iterate(const std::string& begin, std::string end) {
    end_ = std::move(end);
    upper_ = end_;
    rocksdb::ReadOptions read = read_;
    read.iterate_upper_bound = &upper_;
    std::unique_ptr<rocksdb::Iterator> it(database_.rocks()->NewIterator(read, database_.family(kEntries)));
    it->Seek(std::max(begin, query_.after_key));
    if (it->Valid() && !query_.after_key.empty() && it->key() == query_.after_key) it->Next();
    return it;
  }

  // Counts a row that was walked. Returns whether the page is full, or has walked enough.
  bool PageEnds() {
    ++walked_;
    const bool full = static_cast<int>(page_.suppressions.size()) >= query_.page_size || octets_ >= kListPageMaxOctets;
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
    octets_ += suppression.ByteSizeLong();
    page_.suppressions.push_back(std::move(suppression));
  }

  absl::Status WalkTimes() {
    TimeRows rows(database_.rocks(), database_.family(kByTime), read_, database_.kind(),
                  {.tenant = query_.tenant,
                   .reason = query_.reason,
                   .listed_before_micros = query_.listed_before_micros,
                   .after_key = query_.after_key});
    for (; rows.Valid(); rows.Next()) {
      EntryName name;
      int64_t listed_at = 0;
      bool stood_here = false;
      if (!rows.Read(page_.first_revision, &name, &listed_at, &stood_here).ok()) {
        ++page_.damaged_entries;
        if (!PageEnds()) continue;
        page_.next_after_key = rows.Key();
        break;
      }
      if (listed_at < query_.listed_from_micros) return absl::OkStatus();
      if (stood_here && (query_.domain.empty() || name.domain == query_.domain)) {
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
    const std::string prefix = EntryPrefix(query_.tenant, query_.domain);
    const std::unique_ptr<rocksdb::Iterator> it = Iterate(prefix, PrefixEnd(prefix));
    for (; it->Valid(); it->Next()) {
      stored::StoredEntry entry;
      if (!ReadEntry(*it, &entry).ok()) {
        ++page_.damaged_entries;
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

  absl::Status Count() {
    const std::string prefix = EntryPrefix(query_.tenant, query_.domain);
    const std::string end = PrefixEnd(prefix);
    const rocksdb::Slice upper = end;
    rocksdb::ReadOptions read = read_;
    read.iterate_upper_bound = &upper;
    read.fill_cache = false;  // a walk over everything must not push out what checks need
    const std::unique_ptr<rocksdb::Iterator> it(database_.rocks()->NewIterator(read, database_.family(kEntries)));
    std::map<v1::BounceReason, int32_t> reasons;
    int32_t total = 0;
    int rows = 0;
    for (it->Seek(prefix); it->Valid(); it->Next()) {
      if (++rows % kRowsPerStopCheck == 0 && query_.stop()) {
        return MakeError(absl::StatusCode::kDeadlineExceeded, v1::DEADLINE_PASSED,
                         "the deadline passed while counting");
      }
      stored::StoredEntry entry;
      if (!ReadEntry(*it, &entry).ok()) continue;  // the page that meets it tells
      const v1::Suppression& suppression = entry.suppression();
      if (!EntryFits(query_, suppression) || !TimeFits(query_, ToMicros(suppression.listed_at()))) continue;
      ++total;
      std::map<v1::BounceReason, bool> seen;
      for (const v1::Cause& cause : suppression.causes()) {
        if (CauseFits(query_, cause) && !std::exchange(seen[cause.reason()], true)) ++reasons[cause.reason()];
      }
    }
    if (!it->status().ok()) return ReadFailure(it->status());
    page_.counts.set_total(total);
    for (const auto& [reason, count] : reasons) {
      v1::ReasonCount* row = page_.counts.add_reasons();
      row->set_reason(reason);
      row->set_count(count);
    }
    return absl::OkStatus();
  }

  // An entry that the index names. A damaged one is counted, and is none.
  absl::Status GetEntry(const EntryName& name, std::optional<stored::StoredEntry>* entry) {
    rocksdb::PinnableSlice value;
    const rocksdb::Status status = database_.rocks()->Get(read_, database_.family(kEntries), EntryKey(name), &value);
    if (status.IsNotFound()) return absl::OkStatus();
    if (!status.ok() && !status.IsCorruption()) return ReadFailure(status);
    if (!status.ok() || !DecodeEntry(name, ToView(value), &entry->emplace()).ok()) {
      entry->reset();
      ++page_.damaged_entries;
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
  rocksdb::ManagedSnapshot snapshot_;
  rocksdb::ReadOptions read_;
  std::string end_;
  rocksdb::Slice upper_;
  ListPage page_;
  int walked_ = 0;
  size_t octets_ = 0;
};

absl::StatusOr<ListPage> ListReader::List(const ListQuery& query) const {
  if (query.first_revision != 0 && query.first_revision < oldest_start()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, v1::PAGE_TOKEN_EXPIRED,
                     "the listing is older than the change log reaches; start it again", "page_token");
  }
  return ListWalk(*database_, query).Run();
}

}  // namespace suppression
