// The audit trail as a store keeps it: chained over many commands, and what was removed or altered in it is found.
#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/suppressctl/audit_verifier.h"
#include "common/audit_chain.h"
#include "storage/store.h"
#include "tests/testing/apply.h"
#include "tests/testing/commands.h"
#include "tests/testing/edit_store.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using suppressctl::AuditFaultName;
using suppressctl::AuditVerifier;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr EntryName kJo{"default", "example.com", "jo"};

class AuditTest : public ::testing::Test {
 protected:
  AuditTest() {
    options_.path = directory_ / "data";
    Open();
  }
  void Open() {
    auto store = Store::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Restart() {
    store_.reset();
    Open();
  }
  void Apply(const std::vector<stored::Command>& commands) {
    const auto results = ApplyTo(*store_, commands);
    ASSERT_TRUE(results.ok()) << results.status();
  }
  // Changes rows of the trail behind the store's back.
  void Edit(const std::function<void(const FamilyRows& rows, const FamilyRows& meta)>& edit) {
    store_.reset();
    EditStore(options_, kAudit, edit);
    Open();
  }
  AuditPage List(const AuditQuery& query = {}) {
    auto page = store_->reader().ListAudit(query);
    EXPECT_TRUE(page.ok()) << page.status();
    return page.ok() ? *std::move(page) : AuditPage();
  }
  // Over all pages, of this size.
  std::vector<uint64_t> Revisions(AuditQuery query, int page_size = 1'000) {
    std::vector<uint64_t> revisions;
    query.page_size = page_size;
    do {
      const AuditPage page = List(query);
      EXPECT_LE(page.records.size(), static_cast<size_t>(page_size));
      for (const v1::AuditRecord& record : page.records) revisions.push_back(record.revision());
      query.after_revision = page.next_after_revision;
    } while (query.after_revision > 0);
    return revisions;
  }
  using Found = std::pair<std::string, uint64_t>;
  // What is wrong first, and the number of the record; "" and 0: nothing.
  Found Verify() {
    AuditVerifier verifier;
    AuditPage page;
    do {
      page = List({.page_size = 3, .after_revision = page.next_after_revision});
      for (const v1::AuditRecord& record : page.records) EXPECT_TRUE(verifier.Take(record).ok());
    } while (page.next_after_revision > 0);
    verifier.Finish(page.head);
    if (!verifier.fault().has_value()) return {"", 0};
    return {AuditFaultName(verifier.fault()->kind), verifier.fault()->number};
  }
  // Revisions 2, 3, 5, 6 and 7 leave a record.
  void ApplySome() {
    stored::Command suppress = SuppressCommand("jo@example.com", v1::Cause::UNSUBSCRIBE, Day(1));
    suppress.set_actor("desk");
    suppress.set_audit_salt("0123456789abcdef");
    Apply({HardBounce("jo@example.com", Day(0)), suppress,
           SuppressCommand("@example.com", v1::Cause::MANUAL, Day(2), "other"), HardBounce("a@example.com", Day(3)),
           ReactivateCommand("nobody@example.com", Day(4)), NoteCommand("denied", Day(5)),
           ReactivateCommand("jo@example.com", Day(6))});
  }

  TempDirectory directory_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

TEST_F(AuditTest, RecordsSayWhoDidWhatAndBindTheirTexts) {
  ApplySome();
  const AuditPage page = List();
  ASSERT_EQ(page.records.size(), 5u);
  const v1::AuditRecord& suppress = page.records[0];
  EXPECT_EQ(suppress.number(), 1u);
  EXPECT_EQ(suppress.revision(), 2u);
  EXPECT_EQ(suppress.actor(), "desk");
  EXPECT_EQ(suppress.action(), "suppress");
  EXPECT_EQ(suppress.tenant(), "default");
  EXPECT_EQ(suppress.text().address(), "jo@example.com");
  EXPECT_EQ(suppress.text().note(), "by hand");
  EXPECT_EQ(suppress.text().salt(), "0123456789abcdef");
  EXPECT_EQ(suppress.text().causes_size(), 1) << "as it was before";
  EXPECT_EQ(page.records[1].text().salt(), std::string(kAuditSaltBytes, '\0')) << "a command without a salt";
  EXPECT_EQ(page.records[1].text().address(), "@example.com");
  EXPECT_EQ(page.records[2].refused_reason(), "SUPPRESSION_NOT_FOUND");
  EXPECT_EQ(page.records[3].action(), "denied");
  EXPECT_EQ(page.records[3].count(), 3);
  EXPECT_FALSE(page.records[3].has_text());
  EXPECT_EQ(page.records[3].text_sha256(), "");
  EXPECT_EQ(page.records[4].text().on_behalf_of(), "tester");
  EXPECT_EQ(page.head.count(), 5u);
  EXPECT_EQ(page.head.hash(), page.records[4].hash());
  EXPECT_EQ(Verify(), Found("", 0));
}

TEST_F(AuditTest, AnEmptyTrailIsWhole) {
  EXPECT_THAT(List().records, IsEmpty());
  EXPECT_EQ(List().head.count(), 0u);
  Apply({HardBounce("jo@example.com", Day(0))});
  EXPECT_EQ(Verify(), Found("", 0));
}

TEST_F(AuditTest, TheChainGoesOnOverBatchesAndRestarts) {
  for (int i = 0; i < 40; ++i) {
    std::vector<stored::Command> commands;
    for (int j = 0; j <= i % 4; ++j) {
      const std::string address = "u" + std::to_string(i * 4 + j) + "@example.com";
      commands.push_back(SuppressCommand(address, v1::Cause::MANUAL, Day(i)));
      if (j % 2 == 0) commands.push_back(HardBounce(address, Day(i)));
    }
    Apply(commands);
    if (i % 10 == 9) Restart();
  }
  EXPECT_EQ(List().head.count(), 100u);
  EXPECT_EQ(Verify(), Found("", 0));
}

TEST_F(AuditTest, ARepeatedCommandLeavesOneRecord) {
  stored::Command command = SuppressCommand("jo@example.com", v1::Cause::MANUAL, Day(0));
  command.set_request_key("r:1");
  Apply({command, command});
  EXPECT_EQ(List().head.count(), 1u);
  EXPECT_EQ(Verify(), Found("", 0));
}

TEST_F(AuditTest, RemovedAndAlteredRecordsAreFound) {
  ApplySome();
  std::string held;
  Edit([&](const FamilyRows& rows, const FamilyRows&) {
    held = rows.Get(AuditKey(5));
    rows.Delete(AuditKey(5));
  });
  EXPECT_EQ(Verify(), Found("REMOVED", 3));
  Edit([&](const FamilyRows& rows, const FamilyRows&) {
    v1::AuditRecord altered;
    ASSERT_TRUE(altered.ParseFromString(held));
    altered.clear_refused_reason();
    rows.Put(AuditKey(5), altered.SerializeAsString());
  });
  EXPECT_EQ(Verify(), Found("ALTERED", 3));
  Edit([&](const FamilyRows& rows, const FamilyRows&) { rows.Put(AuditKey(5), "\xff\xff damaged"); });
  EXPECT_EQ(Verify(), Found("ALTERED", 3));
  Edit([&](const FamilyRows& rows, const FamilyRows&) {
    rows.Put(AuditKey(5), rows.Get(AuditKey(6)));
    rows.Put(AuditKey(6), held);
  });
  EXPECT_EQ(Verify(), Found("REMOVED", 3)) << "in another order";
  Edit([&](const FamilyRows& rows, const FamilyRows&) {
    rows.Put(AuditKey(6), rows.Get(AuditKey(5)));
    rows.Put(AuditKey(5), held);
    rows.Delete(AuditKey(7));
  });
  EXPECT_EQ(Verify(), Found("REMOVED", 5)) << "the newest";
}

TEST_F(AuditTest, AlteredAndRemovedTextsAreFound) {
  ApplySome();
  Edit([&](const FamilyRows& rows, const FamilyRows&) {
    v1::AuditText text;
    ASSERT_TRUE(text.ParseFromString(rows.Get(AuditTextKey(3))));
    text.set_note("by another hand");
    rows.Put(AuditTextKey(3), text.SerializeAsString());
  });
  EXPECT_EQ(Verify(), Found("TEXT_ALTERED", 2));
  Edit([&](const FamilyRows& rows, const FamilyRows&) { rows.Put(AuditTextKey(3), "\xff\xff damaged"); });
  EXPECT_EQ(Verify(), Found("TEXT_ALTERED", 2));
  Edit([&](const FamilyRows& rows, const FamilyRows&) { rows.Delete(AuditTextKey(3)); });
  EXPECT_EQ(Verify(), Found("TEXT_REMOVED", 2));
}

TEST_F(AuditTest, AnErasedTextLeavesTheChainWholeOnceARecordTellsOfIt) {
  ApplySome();
  Edit([&](const FamilyRows& rows, const FamilyRows&) {
    for (const uint64_t revision : {uint64_t{2}, uint64_t{7}}) {
      rows.Delete(AuditTextKey(revision));
      rows.Delete(AuditEntryKey(kJo, revision));
    }
  });
  EXPECT_EQ(Verify(), Found("TEXT_REMOVED", 1));
  Edit([&](const FamilyRows& rows, const FamilyRows& meta) {
    v1::AuditHead head;
    ASSERT_TRUE(head.ParseFromString(meta.Get(kAuditHeadName)));
    v1::AuditRecord erase;
    erase.set_number(head.count() + 1);
    erase.set_revision(head.revision() + 1);
    erase.set_action(kAuditErase);
    erase.add_erased_revisions(2);
    erase.add_erased_revisions(7);
    erase.set_previous_hash(head.hash());
    erase.set_hash(AuditRecordHash(erase));
    rows.Put(AuditKey(erase.revision()), erase.SerializeAsString());
    head.set_count(erase.number());
    head.set_hash(erase.hash());
    head.set_revision(erase.revision());
    meta.Put(kAuditHeadName, head.SerializeAsString());
  });
  EXPECT_EQ(Verify(), Found("", 0));
  EXPECT_THAT(Revisions({.tenants = {"default"}, .domain = "example.com", .local_part = "jo"}), IsEmpty());
}

TEST_F(AuditTest, EveryTextOfAnEntryIsFoundByItsRows) {
  ApplySome();
  Edit([&](const FamilyRows& rows, const FamilyRows&) {
    for (const uint64_t revision : {uint64_t{2}, uint64_t{7}}) EXPECT_TRUE(rows.Has(AuditEntryKey(kJo, revision)));
    EXPECT_TRUE(rows.Has(AuditEntryKey({"other", "example.com", ""}, 3)));
    EXPECT_TRUE(rows.Has(AuditEntryKey({"default", "example.com", "nobody"}, 5)));
    EXPECT_FALSE(rows.Has(AuditTextKey(6))) << "a note has no text";
  });
}

TEST_F(AuditTest, FiltersFindTheirRecordsWhateverThePageSize) {
  ApplySome();
  for (const int size : {1, 2, 1'000}) {
    EXPECT_THAT(Revisions({}, size), ElementsAre(2, 3, 5, 6, 7));
    EXPECT_THAT(Revisions({.tenants = {"other"}}, size), ElementsAre(3));
    EXPECT_THAT(Revisions({.tenants = {"other", "default"}}, size), ElementsAre(2, 3, 5, 6, 7));
    EXPECT_THAT(Revisions({.actor = "desk"}, size), ElementsAre(2));
    EXPECT_THAT(Revisions({.action = "reactivate"}, size), ElementsAre(5, 7));
    EXPECT_THAT(Revisions({.domain = "example.com", .local_part = "jo"}, size), ElementsAre(2, 7)) << "in all lists";
    EXPECT_THAT(Revisions({.tenants = {"default"}, .domain = "example.com", .local_part = "jo"}, size),
                ElementsAre(2, 7))
        << "by the index";
    EXPECT_THAT(Revisions({.tenants = {"other"}, .domain = "example.com"}, size), ElementsAre(3));
    EXPECT_THAT(Revisions({.tenants = {"other"}, .domain = "example.com", .local_part = "jo"}, size), IsEmpty());
    EXPECT_THAT(Revisions({.since_micros = Day(4), .until_micros = Day(6)}, size), ElementsAre(5, 6));
  }
}

TEST_F(AuditTest, APageEndsWithItsLastRecordAndTheNextOneFollowsTheGrowingTrail) {
  ApplySome();
  EXPECT_EQ(List({.page_size = 5}).next_after_revision, 0u) << "nothing is left";
  const AuditPage first = List({.page_size = 4});
  EXPECT_EQ(first.next_after_revision, 6u);
  Apply({SuppressCommand("late@example.com", v1::Cause::MANUAL, Day(7))});
  const AuditPage next = List({.page_size = 4, .after_revision = first.next_after_revision});
  ASSERT_EQ(next.records.size(), 2u);
  EXPECT_EQ(next.records[1].text().address(), "late@example.com");
  EXPECT_EQ(next.head.count(), 6u);
  EXPECT_EQ(next.next_after_revision, 0u);
}

TEST_F(AuditTest, APageEndsBeforeItIsTooLargeForClients) {
  stored::Command command = SuppressCommand("jo@example.com", v1::Cause::MANUAL, Day(0));
  command.mutable_suppress()->mutable_cause()->set_note(std::string(300 << 10, 'n'));
  Apply(std::vector<stored::Command>(12, command));
  EXPECT_LT(List({.page_size = 1'000}).records.size(), 12u);
  EXPECT_EQ(Revisions({}).size(), 12u);
}

}  // namespace
}  // namespace suppressd
