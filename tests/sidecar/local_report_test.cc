#include "server/sidecar/local_report.h"

#include <gtest/gtest.h>

#include "storage/store.h"
#include "tests/testing/commands.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

const absl::Time kNow = absl::FromUnixMicros(Day(10));

v1::ReportBounceRequest Reply(const std::string& recipient, int code, const std::string& text) {
  v1::ReportBounceRequest request;
  request.mutable_smtp_reply()->set_recipient(recipient);
  request.mutable_smtp_reply()->set_code(code);
  request.mutable_smtp_reply()->set_text(text);
  return request;
}

class LocalReportTest : public ::testing::Test {
 protected:
  // A replica with these entries.
  void Hold(std::vector<v1::Suppression> suppressions) {
    StoreOptions options;
    options.path = directory_ / "replica";
    replica_ = *ReplicaStore::Open(options, 7);
    std::vector<stored::StoredEntry> entries;
    for (v1::Suppression& suppression : suppressions) {
      stored::StoredEntry& entry = entries.emplace_back();
      *entry.mutable_suppression() = std::move(suppression);
      entry.set_revision(1);
    }
    ASSERT_TRUE(replica_->writer().Load(entries).ok());
    ASSERT_TRUE(replica_->writer().FinishLoad(1, Day(0)).ok());
  }

  v1::ReportBounceResponse Answer(const v1::ReportBounceRequest& request) {
    outbox_.Clear();
    v1::ReportBounceResponse response;
    const auto plan = PlanReport(request, kNow, **Classifier::BuiltIn(), *Policy::BuiltIn());
    EXPECT_TRUE(plan.ok()) << plan.status();
    EXPECT_TRUE(
        AnswerLocally(*plan, replica_ == nullptr ? nullptr : &replica_->reader(), blocks_, kNow, &response, &outbox_)
            .ok());
    return response;
  }

  TempDirectory directory_;
  std::unique_ptr<ReplicaStore> replica_;
  LocalBlocks blocks_;
  stored::OutboxReport outbox_;
};

v1::Suppression Listed(const std::string& address, v1::Cause::State state) {
  v1::Suppression suppression;
  suppression.set_tenant("default");
  suppression.set_address(address);
  v1::Cause* cause = suppression.add_causes();
  cause->set_type(v1::Cause::HARD_BOUNCE);
  cause->set_reason(v1::ADDRESS_NOT_FOUND);
  cause->set_state(state);
  *cause->mutable_last_event_at() = FromMicros(Day(1));
  if (state == v1::Cause::REACTIVATED) *cause->mutable_reactivation()->mutable_reactivated_at() = FromMicros(Day(5));
  return suppression;
}

TEST_F(LocalReportTest, AHardBounceOfAnUnknownAddressBlocksIt) {
  const v1::ReportBounceResponse response = Answer(Reply("Jo@Example.com", 550, "5.1.1 no such user here"));
  EXPECT_EQ(response.durability(), v1::ReportBounceResponse::AT_SIDECAR);
  ASSERT_EQ(response.outcomes_size(), 1);
  EXPECT_EQ(response.outcomes(0).address(), "jo@example.com");
  EXPECT_EQ(response.outcomes(0).effect(), v1::BounceEvent::SUPPRESSED);
  EXPECT_TRUE(response.revision_token().empty());
  ASSERT_EQ(outbox_.blocks_size(), 1);
  EXPECT_EQ(outbox_.blocks(0).local_part(), "jo");
  EXPECT_EQ(outbox_.blocks(0).cause().type(), v1::Cause::HARD_BOUNCE);
}

TEST_F(LocalReportTest, WhatIsSuppressedAlreadyIsBlockedAllTheSame) {
  Hold({Listed("jo@example.com", v1::Cause::ACTIVE)});
  EXPECT_EQ(Answer(Reply("jo@example.com", 550, "5.1.1 no such user here")).outcomes(0).effect(),
            v1::BounceEvent::ALREADY_SUPPRESSED);
  EXPECT_EQ(outbox_.blocks_size(), 1) << "the replica may be behind a reactivation";
}

TEST_F(LocalReportTest, ABounceOfMailSentBeforeAReactivationBlocksNothing) {
  Hold({Listed("jo@example.com", v1::Cause::REACTIVATED)});
  v1::ReportBounceRequest late = Reply("jo@example.com", 550, "5.1.1 no such user here");
  *late.mutable_mail_sent_at() = FromMicros(Day(4));
  EXPECT_EQ(Answer(late).outcomes(0).effect(), v1::BounceEvent::OUTDATED);
  EXPECT_EQ(outbox_.blocks_size(), 0);
  *late.mutable_mail_sent_at() = FromMicros(Day(6));
  EXPECT_EQ(Answer(late).outcomes(0).effect(), v1::BounceEvent::SUPPRESSED);
  EXPECT_EQ(outbox_.blocks_size(), 1);
}

TEST_F(LocalReportTest, SoftBouncesAreCountedAndSenderSideOnesRecorded) {
  EXPECT_EQ(Answer(Reply("jo@example.com", 451, "4.3.0 try again later")).outcomes(0).effect(),
            v1::BounceEvent::COUNTED);
  EXPECT_EQ(Answer(Reply("jo@example.com", 550,
                         "5.7.26 unauthenticated email is not accepted due to the domain's "
                         "DMARC policy"))
                .outcomes(0)
                .effect(),
            v1::BounceEvent::RECORDED);
  EXPECT_EQ(outbox_.blocks_size(), 0);
}

TEST_F(LocalReportTest, AnAddressBlockedByAnEarlierReportIsSuppressedAlready) {
  Answer(Reply("jo@example.com", 550, "5.1.1 no such user here"));
  blocks_.Add(1, outbox_.blocks());
  EXPECT_EQ(Answer(Reply("jo@example.com", 550, "5.1.1 no such user here")).outcomes(0).effect(),
            v1::BounceEvent::ALREADY_SUPPRESSED);
  EXPECT_EQ(outbox_.blocks_size(), 1);
}

}  // namespace
}  // namespace suppressd
