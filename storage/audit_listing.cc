#include "storage/audit_listing.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "rocksdb/snapshot.h"
#include "storage/database.h"
#include "storage/list_reader.h"

namespace suppressd {
namespace {

// One page, from one state.
class AuditWalk {
 public:
  AuditWalk(const RocksHandle& rocks, const AuditQuery& query)
      : rocks_(rocks), query_(query), name_{"", query.domain, query.local_part}, view_(rocks.db()) {
    if (query.tenants.size() == 1) name_.tenant = *query.tenants.begin();
    read_.snapshot = view_.snapshot();
  }

  absl::Status Run(AuditPage* page) {
    const absl::StatusOr<std::string> head = rocks_.GetMeta(read_, kAuditHeadName);
    if (!head.ok()) return head.status();
    if (!page->head.ParseFromString(*head)) return ReadFailure(rocksdb::Status::Corruption());
    // Rows of an entry, or the records themselves: both in the order of revisions, at the end of their keys.
    const bool by_entry = !name_.domain.empty() && !name_.tenant.empty();
    const std::string prefix = by_entry ? AuditEntryPrefix(name_) : AuditKey(0).substr(0, 1);
    const uint64_t first = query_.after_revision + 1;
    std::unique_ptr<rocksdb::Iterator> it(rocks_.db()->NewIterator(read_, rocks_.family(kAudit)));
    uint64_t last = 0;
    int rows = 0;
    size_t bytes = 0;
    for (it->Seek(by_entry ? AuditEntryKey(name_, first) : AuditKey(first)); it->Valid(); it->Next()) {
      if (!absl::StartsWith(ToView(it->key()), prefix)) break;
      if (rows++ == kAuditRowsPerPageMax || page->records.size() == static_cast<size_t>(query_.page_size) ||
          bytes >= kAuditPageBytesMax) {
        page->next_after_revision = last;
        break;
      }
      last = ParseAuditKey(ToView(it->key()));
      v1::AuditRecord record;
      const absl::StatusOr<bool> found = by_entry ? Read(last, &record) : Parse(last, ToView(it->value()), &record);
      if (!found.ok()) return found.status();
      if (!*found) continue;
      bytes += record.ByteSizeLong();
      page->records.push_back(std::move(record));
    }
    return it->status().ok() ? absl::OkStatus() : ReadFailure(it->status());
  }

 private:
  // The record of a revision, with its text. False: there is none, or it does not pass the filter.
  absl::StatusOr<bool> Read(uint64_t revision, v1::AuditRecord* record) const {
    std::string value;
    const rocksdb::Status status = rocks_.db()->Get(read_, rocks_.family(kAudit), AuditKey(revision), &value);
    if (status.IsNotFound()) return false;
    if (!status.ok()) return ReadFailure(status);
    return Parse(revision, value, record);
  }

  absl::StatusOr<bool> Parse(uint64_t revision, absl::string_view value, v1::AuditRecord* record) const {
    if (!record->ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      record->Clear();
      record->set_revision(revision);
    }
    if (!Passes(*record)) return false;
    if (absl::Status status = AddText(revision, record); !status.ok()) return status;
    return name_.domain.empty() || record->text().address() == name_.Address();
  }

  absl::Status AddText(uint64_t revision, v1::AuditRecord* record) const {
    std::string value;
    const rocksdb::Status status = rocks_.db()->Get(read_, rocks_.family(kAudit), AuditTextKey(revision), &value);
    record->clear_text();
    if (status.IsNotFound()) return absl::OkStatus();  // it never had one, or it was erased
    if (!status.ok()) return ReadFailure(status);
    if (!record->mutable_text()->ParseFromString(value)) record->mutable_text()->Clear();
    return absl::OkStatus();
  }

  bool Passes(const v1::AuditRecord& record) const {
    const int64_t at = ToMicros(record.at());
    return (query_.tenants.empty() || query_.tenants.contains(record.tenant())) &&
           (query_.actor.empty() || query_.actor == record.actor()) &&
           (query_.action.empty() || query_.action == record.action()) &&
           (!query_.since_micros.has_value() || at >= *query_.since_micros) &&
           (!query_.until_micros.has_value() || at < *query_.until_micros);
  }

  const RocksHandle& rocks_;
  const AuditQuery& query_;
  EntryName name_;  // without a tenant where the query has none, or several
  rocksdb::ManagedSnapshot view_;
  rocksdb::ReadOptions read_;
};

}  // namespace

absl::StatusOr<AuditPage> ListReader::ListAudit(const AuditQuery& query) const {
  AuditPage page;
  page.revision = head().head();
  const std::shared_ptr<const RocksHandle> rocks = database_->Use();
  if (absl::Status status = AuditWalk(*rocks, query).Run(&page); !status.ok()) return status;
  return page;
}

}  // namespace suppressd
