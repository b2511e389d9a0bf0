#include "storage/revision_token.h"

#include <gtest/gtest.h>

#include "common/error.h"

namespace suppressd {
namespace {

TEST(RevisionTokenTest, RoundTrips) {
  const std::string text = EncodeToken({.lineage = 0xfedcba9876543210, .revision = 42});
  EXPECT_EQ(text.size(), 28u);
  const auto token = DecodeToken(text, 0xfedcba9876543210, "at_least");
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->revision, 42u);
}

TEST(RevisionTokenTest, AnyChangedCharacterIsNoticed) {
  const std::string text = EncodeToken({.lineage = 7, .revision = 42});
  for (size_t i = 0; i < text.size(); ++i) {
    std::string garbled = text;
    garbled[i] = garbled[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(ReasonOf(DecodeToken(garbled, 7, "at_least").status()), v1::INVALID_TOKEN) << i;
  }
}

TEST(RevisionTokenTest, OtherLineageIsRefused) {
  const auto token = DecodeToken(EncodeToken({.lineage = 7, .revision = 42}), 8, "at_least");
  EXPECT_EQ(token.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(token.status()), v1::LINEAGE_MISMATCH);
  EXPECT_EQ(ErrorMetadata(token.status(), "field"), "at_least");
}

TEST(RevisionTokenTest, WhatIsNoTokenIsRefused) {
  for (const std::string text : {"", "x", "????????????????????????????", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    EXPECT_EQ(ReasonOf(DecodeToken(text, 7, "at_least").status()), v1::INVALID_TOKEN) << text;
  }
}

}  // namespace
}  // namespace suppressd
