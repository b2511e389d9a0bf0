// Whether an audit trail is whole: every record there, unaltered and in its place, and every text that of its record,
// but for those that an erase record took away. The computation is described in docs/api.md.
//
//   AuditVerifier verifier(checkpoint);
//   for (each record, oldest first) verifier.Take(record);
//   verifier.Finish(head);
//   if (verifier.fault()) ...
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "suppressd/v1/audit.pb.h"

namespace suppressd::suppressctl {

// Most texts that may be missing before the record that erased them was met.
inline constexpr size_t kMissingTextsMax = 10'000'000;

// A place in a trail: how many records there were, and the hash of the newest (empty when there was none).
struct AuditMark {
  uint64_t count = 0;
  std::string hash;
};

// The first thing that is wrong.
struct AuditFault {
  enum Kind { kRemoved, kAltered, kTextAltered, kTextRemoved };
  Kind kind = kAltered;
  // The record; revision zero: not known, because the record is not there.
  uint64_t number = 0;
  uint64_t revision = 0;
  std::string what;  // a sentence without an address
};
// "REMOVED", "ALTERED", "TEXT_ALTERED", "TEXT_REMOVED".
const char* AuditFaultName(AuditFault::Kind kind);

// Not thread-safe. Once there is a fault, what follows is not looked at.
class AuditVerifier {
 public:
  // `checkpoint`: what was found at an earlier time; nothing: there is none.
  explicit AuditVerifier(std::optional<AuditMark> checkpoint = std::nullopt) : checkpoint_(std::move(checkpoint)) {}

  // Takes the next record. FAILED_PRECONDITION: it holds what this program does not know, and cannot be verified by it.
  // RESOURCE_EXHAUSTED: too many texts are missing.
  absl::Status Take(const v1::AuditRecord& record);
  // There are no more. `head`: where the trail says that it ends.
  void Finish(const v1::AuditHead& head);
  // There are no more, and nothing says so: a fault, the rest may be missing.
  void FinishWithoutHead();

  const std::optional<AuditFault>& fault() const { return fault_; }
  // How far it is whole.
  const AuditMark& mark() const { return mark_; }
  // Texts that were erased, as their erase records say.
  uint64_t erased_texts() const { return erased_texts_; }

 private:
  void Fail(AuditFault::Kind kind, uint64_t number, uint64_t revision, std::string what);
  void CheckPlace(const v1::AuditRecord& record);
  void CheckText(const v1::AuditRecord& record);
  void CheckCheckpoint(const v1::AuditRecord& record);
  void TakeErasures(const v1::AuditRecord& record);

  const std::optional<AuditMark> checkpoint_;
  std::optional<AuditFault> fault_;
  AuditMark mark_;
  uint64_t erased_texts_ = 0;
  std::map<uint64_t, uint64_t> missing_texts_;  // revision to number
};

}  // namespace suppressd::suppressctl
