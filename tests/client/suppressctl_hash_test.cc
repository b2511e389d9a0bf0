#include <sys/stat.h>

#include <fstream>
#include <string>

#include "suppressctl_fixture.h"
#include "tests/testing/temp_directory.h"

namespace suppressd::suppressctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SuppressctlHashTest : public SuppressctlTest {
 protected:
  SuppressctlHashTest() {
    std::ofstream(key_) << "0123456789abcdef0123456789abcdef\n";
    chmod(key_.c_str(), 0600);
  }

  // Without any server.
  int Hash(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), "hash");
    arguments.insert(arguments.end(), {"--log_key_file", key_});
    return RunBare(arguments, input);
  }

  TempDirectory directory_;
  const std::string key_ = directory_ / "key";
};

TEST_F(SuppressctlHashTest, ATableNamesAddressHashAndKey) {
  ASSERT_EQ(Hash({"jo@example.com", "@Example.com"}), 0) << err_;
  EXPECT_EQ(out_,
            "ADDRESS         HASH              LOG_KEY_ID  ERROR\n"
            "jo@example.com  6dd2947535d86d27  35f5c9f3    -\n"
            "@Example.com    0a55dc61a717a02c  35f5c9f3    -\n");
}

TEST_F(SuppressctlHashTest, EverySpellingOfAMailboxHasOneHash) {
  for (const std::string spelling : {"JO@EXAMPLE.COM", "<jo@example.com>", "\"jo\"@example.com.", " jo@example.com"}) {
    ASSERT_EQ(Hash({spelling}), 0) << err_;
    EXPECT_THAT(out_, HasSubstr("6dd2947535d86d27")) << spelling;
  }
}

TEST_F(SuppressctlHashTest, JsonHasAnObjectForEachAddress) {
  ASSERT_EQ(Hash({"-o", "json", "a@b.example", "jo@example.com"}), 0) << err_;
  const google::protobuf::Struct json = Json();
  EXPECT_EQ(json.fields().at("logKeyId").string_value(), "35f5c9f3");
  const auto& results = json.fields().at("results").list_value();
  ASSERT_EQ(results.values_size(), 2);
  const auto& second = results.values(1).struct_value().fields();
  EXPECT_EQ(second.at("address").string_value(), "jo@example.com");
  EXPECT_EQ(second.at("addressHash").string_value(), "6dd2947535d86d27");
}

TEST_F(SuppressctlHashTest, AddressesComeFromStandardInput) {
  ASSERT_EQ(Hash({"-"}, "# ours\njo@example.com\n\n a@b.example \n"), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("6dd2947535d86d27"));
  EXPECT_THAT(out_, HasSubstr("a@b.example"));
  EXPECT_THAT(out_, Not(HasSubstr("ours")));
  ASSERT_EQ(Hash({"-o", "json", "-"}), 0) << err_;
  EXPECT_EQ(Json().fields().at("results").list_value().values_size(), 0);
}

TEST_F(SuppressctlHashTest, AnInvalidAddressFailsAndTheRestIsPrinted) {
  EXPECT_EQ(Hash({"nobody", "jo@example.com", "@", "@a..b"}), 2);
  EXPECT_THAT(out_, HasSubstr("INVALID_ADDRESS: "));
  EXPECT_THAT(out_, HasSubstr("INVALID_DOMAIN: "));
  EXPECT_THAT(out_, HasSubstr("6dd2947535d86d27"));
  EXPECT_EQ(Hash({"-o", "json", "nobody"}), 2);
  const auto row = Json().fields().at("results").list_value().values(0).struct_value();
  EXPECT_EQ(row.fields().at("error").struct_value().fields().at("reason").string_value(), "INVALID_ADDRESS");
  EXPECT_EQ(row.fields().count("addressHash"), 0u);
}

TEST_F(SuppressctlHashTest, WithoutAKeyThatMayBeUsedNothingIsPrinted) {
  EXPECT_EQ(RunBare({"hash", "jo@example.com"}), 2);
  EXPECT_THAT(err_, HasSubstr("--log_key_file"));
  EXPECT_EQ(RunBare({"hash", "jo@example.com", "--log_key_file", directory_ / "none"}), 2);
  EXPECT_THAT(err_, HasSubstr("cannot read log key file"));
  chmod(key_.c_str(), 0644);
  EXPECT_EQ(Hash({"jo@example.com"}), 2);
  EXPECT_THAT(err_, HasSubstr("by others"));
  EXPECT_EQ(out_, "");
}

TEST_F(SuppressctlHashTest, OtherFormatsAreRefused) {
  for (const std::string format : {"tsv", "jsonl"}) EXPECT_EQ(Hash({"-o", format, "jo@example.com"}), 2);
  EXPECT_EQ(out_, "");
}

}  // namespace
}  // namespace suppressd::suppressctl
