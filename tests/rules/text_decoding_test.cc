#include "server/bounces/rules/text_decoding.h"

#include <gtest/gtest.h>
#include <unistr.h>

namespace suppressd {
namespace {

TEST(DecodeTextTest, Utf8StaysAsItIs) {
  for (const std::string text :
       {"", "550 no such user", "550 Postfach existiert nicht: j\xC3\xB6rg", "\xF0\x9F\x93\xAD"}) {
    EXPECT_EQ(DecodeText(text), text);
  }
}

TEST(DecodeTextTest, AnythingElseIsWindows1252) {
  EXPECT_EQ(DecodeText("Empf\xE4nger gel\xF6scht"), "Empf\xC3\xA4nger gel\xC3\xB6scht");
  EXPECT_EQ(DecodeText("\x80 \x93quoted\x94"), "\xE2\x82\xAC \xE2\x80\x9Cquoted\xE2\x80\x9D");
}

TEST(DecodeTextTest, OneStrayByteMakesTheWholeTextWindows1252) {
  EXPECT_EQ(DecodeText("\xC3\xA4 \xFF"), "\xC3\x83\xC2\xA4 \xC3\xBF");
}

TEST(DecodeTextTest, EveryByteGivesValidUtf8) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  const std::string text = DecodeText(bytes);
  EXPECT_EQ(u8_check(reinterpret_cast<const uint8_t*>(text.data()), text.size()), nullptr);
  EXPECT_EQ(u8_mbsnlen(reinterpret_cast<const uint8_t*>(text.data()), text.size()), 256u);
}

TEST(ReplaceInvalidUtf8Test, WhatIsInvalidBecomesQuestionMarks) {
  EXPECT_EQ(ReplaceInvalidUtf8("a\xC3\xB6\xFF\xC3z"), "a\xC3\xB6??z");
  EXPECT_TRUE(IsValidUtf8("\xC3\xB6"));
  EXPECT_FALSE(IsValidUtf8("\xC3"));
}

}  // namespace
}  // namespace suppressd
