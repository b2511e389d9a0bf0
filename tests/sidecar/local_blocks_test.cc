#include "server/sidecar/local_blocks.h"

#include <gtest/gtest.h>

namespace suppressd {
namespace {

constexpr EntryName kJo{"default", "example.com", "jo"};
constexpr RevisionToken kReplica{7, 10};

google::protobuf::RepeatedPtrField<stored::LocalBlock> BlocksOf(const std::string& local_part,
                                                                v1::BounceReason reason) {
  google::protobuf::RepeatedPtrField<stored::LocalBlock> blocks;
  stored::LocalBlock* block = blocks.Add();
  block->set_tenant("default");
  block->set_domain("example.com");
  block->set_local_part(local_part);
  block->mutable_cause()->set_type(v1::Cause::HARD_BOUNCE);
  block->mutable_cause()->set_reason(reason);
  return blocks;
}

TEST(LocalBlocksTest, HoldWhatReportsSuppress) {
  LocalBlocks blocks;
  EXPECT_TRUE(blocks.empty());
  blocks.Add(1, BlocksOf("jo", v1::ADDRESS_NOT_FOUND));
  blocks.Add(2, BlocksOf("ann", v1::ADDRESS_NOT_FOUND));
  ASSERT_EQ(blocks.Find(kJo, kReplica).size(), 1U);
  EXPECT_EQ(blocks.Find(kJo, kReplica)[0].cause.reason(), v1::ADDRESS_NOT_FOUND);
  EXPECT_TRUE(blocks.Find({"other", "example.com", "jo"}, kReplica).empty());
}

TEST(LocalBlocksTest, TheSameCauseTwiceIsShownOnceAndStaysUntilBothAreGone) {
  LocalBlocks blocks;
  blocks.Add(1, BlocksOf("jo", v1::MAILBOX_FULL));
  blocks.Add(2, BlocksOf("jo", v1::MAILBOX_FULL));
  blocks.Add(3, BlocksOf("jo", v1::MAILBOX_INACTIVE));
  EXPECT_EQ(blocks.Find(kJo, kReplica).size(), 2U);
  blocks.Remove({1, 3});
  ASSERT_EQ(blocks.Find(kJo, kReplica).size(), 1U);
  EXPECT_EQ(blocks.Find(kJo, kReplica)[0].cause.reason(), v1::MAILBOX_FULL);
  blocks.Remove({2, 2, 77});
  EXPECT_TRUE(blocks.Find(kJo, kReplica).empty());
  EXPECT_TRUE(blocks.empty());
}

TEST(LocalBlocksTest, AReplicaThatHasReachedTheDeliveryKnowsBetter) {
  LocalBlocks blocks;
  blocks.Add(1, BlocksOf("jo", v1::MAILBOX_FULL));
  blocks.Delivered(1, {7, 10});
  EXPECT_EQ(blocks.Find(kJo, {7, 9}).size(), 1U);
  EXPECT_EQ(blocks.Find(kJo, {7, 10}).size(), 0U);
  EXPECT_EQ(blocks.Find(kJo, {8, 99}).size(), 1U) << "of other data";
  EXPECT_FALSE(blocks.empty());
  blocks.Add(2, BlocksOf("ann", v1::MAILBOX_FULL), {7, 10});
  EXPECT_EQ(blocks.Find({"default", "example.com", "ann"}, {7, 11}).size(), 0U);
}

}  // namespace
}  // namespace suppressd
