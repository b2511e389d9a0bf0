#include "storage/time_index.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/database.h"

namespace suppressd {
namespace {

// Whether a list of all, which reads the kinds that this program knows, finds the entry under one of its reasons.
bool HasKnownReason(const v1::Suppression& suppression) {
  return std::any_of(suppression.causes().begin(), suppression.causes().end(),
                     [](const v1::Cause& cause) { return v1::BounceReason_IsValid(cause.reason()); });
}

}  // namespace

std::string PrefixEnd(std::string prefix) {
  prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

bool IndexIsPlain(const v1::Suppression& suppression) {
  return std::all_of(suppression.causes().begin(), suppression.causes().end(),
                     [](const v1::Cause& cause) { return v1::BounceReason_IsValid(cause.reason()); });
}

std::vector<v1::BounceReason> IndexKinds(const v1::Suppression& suppression, DatabaseKind database) {
  std::vector<v1::BounceReason> kinds;
  kinds.reserve(suppression.causes_size() + 1);
  if (database == DatabaseKind::kList || !HasKnownReason(suppression)) kinds.push_back(v1::BOUNCE_REASON_UNSPECIFIED);
  for (const v1::Cause& cause : suppression.causes()) kinds.push_back(cause.reason());
  std::sort(kinds.begin(), kinds.end());
  kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
  return kinds;
}

void SpellOutIndex(stored::StoredEntry* entry) {
  if (!entry->indexed_under().empty() || !entry->suppression().has_listed_at()) return;
  entry->set_indexed_at_micros(ToMicros(entry->suppression().listed_at()));
  for (const v1::BounceReason kind : IndexKinds(entry->suppression(), DatabaseKind::kReplica))
    entry->add_indexed_under()->set_kind(kind);
}

// The rows under one kind. Stays where it is: the iterator looks at `upper`.
struct TimeRows::Kind {
  // The place of the row that it stands at.
  absl::string_view Place(size_t prefix_bytes) const { return ToView(it->key()).substr(prefix_bytes); }

  std::string end;
  rocksdb::Slice upper;
  std::unique_ptr<rocksdb::Iterator> it;
};

TimeRows::TimeRows(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* by_time, const rocksdb::ReadOptions& read,
                   DatabaseKind database, const TimeRange& range)
    : prefix_(TimePrefix(range.tenant, range.reason)) {
  const bool all = database == DatabaseKind::kReplica && range.reason == v1::BOUNCE_REASON_UNSPECIFIED;
  const absl::string_view after = range.after_key.substr(std::min(prefix_.size(), range.after_key.size()));
  for (int kind = all ? 0 : range.reason; kind <= (all ? v1::BounceReason_MAX : range.reason); ++kind) {
    Kind& rows = *kinds_.emplace_back(std::make_unique<Kind>());
    const std::string prefix = TimePrefix(range.tenant, static_cast<v1::BounceReason>(kind));
    rows.end = PrefixEnd(prefix);
    rows.upper = rows.end;
    rocksdb::ReadOptions options = read;
    options.iterate_upper_bound = &rows.upper;
    rows.it.reset(db->NewIterator(options, by_time));
    std::string begin = prefix;
    if (range.listed_before_micros != 0) {
      begin = TimeSeekKey(range.tenant, static_cast<v1::BounceReason>(kind), range.listed_before_micros - 1);
    }
    rows.it->Seek(std::max(begin, absl::StrCat(prefix, after)));
    if (rows.it->Valid() && !after.empty() && rows.Place(prefix_.size()) == after) rows.it->Next();
  }
  FindPlace();
}

TimeRows::~TimeRows() = default;

void TimeRows::FindPlace() {
  absl::string_view newest;
  for (const auto& rows : kinds_) {
    if (!rows->it->Valid()) continue;
    const absl::string_view place = rows->Place(prefix_.size());
    if (newest.empty() || place < newest) newest = place;
  }
  place_.assign(newest.data(), newest.size());
  if (!status().ok()) place_.clear();
}

void TimeRows::Next() {
  for (const auto& rows : kinds_) {
    if (rows->it->Valid() && rows->Place(prefix_.size()) == place_) rows->it->Next();
  }
  FindPlace();
}

std::string TimeRows::Key() const {
  return prefix_ + place_;
}

absl::Status TimeRows::Read(uint64_t revision, EntryName* name, int64_t* listed_at_micros, bool* stood_here) const {
  *stood_here = false;
  for (const auto& rows : kinds_) {
    if (!rows->it->Valid() || rows->Place(prefix_.size()) != place_) continue;
    stored::IndexRow row;
    if (!ParseTimeKey(ToView(rows->it->key()), name, listed_at_micros) ||
        !row.ParseFromArray(rows->it->value().data(), static_cast<int>(rows->it->value().size()))) {
      return ReadFailure(rocksdb::Status::Corruption());
    }
    *stood_here |= row.from_revision() <= revision && (row.until_revision() == 0 || row.until_revision() > revision);
  }
  return absl::OkStatus();
}

absl::Status TimeRows::status() const {
  for (const auto& rows : kinds_) {
    if (!rows->it->status().ok()) return ReadFailure(rows->it->status());
  }
  return absl::OkStatus();
}

}  // namespace suppressd
