// suppressd whose standard error takes nothing: a pipe that nobody reads, a pipe that nobody can read any more, a full
// disk. Writes and checks go on, SIGTERM ends it in time, and a reader that comes late learns what it missed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "suppressd/v1/suppression_service.grpc.pb.h"
#include "tests/testing/server_process.h"
#include "tests/testing/temp_directory.h"
#include "tests/testing/test_pipe.h"

namespace suppressd {
namespace {

using std::chrono::seconds;

constexpr int kCalls = 2'000;
constexpr seconds kCallMax{20};  // only a call that hangs takes that long
constexpr seconds kDrain{10};
constexpr seconds kEndMax{20};

class StuckLogTest : public ::testing::Test {
 protected:
  void Start(const ProcessSettings& settings, const std::string& log_level = "info") {
    server_ = std::make_unique<ServerProcess>(
        directory_ / "port",
        std::vector<std::string>{"--data_dir=" + (directory_ / "data"), "--log_level=" + log_level,
                                 "--listen_address=unix:" + (directory_ / "socket"),
                                 absl::StrCat("--drain_timeout_seconds=", kDrain.count())},
        "serve", settings);
    ASSERT_TRUE(server_->started());
    stub_ =
        v1::SuppressionService::NewStub(grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials()));
  }

  void Suppress(const std::string& address, const std::string& tenant = "") {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallMax);
    v1::SuppressRequest request;
    v1::SuppressResponse response;
    request.set_address(address);
    request.set_tenant(tenant);
    request.set_note("test");
    const grpc::Status status = stub_->Suppress(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  void ExpectSuppressed(const std::string& address) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallMax);
    v1::IsSuppressedRequest request;
    v1::IsSuppressedResponse response;
    request.set_address(address);
    const grpc::Status status = stub_->IsSuppressed(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_TRUE(response.suppressed()) << address;
  }

  // Each write logs a line, and some 450 lines fill a pipe.
  void WriteAndCheck() {
    for (int i = 0; i < kCalls; ++i) {
      const std::string address = absl::StrCat("a", i, "@example.com");
      ASSERT_NO_FATAL_FAILURE(Suppress(address)) << "call " << i;
      ASSERT_NO_FATAL_FAILURE(ExpectSuppressed(address)) << "call " << i;
    }
  }

  // The queue and a pipe hold some 8,700 lines.
  void SuppressMoreThanTheLogHolds() {
    constexpr int kCallers = 8;
    constexpr int kCallsEach = 1'300;
    std::vector<std::thread> callers;
    for (int caller = 0; caller < kCallers; ++caller) {
      callers.emplace_back([this, caller] {
        for (int i = 0; i < kCallsEach; ++i) Suppress(absl::StrCat("a", caller, ".", i, "@example.com"));
      });
    }
    for (std::thread& caller : callers) caller.join();
  }

  void ExpectServiceAndOrderlyEnd(int stderr_fd) {
    ASSERT_NO_FATAL_FAILURE(Start({.stderr_fd = stderr_fd}));
    ASSERT_NO_FATAL_FAILURE(WriteAndCheck());
    EXPECT_EQ(server_->EndWithin(SIGTERM, kEndMax), 0);
  }

  TempDirectory directory_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<v1::SuppressionService::Stub> stub_;
};

TEST_F(StuckLogTest, APipeThatNobodyReadsStopsNothing) {
  TestPipe log;
  ExpectServiceAndOrderlyEnd(log.writer());
}

TEST_F(StuckLogTest, APipeThatWasFullBeforeTheStartStopsNothing) {
  TestPipe log;
  log.Fill();
  ExpectServiceAndOrderlyEnd(log.writer());
}

TEST_F(StuckLogTest, APipeWhoseReaderIsGoneStopsNothing) {
  TestPipe log;
  log.CloseReader();
  ExpectServiceAndOrderlyEnd(log.writer());
}

TEST_F(StuckLogTest, AFullDiskUnderTheLogStopsNothing) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  ExpectServiceAndOrderlyEnd(full);
  close(full);
}

TEST_F(StuckLogTest, WhatCannotStartEndsAlsoWhereNobodyReadsWhy) {
  TestPipe log;
  log.Fill();
  const ServerProcess refused(directory_ / "port", {"--data_dir=/dev/null/nowhere"}, "serve",
                              {.stderr_fd = log.writer()});
  EXPECT_FALSE(refused.started());
  EXPECT_EQ(refused.exit_code(), 1);
  const ServerProcess mistaken(directory_ / "port", {"--nonsense"}, "serve", {.stderr_fd = log.writer()});
  EXPECT_FALSE(mistaken.started());
  EXPECT_EQ(mistaken.exit_code(), 2);
}

TEST_F(StuckLogTest, AReaderThatComesLateLearnsHowManyLinesItMissedAndReadsOn) {
  TestPipe log;
  ASSERT_NO_FATAL_FAILURE(Start({.stderr_fd = log.writer()}));
  SuppressMoreThanTheLogHolds();

  int64_t dropped = 0;
  while (dropped == 0) {
    const std::string text = log.ReadLine();
    const auto line = nlohmann::json::parse(text, nullptr, false);
    ASSERT_TRUE(line.is_object()) << text;
    if (line.value("event", "") != "log_lines_dropped") continue;
    EXPECT_EQ(line.value("level", ""), "warning");
    dropped = std::stoll(line.value("count", "0"));
  }
  ASSERT_NO_FATAL_FAILURE(Suppress("later@example.com", "later"));
  std::string tenant;
  while (tenant != "later") {
    const std::string text = log.ReadLine();
    const auto line = nlohmann::json::parse(text, nullptr, false);
    ASSERT_TRUE(line.is_object()) << text;
    tenant = line.value("tenant", "");
  }
  log.CloseReader();
  EXPECT_EQ(server_->EndWithin(SIGTERM, kEndMax), 0);
}

}  // namespace
}  // namespace suppressd
