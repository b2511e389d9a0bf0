#include "client/suppressctl/audit_verifier.h"

#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "tests/testing/audit_trail.h"

namespace suppressd::suppressctl {
namespace {

class AuditVerifierTest : public ::testing::Test {
 protected:
  AuditVerifierTest() {
    for (int i = 1; i <= 9; ++i) trail_.Add("suppress", "u" + std::to_string(i) + "@example.com", "asked for");
    head_ = trail_.head();
  }

  // What is found first: its kind and the number of the record; "" and 0: nothing.
  std::pair<std::string, uint64_t> Find(std::optional<AuditMark> checkpoint = std::nullopt) {
    AuditVerifier verifier(std::move(checkpoint));
    for (const v1::AuditRecord& record : trail_.records) EXPECT_TRUE(verifier.Take(record).ok());
    verifier.Finish(head_);
    erased_ = verifier.erased_texts();
    if (!verifier.fault().has_value()) return {"", 0};
    EXPECT_EQ(verifier.fault()->what.find('@'), std::string::npos) << "an address is in a message";
    return {AuditFaultName(verifier.fault()->kind), verifier.fault()->number};
  }
  v1::AuditRecord& Record(uint64_t number) { return trail_.records[number - 1]; }

  using Found = std::pair<std::string, uint64_t>;
  TestTrail trail_;
  v1::AuditHead head_;
  uint64_t erased_ = 0;
};

TEST_F(AuditVerifierTest, AWholeTrailIsWhole) {
  EXPECT_EQ(Find(), Found("", 0));
  trail_.records.clear();
  head_.Clear();
  EXPECT_EQ(Find(), Found("", 0)) << "one without a record is, too";
}

TEST_F(AuditVerifierTest, EveryRemovedRecordIsFound) {
  for (uint64_t removed = 1; removed <= 9; ++removed) {
    const auto whole = trail_.records;
    trail_.records.erase(trail_.records.begin() + static_cast<int64_t>(removed) - 1);
    EXPECT_EQ(Find(), Found("REMOVED", removed));
    trail_.records = whole;
  }
}

TEST_F(AuditVerifierTest, EveryAlteredFieldIsFound) {
  const v1::AuditRecord original = Record(5);
  const auto altered = [&](auto alter) {
    alter(&Record(5));
    const Found found = Find();
    Record(5) = original;
    return found;
  };
  EXPECT_EQ(altered([](auto* record) { record->set_actor("somebody else"); }), Found("ALTERED", 5));
  EXPECT_EQ(altered([](auto* record) { record->set_action("reactivate"); }), Found("ALTERED", 5));
  EXPECT_EQ(altered([](auto* record) { record->set_tenant("other"); }), Found("ALTERED", 5));
  EXPECT_EQ(altered([](auto* record) { record->set_refused_reason("ACCESS_DENIED"); }), Found("ALTERED", 5));
  EXPECT_EQ(altered([](auto* record) { record->set_count(7); }), Found("ALTERED", 5));
  EXPECT_EQ(altered([](auto* record) { record->mutable_at()->set_seconds(1); }), Found("ALTERED", 5));
  EXPECT_EQ(altered([](auto* record) { record->set_revision(14); }), Found("ALTERED", 5));
  EXPECT_EQ(altered([](auto* record) { record->add_erased_revisions(3); }), Found("ALTERED", 5));
  EXPECT_EQ(altered([](auto* record) { record->clear_text_sha256(); }), Found("ALTERED", 5));
  EXPECT_EQ(altered([](auto* record) { record->set_hash(std::string(32, 'x')); }), Found("ALTERED", 5));
  EXPECT_EQ(altered([](auto* record) { record->Clear(); }), Found("ALTERED", 5)) << "one that cannot be read";
}

TEST_F(AuditVerifierTest, ARecordWithAnotherHashIsFoundByTheNextOne) {
  Record(5).set_actor("somebody else");
  Record(5).set_hash(AuditRecordHash(Record(5)));
  EXPECT_EQ(Find(), Found("ALTERED", 6));
}

TEST_F(AuditVerifierTest, RecordsInAnotherOrderAreFound) {
  std::swap(Record(4), Record(5));
  EXPECT_EQ(Find(), Found("REMOVED", 4)) << "what stands there was not made there";
}

TEST_F(AuditVerifierTest, ATrailThatWasCutOffIsFoundByItsHead) {
  trail_.records.resize(7);
  EXPECT_EQ(Find(), Found("REMOVED", 8));
  head_ = trail_.head();
  EXPECT_EQ(Find(), Found("", 0)) << "when the head was replaced, too";
}

TEST_F(AuditVerifierTest, TheCheckpointFindsATrailThatWasReplaced) {
  const AuditMark checkpoint{9, head_.hash()};
  EXPECT_EQ(Find(checkpoint), Found("", 0));
  trail_.records.resize(7);
  head_ = trail_.head();
  EXPECT_EQ(Find(checkpoint), Found("REMOVED", 8));
  trail_ = TestTrail();
  for (int i = 1; i <= 12; ++i) trail_.Add("reactivate");
  head_ = trail_.head();
  EXPECT_EQ(Find(checkpoint), Found("ALTERED", 9));
}

TEST_F(AuditVerifierTest, ATextThatWasAlteredIsFound) {
  Record(3).mutable_text()->set_note("asked for it himself");
  EXPECT_EQ(Find(), Found("TEXT_ALTERED", 3));
}

TEST_F(AuditVerifierTest, ATextThatARecordNeverHadIsFound) {
  trail_.Add("import").mutable_text()->set_note("made up");
  head_ = trail_.head();
  EXPECT_EQ(Find(), Found("TEXT_ALTERED", 10));
}

TEST_F(AuditVerifierTest, ATextMayBeMissingOnlyWhereItWasErased) {
  trail_.Erase({Record(2).revision(), Record(4).revision()});
  trail_.Add("suppress", "last@example.com");
  head_ = trail_.head();
  EXPECT_EQ(Find(), Found("", 0));
  EXPECT_EQ(erased_, 2u);
  Record(6).clear_text();
  EXPECT_EQ(Find(), Found("TEXT_REMOVED", 6));
}

TEST_F(AuditVerifierTest, ARefusedErasureExcusesNothing) {
  v1::AuditRecord& erase = trail_.Erase({Record(2).revision()});
  erase.set_refused_reason("ACCESS_DENIED");
  erase.set_hash(AuditRecordHash(erase));
  head_ = trail_.head();
  EXPECT_EQ(Find(), Found("TEXT_REMOVED", 2));
}

TEST_F(AuditVerifierTest, AFileWithoutAnEndIsNotWhole) {
  AuditVerifier verifier;
  for (const v1::AuditRecord& record : trail_.records) ASSERT_TRUE(verifier.Take(record).ok());
  verifier.FinishWithoutHead();
  ASSERT_TRUE(verifier.fault().has_value());
  EXPECT_EQ(verifier.fault()->number, 10u);
}

TEST_F(AuditVerifierTest, WhatThisVersionDoesNotKnowIsNoFault) {
  v1::AuditRecord& record = Record(1);
  record.GetReflection()->MutableUnknownFields(&record)->AddVarint(1000, 1);
  AuditVerifier verifier;
  EXPECT_EQ(verifier.Take(record).code(), absl::StatusCode::kFailedPrecondition);
}

// Computed from the description in docs/api.md alone: these bytes never change.
TEST(AuditChainTest, TheHashesAreThoseOfTheDocument) {
  TestTrail trail;
  trail.Add("suppress", "jo@example.com", "asked for");
  EXPECT_EQ(absl::BytesToHexString(trail.records[0].text_sha256()),
            "92e77b38ce5cc020e1723c57d5bac30894f21ff50eabfebf3868bc1b41f05357");
  EXPECT_EQ(absl::BytesToHexString(trail.records[0].hash()),
            "fd75b5bef1589dfa1c043ba86825347b28673554e97ebdfc4bc1940c2ec198c3");
}

}  // namespace
}  // namespace suppressd::suppressctl
