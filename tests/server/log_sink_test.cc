#include "server/base/log_sink.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "spdlog/async.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/test_pipe.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;

constexpr absl::Duration kWaitMax = absl::Minutes(1);  // only a test that hangs takes that long
constexpr char kPattern[] = "{\"level\":\"%l\",%v}";

std::string Dropped(int lines) {
  return "{\"level\":\"warning\",\"event\":\"log_lines_dropped\",\"count\":\"" + std::to_string(lines) + "\"}";
}

std::string Line(int number) {
  return "{\"level\":\"info\",\"n\":\"" + std::to_string(number) + "\"}";
}

std::string ContentOf(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// A sink without a queue: lines are written by the test itself.
class DirectSink {
 public:
  explicit DirectSink(int fd) : sink_(fd, [] { return 0; }) { sink_.set_pattern(kPattern); }
  void Write(int number) {
    const std::string text = "\"n\":\"" + std::to_string(number) + "\"";
    sink_.log({"test", spdlog::level::info, text});
  }

 private:
  LogSink sink_;
};

// A sink behind the queue of an asynchronous logger.
class QueuedSink {
 public:
  QueuedSink(int fd, size_t lines_max) {
    queue_ = std::make_shared<spdlog::details::thread_pool>(lines_max, 1);
    sink_ = std::make_shared<LogSink>(
        fd, [queue = queue_.get()] { return static_cast<int64_t>(queue->overrun_counter()); });
    logger_ =
        std::make_shared<spdlog::async_logger>("test", sink_, queue_, spdlog::async_overflow_policy::overrun_oldest);
    logger_->set_pattern(kPattern);
  }
  ~QueuedSink() { queue_.reset(); }  // joins the thread while there is what it works with
  void Log(int number) { logger_->info("\"n\":\"{}\"", number); }
  void AwaitTaken() {
    while (queue_->queue_size() > 0) std::this_thread::yield();
  }
  LogSink& sink() { return *sink_; }

 private:
  std::shared_ptr<spdlog::details::thread_pool> queue_;
  std::shared_ptr<LogSink> sink_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

TEST(LogSinkTest, AFullPipeCostsTheOldestLinesAndTheReaderLearnsHowMany) {
  TestPipe pipe;
  QueuedSink queued(pipe.writer(), 4);
  const size_t filled = pipe.Fill();
  queued.Log(0);
  queued.AwaitTaken();  // the writer holds it
  for (int i = 1; i < 10; ++i) queued.Log(i);
  EXPECT_FALSE(queued.sink().AwaitHandled(10, absl::Milliseconds(1))) << "the pipe is full";

  for (size_t read = 0; read < filled;) read += pipe.ReadLine().size() + 1;
  // The writer looks for drops when it takes a line, which may be before or amid the nine that came then.
  int dropped = 0;
  std::vector<std::string> lines;
  while (lines.size() < 5) {
    std::string line = pipe.ReadLine();
    ASSERT_NE(line, "");
    const nlohmann::json fields = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(fields.is_object()) << line;
    if (fields.value("event", "") == "log_lines_dropped") {
      dropped += std::stoi(fields.value("count", "0"));
    } else {
      lines.push_back(std::move(line));
    }
  }
  EXPECT_THAT(lines, ElementsAre(Line(0), Line(6), Line(7), Line(8), Line(9)));
  EXPECT_EQ(dropped, 5);
  EXPECT_TRUE(queued.sink().AwaitHandled(10, kWaitMax));
  queued.Log(10);
  EXPECT_EQ(pipe.ReadLine(), Line(10)) << "what was told is not told again";
}

TEST(LogSinkTest, LinesThatADescriptorRefusesAreCountedAndToldOnceItTakesSomeAgain) {
  TempDirectory directory;
  const int full = open("/dev/full", O_WRONLY);
  const int fd = dup(full);
  DirectSink sink(fd);
  sink.Write(1);
  sink.Write(2);
  const int file = creat((directory / "log").c_str(), 0600);
  dup2(file, fd);
  sink.Write(3);
  dup2(full, fd);
  sink.Write(4);
  dup2(file, fd);
  sink.Write(5);
  EXPECT_EQ(ContentOf(directory / "log"), Dropped(2) + "\n" + Line(3) + "\n" + Dropped(1) + "\n" + Line(5) + "\n");
  for (const int opened : {full, fd, file}) close(opened);
}

TEST(LogSinkTest, AReaderThatWentAwayEndsNothing) {
  signal(SIGPIPE, SIG_IGN);
  TestPipe pipe;
  pipe.CloseReader();
  QueuedSink queued(pipe.writer(), 4);
  for (int i = 0; i < 100; ++i) queued.Log(i);
  EXPECT_TRUE(queued.sink().AwaitHandled(100, kWaitMax));
}

TEST(LogSinkTest, AfterHalfALineTheNextBeginsOnALineOfItsOwn) {
  TempDirectory directory;
  TestPipe pipe;
  const int file = creat((directory / "log").c_str(), 0600);
  DirectSink sink(file);
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  getrlimit(RLIMIT_FSIZE, &before);
  rlimit limited = before;
  limited.rlim_cur = Line(1).size() + 1 + 10;
  setrlimit(RLIMIT_FSIZE, &limited);
  for (int i = 1; i < 4; ++i) sink.Write(i);
  setrlimit(RLIMIT_FSIZE, &before);
  sink.Write(4);
  EXPECT_EQ(ContentOf(directory / "log"),
            Line(1) + "\n" + Line(2).substr(0, 10) + "\n" + Dropped(2) + "\n" + Line(4) + "\n");
  close(file);
}

TEST(LogSinkTest, WritingGivesUpWhenNothingIsTakenInTime) {
  TestPipe pipe;
  pipe.Fill();
  EXPECT_EQ(WriteWhenTaken(pipe.writer(), "late", absl::Milliseconds(1)), 0U);
  const int closed = dup(pipe.writer());
  close(closed);
  EXPECT_EQ(WriteWhenTaken(closed, "nowhere", absl::InfiniteDuration()), 0U);
}

TEST(LogSinkTest, ALongTextIsWrittenWholeWhileSomebodyReads) {
  TestPipe pipe;
  const std::string text = std::string(200'000, 'y');
  std::thread writer(
      [&] { EXPECT_EQ(WriteWhenTaken(pipe.writer(), text + "\n", absl::InfiniteDuration()), text.size() + 1); });
  EXPECT_EQ(pipe.ReadLine(), text);
  writer.join();
}

}  // namespace
}  // namespace suppressd
