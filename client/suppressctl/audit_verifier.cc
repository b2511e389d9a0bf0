#include "client/suppressctl/audit_verifier.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "client/suppressctl/audit_source.h"
#include "common/audit_chain.h"

namespace suppressd::suppressctl {

const char* AuditFaultName(AuditFault::Kind kind) {
  switch (kind) {
    case AuditFault::kRemoved:
      return "REMOVED";
    case AuditFault::kAltered:
      return "ALTERED";
    case AuditFault::kTextAltered:
      return "TEXT_ALTERED";
    case AuditFault::kTextRemoved:
      return "TEXT_REMOVED";
  }
  return "";
}

void AuditVerifier::Fail(AuditFault::Kind kind, uint64_t number, uint64_t revision, std::string what) {
  if (!fault_.has_value()) fault_ = AuditFault{kind, number, revision, std::move(what)};
}

absl::Status AuditVerifier::Take(const v1::AuditRecord& record) {
  if (fault_.has_value()) return absl::OkStatus();
  if (HoldsUnknownFields(record)) {
    return absl::FailedPreconditionError(
        absl::StrCat("record ", mark_.count + 1, " holds what this suppressctl does not know; use a newer one"));
  }
  CheckPlace(record);
  CheckText(record);
  CheckCheckpoint(record);
  if (fault_.has_value()) return absl::OkStatus();
  if (missing_texts_.size() > kMissingTextsMax) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", kMissingTextsMax, " texts are missing"));
  }
  TakeErasures(record);
  mark_ = {record.number(), record.hash()};
  return absl::OkStatus();
}

void AuditVerifier::CheckPlace(const v1::AuditRecord& record) {
  const uint64_t expected = mark_.count + 1;
  if (record.hash().empty() || record.number() == 0) {
    return Fail(AuditFault::kAltered, expected, record.revision(), "the record cannot be read");
  }
  if (record.number() > expected) {
    return Fail(AuditFault::kRemoved, expected, 0,
                absl::StrCat("record ", record.number(), " follows record ", mark_.count, ": those between are gone"));
  }
  if (record.number() < expected) {
    return Fail(AuditFault::kAltered, expected, record.revision(),
                absl::StrCat("record ", record.number(), " follows record ", mark_.count));
  }
  if (record.hash() != AuditRecordHash(record)) {
    return Fail(AuditFault::kAltered, expected, record.revision(), "the record is not what its hash was made of");
  }
  if (record.previous_hash() != mark_.hash) {
    Fail(AuditFault::kAltered, expected, record.revision(),
         "the record was not made behind the one that now stands before it: either was replaced");
  }
}

void AuditVerifier::CheckText(const v1::AuditRecord& record) {
  if (!record.has_text()) {
    if (!record.text_sha256().empty()) missing_texts_[record.revision()] = record.number();
    return;
  }
  if (AuditTextHash(record.text()) == record.text_sha256()) return;
  Fail(AuditFault::kTextAltered, record.number(), record.revision(), "the text is not the one that it was made with");
}

void AuditVerifier::CheckCheckpoint(const v1::AuditRecord& record) {
  if (!checkpoint_.has_value() || checkpoint_->count != record.number() || checkpoint_->hash == record.hash()) return;
  Fail(AuditFault::kAltered, record.number(), record.revision(),
       "the record is not the one of the checkpoint: it, or one before it, was replaced");
}

void AuditVerifier::TakeErasures(const v1::AuditRecord& record) {
  if (record.action() != kAuditErase || !record.refused_reason().empty()) return;
  for (const uint64_t revision : record.erased_revisions()) erased_texts_ += missing_texts_.erase(revision);
}

void AuditVerifier::Finish(const v1::AuditHead& head) {
  if (mark_.count < head.count()) {
    Fail(AuditFault::kRemoved, mark_.count + 1, 0,
         absl::StrCat("there were ", head.count(), " records, and the last is now ", mark_.count));
  } else if (mark_.count > head.count() || mark_.hash != head.hash()) {
    Fail(AuditFault::kAltered, mark_.count, 0, "the newest record is not the one that the trail ends with");
  }
  if (checkpoint_.has_value() && mark_.count < checkpoint_->count) {
    Fail(AuditFault::kRemoved, mark_.count + 1, 0,
         absl::StrCat("the checkpoint has ", checkpoint_->count, " records, and the last is now ", mark_.count));
  }
  if (missing_texts_.empty()) return;
  const auto& [revision, number] = *missing_texts_.begin();
  Fail(AuditFault::kTextRemoved, number, revision, "the text is gone, and no erase record tells of it");
}

void AuditVerifier::FinishWithoutHead() {
  Fail(AuditFault::kRemoved, mark_.count + 1, 0, "the file does not say where the trail ends: its end is missing");
}

}  // namespace suppressd::suppressctl
