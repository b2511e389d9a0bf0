// One damaged record harms its own command and no other of the batch.
#include "storage/command_batch.h"

#include <gmock/gmock.h>

#include "tests/testing/apply.h"
#include "tests/testing/commands.h"
#include "tests/testing/damage.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

class CommandBatchTest : public ::testing::Test {
 protected:
  CommandBatchTest() {
    options_.path = directory_ / "data";
    Open();
  }
  void Open() {
    auto store = Store::Open(options_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  std::vector<stored::CommandResult> Apply(const std::vector<stored::Command>& commands) {
    auto results = ApplyTo(*store_, commands);
    EXPECT_TRUE(results.ok()) << results.status();
    return results.ok() ? *std::move(results) : std::vector<stored::CommandResult>(commands.size());
  }
  // Writes over a record behind the store's back.
  void Damage(ColumnFamily family, const std::string& key) {
    store_.reset();
    suppressd::Damage(options_, family, key);
    Open();
  }
  void DamageEntry(const std::string& address) {
    store_.reset();
    suppressd::DamageEntry(options_, address);
    Open();
  }
  bool Suppressed(const std::string& address) {
    const stored::Target target = TargetOf(address);
    Lookup found;
    EXPECT_TRUE(store_->reader().Get({"default", target.domain(), target.local_part()}, &found).ok());
    return found.address.has_value() && found.address->suppression().causes_size() > 0;
  }

  TempDirectory directory_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};

TEST_F(CommandBatchTest, DamagedEntryFailsOnlyItsOwnCommands) {
  Apply({HardBounce("bad@example.com", Day(0))});
  DamageEntry("bad@example.com");
  const auto results = Apply({HardBounce("a@example.com", Day(1)), HardBounce("bad@example.com", Day(1), "r:1"),
                              SuppressCommand("bad@example.com", v1::Cause::MANUAL, Day(1)),
                              ReactivateCommand("bad@example.com", Day(1)), HardBounce("b@example.com", Day(1))});
  EXPECT_EQ(results[0].error_reason(), "");
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(results[i].error_reason(), "INTERNAL_ERROR") << i;
  EXPECT_EQ(results[4].error_reason(), "");
  EXPECT_EQ(store_->head().head(), 3u) << "no revision for what failed";
  EXPECT_TRUE(Suppressed("a@example.com"));
  EXPECT_TRUE(Suppressed("b@example.com"));
  EXPECT_EQ(store_->reader().ListAudit({})->records.size(), 0u);
  EXPECT_EQ(Apply({HardBounce("bad@example.com", Day(2), "r:1")})[0].error_reason(), "INTERNAL_ERROR")
      << "the failure is not remembered as an answer";
}

TEST_F(CommandBatchTest, ReportOfSeveralRecipientsIsTakenAsAWholeOrNotAtAll) {
  Apply({HardBounce("bad@example.com", Day(0))});
  DamageEntry("bad@example.com");
  stored::Command command = HardBounce("good@example.com", Day(1));
  *command.mutable_report()->add_recipients() = HardBounce("bad@example.com", Day(1)).report().recipients(0);
  const auto results = Apply({command, HardBounce("other@example.com", Day(1))});
  EXPECT_EQ(results[0].error_reason(), "INTERNAL_ERROR");
  EXPECT_EQ(results[0].effects_size(), 0);
  EXPECT_EQ(results[1].error_reason(), "");
  EXPECT_FALSE(Suppressed("good@example.com"));
  EXPECT_TRUE(Suppressed("other@example.com"));
}

TEST_F(CommandBatchTest, DamagedDomainFailsTheReactivationThatMustTellOfIt) {
  Apply({HardBounce("jo@example.com", Day(0)), SuppressCommand("@example.com", v1::Cause::MANUAL, Day(0))});
  DamageEntry("@example.com");
  const auto results = Apply({ReactivateCommand("jo@example.com", Day(1)), HardBounce("al@example.com", Day(1))});
  EXPECT_EQ(results[0].error_reason(), "INTERNAL_ERROR");
  EXPECT_EQ(results[1].error_reason(), "");
}

TEST_F(CommandBatchTest, DamagedRequestRecordFailsOnlyTheRepeatOfThatRequest) {
  Apply({HardBounce("jo@example.com", Day(0), "r:1")});
  Damage(kRequests, RequestKey("default", "r:1"));
  const auto results =
      Apply({HardBounce("jo@example.com", Day(1), "r:1"), HardBounce("al@example.com", Day(1), "r:2")});
  EXPECT_EQ(results[0].error_reason(), "INTERNAL_ERROR");
  EXPECT_EQ(results[1].error_reason(), "");
  EXPECT_TRUE(Suppressed("al@example.com"));
}

// One event of a payload that came as this request.
stored::Command PayloadEvent(const std::string& address, const std::string& key, const std::string& request) {
  stored::Command command = HardBounce(address, Day(1), key);
  command.set_claim_key("r:" + request.substr(0, 1));
  command.set_claim_digest(request);
  return command;
}

TEST_F(CommandBatchTest, ARequestIdThatEventsClaimedIsRefusedToEveryOtherRequest) {
  Apply({PayloadEvent("a@example.com", "e:1", "U one"), PayloadEvent("b@example.com", "e:2", "U one")});
  for (int round = 0; round < 2; ++round) {
    const auto results =
        Apply({PayloadEvent("c@example.com", "e:3", "U two"), HardBounce("d@example.com", Day(1), "r:U"),
               PayloadEvent("a@example.com", "e:1", "U one"), PayloadEvent("e@example.com", "e:4", "V")});
    EXPECT_EQ(results[0].error_reason(), "REQUEST_ID_REUSED");
    EXPECT_EQ(results[1].error_reason(), "REQUEST_ID_REUSED");
    EXPECT_TRUE(results[2].duplicate());
    EXPECT_EQ(results[3].error_reason(), "");
    store_.reset();
    Open();
  }
  EXPECT_FALSE(Suppressed("c@example.com"));
  EXPECT_FALSE(Suppressed("d@example.com"));
}

TEST_F(CommandBatchTest, ARequestIdIsClaimedAlsoByEventsThatAllWereKnown) {
  Apply({HardBounce("a@example.com", Day(0), "e:1")});
  EXPECT_TRUE(Apply({PayloadEvent("a@example.com", "e:1", "U one")})[0].duplicate());
  store_.reset();
  Open();
  EXPECT_EQ(Apply({HardBounce("b@example.com", Day(1), "r:U")})[0].error_reason(), "REQUEST_ID_REUSED");
  EXPECT_EQ(store_->head().head(), 3u);
}

TEST_F(CommandBatchTest, AnIdOfARequestIsNotClaimedByOthersEvents) {
  Apply({HardBounce("a@example.com", Day(0), "r:U")});
  EXPECT_EQ(Apply({PayloadEvent("b@example.com", "e:1", "U one")})[0].error_reason(), "REQUEST_ID_REUSED");
}

}  // namespace
}  // namespace suppressd
