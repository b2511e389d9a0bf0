#include "server/base/log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "server/base/log_sink.h"
#include "server/bounces/rules/reply_text.h"
#include "server/bounces/rules/text_decoding.h"
#include "spdlog/async.h"
#include "spdlog/spdlog.h"

namespace suppressd {
namespace {

// Of each line for what is not an event or a value: time, level, the name of a field and the mark that it was cut.
constexpr size_t kFrameBytesMax = 256;
constexpr size_t kFieldsBytesMax = kLogLineBytesMax - kFrameBytesMax;
static_assert(kLogLineBytesMax <= kWriteBytesMax);

struct Output {
  std::shared_ptr<spdlog::details::thread_pool> queue;
  std::shared_ptr<LogSink> sink;
  std::shared_ptr<spdlog::async_logger> logger;
  std::atomic<int64_t> lines = 0;  // logged so far
};

Output* MakeOutput() {
  auto* const made = new Output;
  // The thread that writes takes no signals: the daemon waits for them, and SIGPIPE must not end it.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  made->queue = std::make_shared<spdlog::details::thread_pool>(kLogQueueLines, 1);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  made->sink = std::make_shared<LogSink>(
      STDERR_FILENO, [queue = made->queue.get()] { return static_cast<int64_t>(queue->overrun_counter()); });
  made->logger = std::make_shared<spdlog::async_logger>("suppressd", made->sink, made->queue,
                                                        spdlog::async_overflow_policy::overrun_oldest);
  made->logger->set_pattern("{\"time\":\"%Y-%m-%dT%H:%M:%S.%fZ\",\"level\":\"%l\",%v}", spdlog::pattern_time_type::utc);
  made->logger->set_error_handler([](const std::string&) {});  // spdlog's own prints, and may block
  return made;
}

// Never destroyed: that would join a thread which may wait for standard error forever.
Output& TheOutput() {
  static Output* const output = MakeOutput();
  return *output;
}

// The key of address hashes, made at its first use unless it was set.
struct KeyInUse {
  absl::Mutex mutex;
  std::shared_ptr<const LogKey> key ABSL_GUARDED_BY(mutex);

  std::shared_ptr<const LogKey> Get() {
    absl::MutexLock lock(&mutex);
    if (key == nullptr) key = std::make_shared<const LogKey>(LogKey::Random());
    return key;
  }
};

// Never destroyed: threads that log may outlive main.
KeyInUse& TheKey() {
  static KeyInUse* const in_use = new KeyInUse;
  return *in_use;
}

// Appends a JSON string. It must not hold control characters, quotes or backslashes (RFC 8259 section 7), nor anything
// but UTF-8. False when it was cut, at a character, for the line to stay within kFieldsBytesMax.
bool AppendJsonString(absl::string_view given, std::string* line) {
  const std::string text = ReplaceInvalidUtf8(given.substr(0, kFieldsBytesMax));
  line->push_back('"');
  size_t taken = 0;
  for (; taken < text.size(); ++taken) {
    const char c = text[taken];
    const size_t before = line->size();
    if (c == '"' || c == '\\') {
      absl::StrAppend(line, "\\", std::string(1, c));
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppend(line, "\\u", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad4));
    } else {
      line->push_back(c);
    }
    if (line->size() <= kFieldsBytesMax) continue;
    line->resize(before);
    break;
  }
  const size_t whole = Utf8Prefix(text, taken).size();
  line->resize(line->size() - (taken - whole));  // the bytes of a long character are not escaped
  line->push_back('"');
  return whole == text.size();  // never when more was given, since the line is longer than the string
}

void Write(spdlog::level::level_enum level, absl::string_view event, std::initializer_list<LogField> fields) {
  Output& output = TheOutput();
  if (!output.logger->should_log(level)) return;
  std::string line = "\"event\":";
  bool whole = AppendJsonString(event, &line);
  for (const auto& [name, value] : fields) {
    if (!whole) break;
    absl::StrAppend(&line, ",\"", name, "\":");
    whole = AppendJsonString(value, &line);
  }
  if (!whole) absl::StrAppend(&line, ",\"truncated\":\"true\"");
  ++output.lines;
  output.logger->log(level, spdlog::string_view_t(line));
}

// Below errors, gRPC's lines follow single calls (GRPC_VERBOSITY, GRPC_TRACE), with texts of callers in them.
void WriteGrpcLine(gpr_log_func_args* arguments) {
  if (arguments->severity < GPR_LOG_SEVERITY_ERROR) return;
  Write(spdlog::level::debug, "grpc", {{"message", arguments->message}});
}

void WriteProtobufLine(google::protobuf::LogLevel, const char*, int, const std::string& message) {
  Write(spdlog::level::debug, "protobuf", {{"message", message}});
}

}  // namespace

void LogInfo(absl::string_view event, std::initializer_list<LogField> fields) {
  Write(spdlog::level::info, event, fields);
}
void LogWarning(absl::string_view event, std::initializer_list<LogField> fields) {
  Write(spdlog::level::warn, event, fields);
}
void LogError(absl::string_view event, std::initializer_list<LogField> fields) {
  Write(spdlog::level::err, event, fields);
}

bool SetLogLevel(const std::string& level) {
  gpr_set_log_function(WriteGrpcLine);
  google::protobuf::SetLogHandler(WriteProtobufLine);
  if (level != "debug" && level != "info" && level != "warning" && level != "error") return false;
  TheOutput().logger->set_level(spdlog::level::from_str(level));
  return true;
}

int64_t DroppedLogLines() {
  return TheOutput().sink->dropped();
}

bool FlushLog(absl::Duration timeout) {
  Output& output = TheOutput();
  return output.sink->AwaitHandled(output.lines, timeout);
}

void PrintError(absl::string_view sentence) {
  // Where the log stands still, standard error will not take this either.
  const absl::Duration wait_max = FlushLog(kLogFlushMax) ? kLogFlushMax : absl::ZeroDuration();
  WriteWhenTaken(STDERR_FILENO, absl::StrCat("suppressd: ", sentence, "\n"), wait_max);
}

void SetLogKey(LogKey key) {
  KeyInUse& in_use = TheKey();
  absl::MutexLock lock(&in_use.mutex);
  in_use.key = std::make_shared<const LogKey>(std::move(key));
}

std::string AddressHash(absl::string_view address) {
  return TheKey().Get()->Hash(address);
}

std::string LogKeyId() {
  return TheKey().Get()->id();
}

}  // namespace suppressd
