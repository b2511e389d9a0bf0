// A commit log in memory that several servers share, for tests: it delays, repeats and interleaves their appends, and
// lets a server crash at any point. Nothing happens by itself: a test calls Step, or the single steps, and the seed
// alone decides what a Step does, so that a run can be repeated.
//
//   MemoryLog log({.seed = seed});
//   std::unique_ptr<MemoryLogServer> a = log.Connect(), b = log.Connect();
//   a->Start(&store_a->applier());  b->Start(&store_b->applier());
//   a->Append(command, done);
//   log.StepAll();
//
// It promises what the seam promises (storage/log/commit_log.h), and no more.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "storage/log/commit_log.h"

namespace suppressd {

class MemoryLogServer;

struct MemoryLogOptions {
  uint64_t seed = 1;
  // One of so many appends, 0 for none, ...
  int repeated_one_in = 8;  // is in the log twice, the second time later: a producer repeated it
  int late_one_in = 8;      // comes late, mostly behind later appends of its server
  int refused_one_in = 16;  // is refused
  // Most appends of one server that are not answered; the next one is refused with OVERLOADED.
  size_t unanswered_max = 64;
  // Most records that one step delivers.
  size_t delivered_max = 8;
  // Not zero.
  uint64_t lineage = 77;
  uint64_t timeline = 5;
  // The log's clock as it begins, in microseconds since 1970; each record moves it on by a millisecond.
  int64_t now_micros = 0;
};

// What all servers share. Thread-safe; must outlive its servers.
class MemoryLog {
 public:
  explicit MemoryLog(const MemoryLogOptions& options)
      : options_(options), random_(options.seed), now_micros_(options.now_micros) {}
  MemoryLog(const MemoryLog&) = delete;
  MemoryLog& operator=(const MemoryLog&) = delete;

  // One run of one server, to be started.
  std::unique_ptr<MemoryLogServer> Connect();
  // One step of all that can happen now: an append or a late record comes into the log, a server applies some records,
  // a server answers. Callers are answered on this thread, which may append again; one thread steps at a time. False:
  // nothing is left to do.
  bool Step();
  // Steps until nothing is left to do.
  void StepAll() {
    while (Step()) continue;
  }
  // Sets the log's clock, in microseconds since 1970, which never goes back.
  void SetNow(int64_t micros);
  // A copy of all that is in the log.
  std::vector<LogRecord> records() const;

 private:
  friend class MemoryLogServer;

  bool Chance(int one_in) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return one_in > 0 && random_() % one_in == 0; }
  void Add(LogRecord record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A late record comes in.
  void AddLate() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const MemoryLogOptions options_;
  mutable absl::Mutex mutex_;
  std::mt19937_64 random_ ABSL_GUARDED_BY(mutex_);
  int64_t now_micros_ ABSL_GUARDED_BY(mutex_);
  std::vector<LogRecord> records_ ABSL_GUARDED_BY(mutex_);
  std::vector<LogRecord> late_ ABSL_GUARDED_BY(mutex_);  // sent, and not in the log yet
  std::vector<MemoryLogServer*> servers_ ABSL_GUARDED_BY(mutex_);
  uint64_t writers_ ABSL_GUARDED_BY(mutex_) = 0;
};

// What one run of one server sees of the log. Thread-safe, but for the steps: one thread at a time.
class MemoryLogServer final : public CommitLog {
 public:
  ~MemoryLogServer() override;

  absl::Status Start(LogApplier* applier) override;
  void Append(stored::Command command, Done done) override;
  // Waits for what is in the log when it is called, and not for appends of this server that are still on their way.
  void Barrier(std::function<void(absl::Status)> done) override;
  LogHealth Health() const override;
  LogIdentity Identity() const override;
  // Of what is not in the log yet, the first so many come in, the rest is refused or, late, unknown: the seed decides.
  void Close() override;
  // The server ends here and now: what it did not answer is unknown or, if it was never sent, not appended; the seed
  // decides how much of it still comes into the log, and when. Its store may be opened again, for another server.
  void Crash();

  // Single steps. False: there was nothing to do.
  bool SendOne();  // the oldest append is in the log, refused or late
  bool Deliver();  // the next records are applied
  bool Answer();   // those who wait for what was applied are answered
  // While held, Step does not do these for this server.
  void HoldAppends(bool held);
  void HoldDeliveries(bool held);

 private:
  friend class MemoryLog;
  enum class Work { kSend, kDeliver, kAnswer };
  // What a caller is to be told: of an append, or of a barrier (without `done`).
  struct Ready {
    Done done;
    AppendResult result;
    std::function<void(absl::Status)> barrier;
  };
  using Answers = std::deque<Ready>;

  MemoryLogServer(MemoryLog* log, uint64_t writer) : log_(log), writer_(writer) {}
  void AssertLocked() const ABSL_ASSERT_EXCLUSIVE_LOCK(log_->mutex_) { log_->mutex_.AssertHeld(); }
  bool CanDo(Work work, bool although_held) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(log_->mutex_);
  bool Do(Work work);
  void Send() ABSL_EXCLUSIVE_LOCKS_REQUIRED(log_->mutex_);
  void Apply() ABSL_EXCLUSIVE_LOCKS_REQUIRED(log_->mutex_);
  // A record of this run was applied: its caller gets the result, and those who appended before it learn that theirs
  // are not in the log.
  void Settle(uint64_t number, stored::CommandResult result) ABSL_EXCLUSIVE_LOCKS_REQUIRED(log_->mutex_);
  void Resolve(uint64_t number, AppendResult result) ABSL_EXCLUSIVE_LOCKS_REQUIRED(log_->mutex_);
  void ResolveBarriers() ABSL_EXCLUSIVE_LOCKS_REQUIRED(log_->mutex_);
  void ResolveBarrier(absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(log_->mutex_);
  // Sends the first so many of the appends on their way: the seed decides.
  void SendSome() ABSL_EXCLUSIVE_LOCKS_REQUIRED(log_->mutex_);
  // Nothing more is applied or appended: appends and barriers without an outcome get this one.
  void ResolveAll(const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(log_->mutex_);
  static void Tell(Answers answers);

  MemoryLog* const log_;
  const uint64_t writer_;
  LogApplier* applier_ = nullptr;
  bool open_ ABSL_GUARDED_BY(log_->mutex_) = false;
  bool appends_held_ ABSL_GUARDED_BY(log_->mutex_) = false;
  bool deliveries_held_ ABSL_GUARDED_BY(log_->mutex_) = false;
  uint64_t position_ ABSL_GUARDED_BY(log_->mutex_) = 0;
  absl::Status stopped_ ABSL_GUARDED_BY(log_->mutex_);
  uint64_t numbers_ ABSL_GUARDED_BY(log_->mutex_) = 0;
  std::deque<LogRecord> unsent_ ABSL_GUARDED_BY(log_->mutex_);
  std::map<uint64_t, Done> waiting_ ABSL_GUARDED_BY(log_->mutex_);  // by number, until their outcome is known
  Answers answers_ ABSL_GUARDED_BY(log_->mutex_);
  // By the position that they wait for.
  std::multimap<uint64_t, std::function<void(absl::Status)>> barriers_ ABSL_GUARDED_BY(log_->mutex_);
};

}  // namespace suppressd
