// An audit trail in memory, as a server makes it.
#pragma once

#include <string>
#include <vector>

#include "common/audit_chain.h"
#include "suppressd/v1/audit.pb.h"

namespace suppressd {

class TestTrail {
 public:
  // Adds a record; with an address, or a note, it has a text.
  v1::AuditRecord& Add(const std::string& action, const std::string& address = "", const std::string& note = "") {
    v1::AuditRecord record;
    record.set_action(action);
    record.set_actor("ops");
    if (!address.empty() || !note.empty()) {
      record.mutable_text()->set_salt(std::string(kAuditSaltBytes, 's'));
      record.mutable_text()->set_address(address);
      record.mutable_text()->set_note(note);
    }
    return AddRecord(record);
  }
  // Adds the record that says whose texts were erased; takes the texts away.
  v1::AuditRecord& Erase(const std::vector<uint64_t>& revisions) {
    v1::AuditRecord record;
    record.set_action("erase");
    for (const uint64_t revision : revisions) {
      record.add_erased_revisions(revision);
      for (v1::AuditRecord& held : records) {
        if (held.revision() == revision) held.clear_text();
      }
    }
    return AddRecord(record);
  }
  v1::AuditHead head() const {
    v1::AuditHead head;
    if (records.empty()) return head;
    head.set_count(records.back().number());
    head.set_hash(records.back().hash());
    head.set_revision(records.back().revision());
    return head;
  }

  std::vector<v1::AuditRecord> records;

 private:
  // Revisions have gaps: most commands leave no record.
  v1::AuditRecord& AddRecord(v1::AuditRecord record) {
    record.set_number(records.size() + 1);
    record.set_revision(3 * record.number());
    record.mutable_at()->set_seconds(1'780'000'000 + static_cast<int64_t>(record.number()));
    if (record.has_text()) record.set_text_sha256(AuditTextHash(record.text()));
    if (!records.empty()) record.set_previous_hash(records.back().hash());
    record.set_hash(AuditRecordHash(record));
    return records.emplace_back(std::move(record));
  }
};

}  // namespace suppressd
