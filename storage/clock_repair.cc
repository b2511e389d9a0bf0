#include "storage/clock_repair.h"

#include <algorithm>
#include <string>

#include "storage/database.h"
#include "storage/entry_batch.h"
#include "storage/time_index.h"

namespace suppressd {
namespace {

// Records changed in one write.
constexpr int kRecordsPerWriteMax = 4'096;

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Timestamp;

// Moves every time in a message back, but expiries. Whether any was later.
bool MoveBack(int64_t now, Message* message) {
  if (auto* time = google::protobuf::DynamicCastToGenerated<Timestamp>(message)) {
    if (ToMicros(*time) <= now) return false;
    *time = FromMicros(now);
    return true;
  }
  bool moved = false;
  std::vector<const FieldDescriptor*> fields;
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  reflection.ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || field->name() == "expires_at") continue;
    if (!field->is_repeated()) {
      moved |= MoveBack(now, reflection.MutableMessage(message, field));
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(*message, field); ++i) {
      moved |= MoveBack(now, reflection.MutableRepeatedMessage(message, field, i));
    }
  }
  return moved;
}

// A lease counts from the event that led to it; what was set by hand says its own end.
void MoveLeases(int64_t now, v1::Suppression* suppression) {
  for (v1::Cause& cause : *suppression->mutable_causes()) {
    const bool by_hand = cause.type() == v1::Cause::MANUAL || cause.type() == v1::Cause::UNSUBSCRIBE;
    const int64_t late = ToMicros(cause.last_event_at()) - now;
    if (by_hand || late <= 0 || !cause.has_expires_at()) continue;
    *cause.mutable_expires_at() = FromMicros(ToMicros(cause.expires_at()) - late);
  }
}

// Points of days to come are points of today.
bool MoveCounters(int64_t now, stored::StoredEntry* entry) {
  const auto today = static_cast<int32_t>(now / kMicrosPerDay);
  bool moved = false;
  for (stored::SoftCounter& counter : *entry->mutable_soft_counters()) {
    while (counter.days_size() > 0 && counter.days(counter.days_size() - 1) > today) {
      moved = true;
      const int last = counter.days_size() - 1;
      if (last > 0 && counter.days(last - 1) >= today) {
        counter.set_events(last - 1, counter.events(last - 1) + counter.events(last));
        counter.mutable_days()->RemoveLast();
        counter.mutable_events()->RemoveLast();
      } else {
        counter.set_days(last, today);
      }
    }
  }
  return moved;
}

class Repair {
 public:
  Repair(int64_t now, Database* database) : now_(now), database_(database), batch_(database) {}

  absl::Status Run() {
    for (const ColumnFamily family : {kEntries, kBounces, kRequests}) {
      if (absl::Status status = Walk(family); !status.ok()) return status;
    }
    // Last, so that a repair that broke off is done again.
    return database_->RestartChanges(now_, &batch_);
  }

 private:
  absl::Status Walk(ColumnFamily family) {
    std::unique_ptr<rocksdb::Iterator> it(database_->rocks()->NewIterator({}, database_->family(family)));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      const std::string key = it->key().ToString();
      if (family == kEntries) MoveEntry(key, ToView(it->value()));
      if (family == kBounces) MoveRecord<v1::BounceEvent>(family, key, ToView(it->value()));
      if (family == kRequests) MoveRecord<stored::StoredRequest>(family, key, ToView(it->value()));
      if (batch_.write_batch()->Count() < kRecordsPerWriteMax) continue;
      if (absl::Status status = Write(); !status.ok()) return status;
    }
    return it->status().ok() ? Write() : ReadFailure(it->status());
  }

  absl::Status Write() {
    rocksdb::WriteOptions write;
    write.sync = true;
    const rocksdb::Status status = database_->rocks()->Write(write, batch_.write_batch());
    batch_.Clear();
    return status.ok() ? absl::OkStatus() : database_->FailFurtherWrites(status);
  }

  // Damaged records stay as they are: whoever reads them is told.
  template <typename Record>
  void MoveRecord(ColumnFamily family, const std::string& key, absl::string_view value) {
    Record record;
    if (!record.ParseFromArray(value.data(), static_cast<int>(value.size())) || !MoveBack(now_, &record)) return;
    batch_.Put(family, key, record.SerializeAsString());
  }

  void MoveEntry(const std::string& key, absl::string_view value) {
    stored::StoredEntry entry;
    EntryName name;
    if (!ParseEntryKey(key, &name) || !DecodeEntry(name, value, &entry).ok()) return;
    MoveLeases(now_, entry.mutable_suppression());
    const bool counters = MoveCounters(now_, &entry);
    if (!MoveBack(now_, &entry) && !counters) return;
    const int64_t listed_at = ToMicros(entry.suppression().listed_at());
    if (!entry.indexed_under().empty() && entry.indexed_at_micros() != listed_at) {
      for (const stored::IndexedUnder& under : entry.indexed_under()) {
        stored::IndexRow row;
        row.set_from_revision(under.from_revision());
        batch_.Delete(kByTime, TimeKey(name, under.kind(), entry.indexed_at_micros()));
        batch_.Put(kByTime, TimeKey(name, under.kind(), listed_at), row.SerializeAsString());
      }
      entry.set_indexed_at_micros(listed_at);
    }
    batch_.Put(kEntries, key, EncodeEntry(entry));
  }

  const int64_t now_;
  Database* const database_;
  EntryBatch batch_;
};

}  // namespace

absl::Status MoveTimesBack(int64_t now_micros, Database* database) {
  return Repair(now_micros, database).Run();
}

}  // namespace suppressd
