// The rules change while reports come in: no call notices, but for its verdict.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "tests/testing/test_server.h"

namespace suppressd {
namespace {

constexpr int kCallers = 4;
constexpr int kSwaps = 20;
// So many calls end between two swaps at least: one that was in flight for each caller, and one that was not.
constexpr int kCallsPerSwap = 2 * kCallers;
constexpr absl::Duration kWaitMax = absl::Seconds(120);

void WriteRules(const std::string& path, const std::string& rule) {
  std::ofstream(path) << "recipient:\n  - {id: " << rule
                      << ", match: plugh, class: SOFT, reason: MAILBOX_FULL, examples: [550 plugh]}\n";
}

// What callers on threads of their own were answered.
class Callers {
 public:
  explicit Callers(TestServer* server) {
    for (int i = 0; i < kCallers; ++i) {
      threads_.emplace_back([this, server, i] { Run(server, i); });
    }
  }
  ~Callers() { Stop(); }

  // Waits until `count` more calls have ended. False: they did not.
  bool AwaitMore(int count) {
    absl::MutexLock lock(&mutex_);
    const int goal = ended_ + count;
    const auto reached = [&] { return ended_ >= goal; };
    return mutex_.AwaitWithTimeout(absl::Condition(&reached), kWaitMax);
  }
  void Stop() {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  // After Stop. Rule to the versions that it was named with.
  std::map<std::string, std::map<std::string, int>> verdicts;
  std::vector<std::string> failures;

 private:
  void Run(TestServer* server, int caller) {
    for (int call = 0;; ++call) {
      grpc::ClientContext context;
      v1::ReportBounceRequest request;
      v1::ReportBounceResponse response;
      request.mutable_smtp_reply()->set_recipient(absl::StrCat("c", caller, ".", call, "@example.com"));
      request.mutable_smtp_reply()->set_text("550 plugh");
      const grpc::Status status = server->stub().ReportBounce(&context, request, &response);
      absl::MutexLock lock(&mutex_);
      ++ended_;
      if (!status.ok()) {
        failures.push_back(status.error_message());
      } else {
        const v1::Verdict& verdict = response.outcomes(0).verdict();
        ++verdicts[verdict.rule_id()][verdict.rule_set_version()];
      }
      if (stopping_) return;
    }
  }

  absl::Mutex mutex_;
  int ended_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

TEST(RulesReload, NoCallFailsWhileTheRulesAreSwapped) {
  TempDirectory directory;
  const std::string path = directory / "rules.yaml";
  WriteRules(path, "mine.even");
  TestServer server({}, {}, path);
  const std::string even_version = server.rules().classifier()->version();
  std::string odd_version;
  Callers callers(&server);
  for (int swap = 1; swap <= kSwaps; ++swap) {
    WriteRules(path, swap % 2 == 0 ? "mine.even" : "mine.odd");
    const RuleBook::Reloaded reloaded = server.rules().Reload();
    ASSERT_TRUE(reloaded.rules.ok()) << reloaded.rules;
    if (swap == 1) odd_version = server.rules().classifier()->version();
    ASSERT_TRUE(callers.AwaitMore(kCallsPerSwap)) << "after swap " << swap;
  }
  callers.Stop();
  EXPECT_TRUE(callers.failures.empty()) << callers.failures.front();
  EXPECT_NE(even_version, odd_version);
  ASSERT_EQ(callers.verdicts.size(), 2u);
  ASSERT_EQ(callers.verdicts["mine.even"].size(), 1u) << "a verdict is of one rule set";
  ASSERT_EQ(callers.verdicts["mine.odd"].size(), 1u);
  EXPECT_EQ(callers.verdicts["mine.even"].begin()->first, even_version);
  EXPECT_EQ(callers.verdicts["mine.odd"].begin()->first, odd_version);
}

}  // namespace
}  // namespace suppressd
