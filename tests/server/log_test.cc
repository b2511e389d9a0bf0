#include "server/base/log.h"

#include <gmock/gmock.h>
#include <grpc/support/log.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/testing/test_pipe.h"

namespace suppressd {
namespace {

constexpr absl::Duration kWaitMax = absl::Minutes(1);  // only a test that hangs takes that long

// Standard error of this process is a pipe while this lives.
class LogTest : public ::testing::Test {
 protected:
  LogTest() : before_(dup(STDERR_FILENO)) {
    SetLogLevel("info");
    dup2(pipe_.writer(), STDERR_FILENO);
  }
  ~LogTest() override {
    dup2(before_, STDERR_FILENO);
    close(before_);
    FlushLog(kWaitMax);
    SetLogLevel("error");  // as other tests want it
  }
  // The next line, as an object; null when it is none.
  nlohmann::json ReadJson() { return nlohmann::json::parse(pipe_.ReadLine(), nullptr, false); }

  TestPipe pipe_;

 private:
  const int before_;
};

TEST_F(LogTest, ALineIsAJsonObjectWhateverItsValuesHold) {
  LogWarning("odd", {{"value", "a\"b\\c\n\x01 \xC3\xA9 \xFF"}, {"empty", ""}});
  const nlohmann::json line = ReadJson();
  EXPECT_EQ(line.value("level", ""), "warning");
  EXPECT_EQ(line.value("event", ""), "odd");
  EXPECT_EQ(line.value("value", ""), "a\"b\\c\n\x01 \xC3\xA9 ?");
  EXPECT_FALSE(line.contains("truncated"));
}

TEST_F(LogTest, ALongLineIsCutAtACharacterAndSaysSo) {
  for (size_t shift = 0; shift < 6; ++shift) {
    for (const std::string repeated : {"\xE2\x82\xAC", "\n", "x", "\x80"}) {
      std::string value(shift, 'x');
      while (value.size() < 100'000) value += repeated;
      LogInfo("long", {{"value", value}, {"after", "is left out"}});
      const std::string text = pipe_.ReadLine();
      EXPECT_LT(text.size(), kLogLineBytesMax);
      EXPECT_GT(text.size(), kLogLineBytesMax - 512);
      const nlohmann::json line = nlohmann::json::parse(text, nullptr, false);
      ASSERT_TRUE(line.is_object()) << text;
      EXPECT_EQ(line.value("truncated", ""), "true");
    }
  }
}

TEST_F(LogTest, ALineAsLongAsItMayBeIsNotCut) {
  size_t longest = 0;
  for (size_t size = kLogLineBytesMax - 512; size < kLogLineBytesMax; ++size) {
    LogInfo("long", {{"value", std::string(size, 'x')}});
    const nlohmann::json line = ReadJson();
    const size_t kept = line.value("value", "").size();
    EXPECT_EQ(line.contains("truncated"), kept < size);
    if (kept == size) longest = size;
  }
  EXPECT_GT(longest, kLogLineBytesMax - 512);
}

TEST_F(LogTest, LinesOfOneThreadStayInOrder) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([thread] {
      for (int i = 0; i < 1000; ++i) LogInfo("line", {{"of", std::to_string(thread)}, {"n", std::to_string(i)}});
    });
  }
  int next[4] = {};
  for (int i = 0; i < 4000; ++i) {
    const nlohmann::json line = ReadJson();
    ASSERT_TRUE(line.is_object());
    EXPECT_EQ(std::stoi(line.value("n", "-1")), next[std::stoi(line.value("of", "0"))]++);
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(LogTest, FlushingWaitsForEverythingThatWasLoggedBefore) {
  LogInfo("first");
  LogInfo("second");
  EXPECT_TRUE(FlushLog(kWaitMax));
  pipe_.CloseWriter();  // standard error is one more writer
  dup2(STDOUT_FILENO, STDERR_FILENO);
  EXPECT_EQ(ReadJson().value("event", ""), "first");
  EXPECT_EQ(ReadJson().value("event", ""), "second");
  EXPECT_EQ(pipe_.ReadLine(), "");
}

TEST_F(LogTest, WhyTheProcessEndsStandsBehindWhatWasLogged) {
  for (int i = 0; i < 100; ++i) LogInfo("line");
  PrintError("no room");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(ReadJson().value("event", ""), "line");
  EXPECT_EQ(pipe_.ReadLine(), "suppressd: no room");
}

TEST_F(LogTest, WhereNobodyReadsLoggingFlushingAndTheLastWordEndAllTheSame) {
  const size_t filled = pipe_.Fill();
  constexpr int64_t kLines = kLogQueueLines + 100;
  for (int64_t i = 0; i < kLines; ++i) LogInfo("line", {{"n", std::to_string(i)}});
  EXPECT_FALSE(FlushLog(absl::Milliseconds(1)));
  PrintError("nobody hears this");

  for (size_t read = 0; read < filled;) read += pipe_.ReadLine().size() + 1;
  int64_t written = 0, dropped = 0, newest = -1;
  while (newest + 1 < kLines) {
    const nlohmann::json line = ReadJson();
    ASSERT_TRUE(line.is_object());
    if (line.value("event", "") == "log_lines_dropped") {
      EXPECT_EQ(line.value("level", ""), "warning");
      dropped += std::stoll(line.value("count", "0"));
      continue;
    }
    const int64_t number = std::stoll(line.value("n", "-1"));
    EXPECT_GT(number, newest) << "out of order";
    newest = number;
    ++written;
  }
  EXPECT_EQ(written, int64_t{kLogQueueLines} + 1) << "those in the queue, and the one that waited to be written";
  EXPECT_EQ(written + dropped, kLines);
}

TEST_F(LogTest, OfGrpcOnlyErrorsAreWritten) {
  SetLogLevel("debug");
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_DEBUG);
  gpr_log(GPR_DEBUG, "health of %s", "jo@example.com");
  gpr_log(GPR_INFO, "health of %s", "jo@example.com");
  gpr_log(GPR_ERROR, "out of %s", "ports");
  gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR);
  const nlohmann::json line = ReadJson();
  EXPECT_EQ(line.value("level", ""), "debug");
  EXPECT_EQ(line.value("message", ""), "out of ports");
}

TEST(LogKeyTest, HashesComeFromTheKeyThatIsSet) {
  EXPECT_EQ(AddressHash("jo@example.com"), AddressHash("jo@example.com")) << "under the key that was made";
  absl::StatusOr<LogKey> key = LogKey::FromContent("key", "0123456789abcdef0123456789abcdef");
  ASSERT_TRUE(key.ok()) << key.status();
  SetLogKey(*key);
  EXPECT_EQ(AddressHash("jo@example.com"), "6dd2947535d86d27");
  EXPECT_EQ(LogKeyId(), key->id());
}

TEST_F(LogTest, LinesBelowTheLevelAreLeftOut) {
  SetLogLevel("warning");
  LogInfo("quiet");
  LogWarning("loud");
  EXPECT_EQ(ReadJson().value("event", ""), "loud");
}

}  // namespace
}  // namespace suppressd
