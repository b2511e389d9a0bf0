#include "server/sidecar/local_blocks.h"

#include <gtest/gtest.h>

namespace suppression {
namespace {

constexpr EntryName kJo{"default", "example.com", "jo"};

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
  ASSERT_EQ(blocks.Find(kJo).size(), 1U);
  EXPECT_EQ(blocks.Find(kJo)[0].reason(), v1::ADDRESS_NOT_FOUND);
  EXPECT_TRUE(blocks.Find({"other", "example.com", "jo"}).empty());
}

TEST(LocalBlocksTest, TheSameCauseTwiceIsShownOnceAndStaysUntilBothAreGone) {
  LocalBlocks blocks;
  blocks.Add(1, BlocksOf("jo", v1::MAILBOX_FULL));
  blocks.Add(2, BlocksOf("jo", v1::MAILBOX_FULL));
  blocks.Add(3, BlocksOf("jo", v1::MAILBOX_INACTIVE));
  EXPECT_EQ(blocks.Find(kJo).size(), 2U);
  blocks.Remove({1, 3});
  ASSERT_EQ(blocks.Find(kJo).size(), 1U);
  EXPECT_EQ(blocks.Find(kJo)[0].reason(), v1::MAILBOX_FULL);
  blocks.Remove({2, 2, 77});
  EXPECT_TRUE(blocks.Find(kJo).empty());
  EXPECT_TRUE(blocks.empty());
}

}  // namespace
}  // namespace suppression
