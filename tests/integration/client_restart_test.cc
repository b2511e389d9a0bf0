// The client while the server behind its Unix socket is restarted.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "suppressd/client.h"
#include "tests/testing/test_server.h"

namespace suppressd {
namespace {

// Ends a loop that goes on while something else happens.
class UntilDone {
 public:
  ~UntilDone() { Join(); }

  // Runs `step` again and again, on a thread of its own, and counts.
  template <typename Step>
  void Repeat(Step step) {
    threads_.emplace_back([this, step] {
      while (!done_) {
        step();
        ++steps_;
      }
    });
  }
  int steps() const { return steps_; }
  // Waits until there were so many more.
  void Await(int more) const {
    for (const int wanted = steps_ + more; steps_ < wanted;) std::this_thread::yield();
  }
  void Join() {
    done_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::atomic<bool> done_{false};
  std::atomic<int> steps_{0};
  std::vector<std::thread> threads_;
};

TEST(ClientRestartTest, NoCallFailsWhileTheServerIsRestarted) {
  TestServer server;
  ClientOptions options;  // the retries of the defaults, and time for a slow machine
  options.target = server.address();
  options.deadline = absl::Seconds(30);
  options.retry.max_attempts = 20;
  const absl::StatusOr<Client> client = Client::Create(options);
  ASSERT_TRUE(client.ok()) << client.status();
  std::atomic<int> failed{0};
  std::atomic<int> reported{0};
  UntilDone calls;
  const auto count = [&](const absl::Status& status) {
    if (!status.ok() && failed++ == 0) ADD_FAILURE() << status;
  };
  for (int i = 0; i < 2; ++i) calls.Repeat([&] { count(client->IsSuppressed("ada@example.com").status()); });
  calls.Repeat([&] {
    ReportRequest report;
    SmtpReply reply;
    reply.recipient = "bounce" + std::to_string(reported) + "@example.com";
    reply.text = "550 5.1.1 User unknown";
    report.report = reply;
    const absl::StatusOr<ReportResult> result = client->ReportBounce(report);
    count(result.status());
    if (result.ok()) ++reported;
  });
  for (int i = 0; i < 3; ++i) {
    calls.Await(50);
    server.Restart();
  }
  calls.Await(50);
  calls.Join();
  EXPECT_EQ(failed, 0);
  // Nothing that was acknowledged is lost.
  for (int i = 0; i < reported;) {
    BatchRequest batch;
    for (; i < reported && batch.addresses.size() < 10'000; ++i) {
      batch.addresses.push_back("bounce" + std::to_string(i) + "@example.com");
    }
    const absl::StatusOr<BatchResult> result = client->BatchIsSuppressed(batch);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->items.size(), batch.addresses.size());
  }
}

TEST(ClientRestartTest, ACallBegunWhileTheServerIsAwayIsAnsweredWhenItIsBack) {
  TestServer server;
  ClientOptions options;
  options.target = server.address();
  options.deadline = absl::Seconds(30);
  options.retry.max_attempts = 20;
  const absl::StatusOr<Client> client = Client::Create(options);
  ASSERT_TRUE(client.ok()) << client.status();
  ASSERT_TRUE(client->IsSuppressed("ada@example.com").ok());
  server.Stop();
  absl::Status status = absl::UnknownError("not called");
  std::atomic<bool> begun{false};
  std::thread caller([&] {
    begun = true;
    status = client->IsSuppressed("ada@example.com").status();
  });
  while (!begun) std::this_thread::yield();
  server.Start();
  caller.join();
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace
}  // namespace suppressd
