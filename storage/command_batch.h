// Commands on their way to disk: each is applied by the state machine to the entries as the commands before it left
// them, and all of their effects are collected in one WriteBatch.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "rocksdb/write_batch.h"
#include "storage/store.h"
#include "suppression/v1/errors.pb.h"

namespace suppression {

// Names of records of the meta family.
inline constexpr char kLineageName[] = "lineage";
inline constexpr char kRevisionName[] = "last_revision";
inline constexpr char kCommandTimeName[] = "newest_command_micros";
inline constexpr char kNormaliserName[] = "normaliser";
inline constexpr char kReplicaName[] = "replica";
inline constexpr char kTenantPrefix[] = "tenant/";
inline constexpr char kOldestChangeName[] = "oldest_change";
inline constexpr char kTimelinesName[] = "timelines";

// Used by Store::Apply alone. Not thread-safe.
class CommandBatch {
 public:
  explicit CommandBatch(const Store& store);

  // Applies one command. A refused command is a result with error_reason. When something that the command needs cannot
  // be read, that is INTERNAL_ERROR: nothing is changed and no revision used, and the batch can go on.
  stored::CommandResult Add(const stored::Command& command);
  // Takes over the entries of a change of the source, unless those held are as new; it becomes the newest, and must be
  // the one after last_revision. INTERNAL when an entry held cannot be read: then the batch must not be written.
  absl::Status Install(const RevisionChange& next);
  // What last_revision tells from now on.
  void SetRevision(uint64_t revision) { revision_ = revision; }
  // Forgets what was added, which was written, and goes on from there.
  void Restart();
  // Whole-domain entries that a list holds from now on.
  void SetDomainEntries(const std::string& tenant, int64_t count) { domain_entries_[tenant] = count; }
  // Adds a record to the meta family.
  void PutMeta(const std::string& name, const std::string& value) { Put(kMeta, name, value); }

  uint64_t last_revision() const { return revision_; }
  rocksdb::WriteBatch* write_batch() { return &batch_; }
  // The new number of whole-domain entries of each list that got one.
  const absl::flat_hash_map<std::string, int64_t>& domain_entries() const { return domain_entries_; }

 private:
  // Takes over one entry.
  absl::Status Install(const stored::StoredEntry& entry);

  struct Loaded {
    stored::StoredEntry entry;
    bool existed = false;
  };

  // Reads an entry unless it was before.
  absl::Status Load(const EntryName& name);
  // Reads all that a command needs, before anything is changed.
  absl::Status LoadAll(const stored::Command& command);
  // The entry, which was loaded. Valid until the next Load.
  Loaded* Find(const EntryName& name);
  // What is remembered under an idempotency key; null: nothing. Valid until the next call.
  absl::StatusOr<const stored::StoredRequest*> FindRequest(const stored::Command& command, const std::string& name);
  // The answer when the keys of a command were used before: a repeat's, or a refusal.
  absl::StatusOr<std::optional<stored::CommandResult>> FindAnswer(const stored::Command& command);
  void Remember(const stored::Command& command, const std::string& name, const std::string& digest,
                const stored::CommandResult& result);
  // Remembers the request that a command is a part of, unless that was done.
  void Claim(const stored::Command& command);

  // What is known already of the events of a report.
  struct KnownEvents {
    std::vector<std::optional<v1::BounceEvent>> events;  // per recipient
    uint64_t revision = 0;                               // of the newest
    bool all = false;                                    // there are some, and all are known
  };
  absl::StatusOr<KnownEvents> FindKnownEvents(const stored::Command& command);
  // Of one recipient; `revision` is raised to the event's. Every entry of the command must be loaded.
  absl::StatusOr<std::optional<v1::BounceEvent>> FindKnownEvent(const stored::Command& command,
                                                                const stored::RecipientReport& told,
                                                                uint64_t* revision);
  // The same in the kept events of the entry, for longer than requests are remembered.
  absl::StatusOr<std::optional<v1::BounceEvent>> FindInHistory(const stored::Command& command,
                                                               const stored::RecipientReport& told, uint64_t* revision);
  void RememberEvent(const stored::Command& command, const v1::BounceEvent& event, uint64_t revision);
  // The answer to a report of which every event is known.
  stored::CommandResult AnswerKnown(const stored::Command& command, const KnownEvents& known);

  v1::ErrorReason AddReport(const stored::Command& command, const KnownEvents& known, stored::Change* change,
                            stored::CommandResult* result);
  v1::ErrorReason AddSuppress(const stored::Command& command, stored::Change* change, stored::CommandResult* result);
  v1::ErrorReason AddReactivate(const stored::Command& command, stored::Change* change, stored::CommandResult* result);
  void Audit(const stored::Command& command, const char* action, const EntryName& name, const std::string& note,
             v1::ErrorReason refused, const v1::Suppression& before);
  void Save(const EntryName& name, int64_t at_micros, Loaded* loaded, stored::Change* change);
  // Writes an entry, whose revision is set, with its index; counts a new whole-domain entry.
  void Write(const EntryName& name, Loaded* loaded);
  void UpdateIndex(const EntryName& name, stored::StoredEntry* entry);
  void Put(ColumnFamily family, const std::string& key, const std::string& value);

  const Store& store_;
  rocksdb::WriteBatch batch_;
  uint64_t revision_;  // of the command being added, or the last one added
  absl::flat_hash_map<std::string, Loaded> entries_;
  absl::flat_hash_map<std::string, stored::StoredRequest> requests_;  // read or written
  absl::flat_hash_map<std::string, int64_t> domain_entries_;
};

}  // namespace suppression
