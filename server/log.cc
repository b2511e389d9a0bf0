#include "server/log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <memory>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace suppression {
namespace {

std::shared_ptr<spdlog::logger> Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("suppressd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("{\"time\":\"%Y-%m-%dT%H:%M:%S.%fZ\",\"level\":\"%l\",%v}", spdlog::pattern_time_type::utc);
    return made;
  }();
  return logger;
}

// JSON strings must not hold control characters, quotes or backslashes (RFC 8259 section 7).
std::string JsonString(absl::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      absl::StrAppend(&json, "\\", std::string(1, c));
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppend(&json, "\\u", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad4));
    } else {
      json.push_back(c);
    }
  }
  return json + "\"";
}

void Write(spdlog::level::level_enum level, absl::string_view event, std::initializer_list<LogField> fields) {
  std::string line = absl::StrCat("\"event\":", JsonString(event));
  for (const auto& [name, value] : fields) absl::StrAppend(&line, ",", JsonString(name), ":", JsonString(value));
  Logger()->log(level, "{}", line);
}

void WriteGrpcLine(gpr_log_func_args* arguments) {
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
  Logger()->set_level(spdlog::level::from_str(level));
  Logger()->flush_on(spdlog::level::debug);
  return true;
}

std::string AddressHash(absl::string_view address) {
  static const std::array<unsigned char, 32> key = [] {
    std::array<unsigned char, 32> made{};
    RAND_bytes(made.data(), static_cast<int>(made.size()));
    return made;
  }();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(address.data()),
       address.size(), digest.data(), &size);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), 8));
}

}  // namespace suppression
