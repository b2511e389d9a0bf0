#include "storage/snapshot_loader.h"

#include <google/protobuf/io/coded_stream.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "storage/database.h"
#include "storage/entry.h"
#include "storage/time_index.h"

namespace suppressd {
namespace {

constexpr size_t kSortedRowsMaxBytes = 12 << 20;
constexpr int kKindBits = 8;

absl::Status BadSnapshot(absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, v1::INTERNAL_ERROR, what);
}

void AppendVarint(uint64_t number, std::string* bytes) {
  uint8_t buffer[10];
  const uint8_t* end = google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(number, buffer);
  bytes->append(reinterpret_cast<const char*>(buffer), end - buffer);
}

// Takes a text field off the front of a serialised message. False when it does not stand there.
bool StripText(int field, absl::string_view text, absl::string_view* bytes) {
  if (text.empty()) return true;
  std::string head(1, static_cast<char>(field << 3 | 2));
  AppendVarint(text.size(), &head);
  if (!absl::StartsWith(*bytes, head) || bytes->substr(head.size(), text.size()) != text) return false;
  bytes->remove_prefix(head.size() + text.size());
  return true;
}

// The value of an entry: as EncodeEntry, without copying the message, and without what a replica does not hold.
// Tenant and address are the first fields of a Suppression, and fields are written in the order of their numbers.
void EncodeTo(const stored::StoredEntry& entry, std::string* bytes, std::string* value) {
  const v1::Suppression& suppression = entry.suppression();
  suppression.SerializeToString(bytes);
  absl::string_view rest = *bytes;
  if (!IndexIsPlain(suppression) || !StripText(v1::Suppression::kTenantFieldNumber, suppression.tenant(), &rest) ||
      !StripText(suppression.has_domain() ? v1::Suppression::kDomainFieldNumber : v1::Suppression::kAddressFieldNumber,
                 suppression.has_domain() ? suppression.domain() : suppression.address(), &rest)) {
    stored::StoredEntry whole;
    *whole.mutable_suppression() = suppression;
    whole.set_revision(entry.revision());
    SpellOutIndex(&whole);
    *value = EncodeEntry(whole);
    return;
  }
  value->assign(1, static_cast<char>(stored::StoredEntry::kSuppressionFieldNumber << 3 | 2));
  AppendVarint(rest.size(), value);
  value->append(rest.data(), rest.size());
  if (entry.revision() == 0) return;
  value->push_back(static_cast<char>(stored::StoredEntry::kRevisionFieldNumber << 3));
  AppendVarint(entry.revision(), value);
}

}  // namespace

TableFiles::TableFiles(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family, std::string path_prefix)
    : options_(db->GetOptions(family)), path_prefix_(std::move(path_prefix)) {}

rocksdb::Status TableFiles::Put(absl::string_view key, absl::string_view value) {
  if (writer_ == nullptr) {
    // Not dropped from the page cache: the files are read next.
    writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), options_, nullptr, false);
    paths_.push_back(absl::StrCat(path_prefix_, paths_.size()));
    if (rocksdb::Status status = writer_->Open(paths_.back()); !status.ok()) return status;
  }
  rocksdb::Status status = writer_->Put(ToSlice(key), ToSlice(value));
  return status.ok() && writer_->FileSize() >= kReplicaTableBytes ? Finish() : status;
}

rocksdb::Status TableFiles::Finish() {
  if (writer_ == nullptr) return rocksdb::Status::OK();
  rocksdb::Status status = writer_->Finish();
  writer_.reset();
  return status;
}

SnapshotLoader::SnapshotLoader(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* entries,
                               rocksdb::ColumnFamilyHandle* by_time, std::string directory)
    : db_(db),
      entries_family_(entries),
      by_time_family_(by_time),
      directory_(std::move(directory)),
      made_directory_(db->GetEnv()->CreateDirIfMissing(directory_)),
      entries_(db, entries, directory_ + "/entries-"),
      rows_(db->GetEnv(), directory_, kSortedRowsMaxBytes) {}

SnapshotLoader::~SnapshotLoader() {
  std::vector<std::string> names;
  if (!db_->GetEnv()->GetChildren(directory_, &names).ok()) return;
  for (const std::string& name : names) {
    if (name != "." && name != "..") {
      db_->GetEnv()->DeleteFile(absl::StrCat(directory_, "/", name)).PermitUncheckedError();
    }
  }
  db_->GetEnv()->DeleteDir(directory_).PermitUncheckedError();
}

absl::Status SnapshotLoader::Add(const stored::StoredEntry& entry, rocksdb::Status* failed) {
  EntryName name;
  if (!NameOf(entry.suppression(), &name)) return BadSnapshot("an entry of the snapshot has no address");
  EntryKeyTo(name, &key_);
  if (!last_key_.empty() && key_ <= last_key_) return BadSnapshot("the entries of the snapshot are not in key order");
  if (tenants_.empty() || tenants_.back() != name.tenant) tenants_.emplace_back(name.tenant);
  if (name.local_part.empty()) ++domain_entries_[tenants_.back()];
  EncodeTo(entry, &bytes_, &value_);
  *failed = made_directory_;
  if (failed->ok()) *failed = entries_.Put(key_, value_);
  if (failed->ok()) *failed = AddRows(entry);
  last_key_.swap(key_);
  return absl::OkStatus();
}

// The rows of one entry; the key of the entry is in key_, and its part behind the tenant ends the row's key too.
rocksdb::Status SnapshotLoader::AddRows(const stored::StoredEntry& entry) {
  const v1::Suppression& suppression = entry.suppression();
  if (!suppression.has_listed_at()) return rocksdb::Status::OK();
  SortedRow row;
  row.order = InvertTime(ToMicros(suppression.listed_at()));
  row.text = absl::string_view(key_).substr(suppression.tenant().size() + 1);
  for (const v1::BounceReason kind : IndexKinds(suppression, DatabaseKind::kReplica)) {
    row.group = (tenants_.size() - 1) << kKindBits | static_cast<uint8_t>(kind);
    if (rocksdb::Status status = rows_.Add(row); !status.ok()) return status;
  }
  return rocksdb::Status::OK();
}

rocksdb::Status SnapshotLoader::Finish() {
  if (!made_directory_.ok()) return made_directory_;
  rocksdb::Status status = entries_.Finish();
  if (!status.ok() || entries_.paths().empty()) return status;
  TableFiles files(db_, by_time_family_, directory_ + "/by_time-");
  status = rows_.Merge([&](const SortedRow& row) {
    const std::string& tenant = tenants_[row.group >> kKindBits];
    key_ = TimePrefix(tenant, static_cast<v1::BounceReason>(row.group & ((1 << kKindBits) - 1)));
    AppendNumber(row.order, &key_);
    key_.append(row.text.data(), row.text.size());
    // An empty IndexRow: it stands here since before all that the replica's change log reaches back to.
    return files.Put(key_, "");
  });
  if (status.ok()) status = files.Finish();
  if (!status.ok()) return status;
  rocksdb::IngestExternalFileOptions ingest;
  ingest.move_files = true;
  ingest.write_global_seqno = false;
  std::vector<rocksdb::IngestExternalFileArg> families;
  const auto add = [&](rocksdb::ColumnFamilyHandle* family, const std::vector<std::string>& paths) {
    if (paths.empty()) return;
    rocksdb::IngestExternalFileArg& arg = families.emplace_back();
    arg.column_family = family;
    arg.external_files = paths;
    arg.options = ingest;
  };
  add(entries_family_, entries_.paths());
  add(by_time_family_, files.paths());
  return db_->IngestExternalFiles(families);
}

}  // namespace suppressd
