#include "tests/testing/memory_log.h"

#include <algorithm>
#include <utility>

#include "common/error.h"

namespace suppressd {
namespace {

absl::Status Unavailable(v1::ErrorReason reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kUnavailable, reason, message);
}

absl::Status ShuttingDown() {
  return Unavailable(v1::SHUTTING_DOWN, "the server is shutting down");
}

}  // namespace

std::unique_ptr<MemoryLogServer> MemoryLog::Connect() {
  absl::MutexLock lock(&mutex_);
  std::unique_ptr<MemoryLogServer> server(new MemoryLogServer(this, ++writers_));
  servers_.push_back(server.get());
  return server;
}

bool MemoryLog::Step() {
  using Work = MemoryLogServer::Work;
  std::vector<std::pair<MemoryLogServer*, Work>> choices;
  std::pair<MemoryLogServer*, Work> choice;
  {
    absl::MutexLock lock(&mutex_);
    for (MemoryLogServer* server : servers_) {
      server->AssertLocked();
      for (const Work work : {Work::kSend, Work::kDeliver, Work::kAnswer}) {
        if (server->CanDo(work, false)) choices.emplace_back(server, work);
      }
    }
    if (choices.empty() && late_.empty()) return false;
    if (choices.empty() || (!late_.empty() && Chance(4))) {
      AddLate();
      return true;
    }
    choice = choices[random_() % choices.size()];
  }
  return choice.first->Do(choice.second);
}

std::vector<LogRecord> MemoryLog::records() const {
  absl::MutexLock lock(&mutex_);
  return records_;
}

void MemoryLog::SetNow(int64_t micros) {
  absl::MutexLock lock(&mutex_);
  now_micros_ = std::max(now_micros_, micros);
}

void MemoryLog::Add(LogRecord record) {
  constexpr int64_t kTickMicros = 1'000;
  record.position = records_.size() + 1;
  record.appended_at_micros = now_micros_ += kTickMicros;
  records_.push_back(std::move(record));
}

void MemoryLog::AddLate() {
  const auto record = late_.begin() + static_cast<int64_t>(random_() % late_.size());
  Add(std::move(*record));
  late_.erase(record);
}

MemoryLogServer::~MemoryLogServer() {
  Close();
  absl::MutexLock lock(&log_->mutex_);
  auto& servers = log_->servers_;
  servers.erase(std::find(servers.begin(), servers.end(), this));
}

absl::Status MemoryLogServer::Start(LogApplier* applier) {
  if (absl::Status begun = applier->Begin(Identity()); !begun.ok()) return begun;
  absl::MutexLock lock(&log_->mutex_);
  applier_ = applier;
  position_ = applier->position();
  open_ = true;
  return absl::OkStatus();
}

void MemoryLogServer::Append(stored::Command command, Done done) {
  absl::Status refused;
  {
    absl::MutexLock lock(&log_->mutex_);
    if (!open_) {
      refused = ShuttingDown();
    } else if (!stopped_.ok()) {
      refused = stopped_;
    } else if (waiting_.size() + answers_.size() >= log_->options_.unanswered_max) {
      refused = Unavailable(v1::OVERLOADED, "the queue of writes is full");
    } else {
      LogRecord& record = unsent_.emplace_back();
      record.id = {writer_, ++numbers_};
      record.command = std::move(command);
      waiting_.emplace(numbers_, std::move(done));
    }
  }
  if (!refused.ok()) done(AppendResult::NotAppended(std::move(refused)));
}

void MemoryLogServer::Barrier(std::function<void(absl::Status)> done) {
  absl::Status refused;
  {
    absl::MutexLock lock(&log_->mutex_);
    refused = open_ ? stopped_ : ShuttingDown();
    if (refused.ok()) {
      barriers_.emplace(log_->records_.size(), std::move(done));
      ResolveBarriers();
    }
  }
  if (!refused.ok()) done(std::move(refused));
}

LogHealth MemoryLogServer::Health() const {
  absl::MutexLock lock(&log_->mutex_);
  LogHealth health;
  health.connected = open_ && stopped_.ok();
  health.behind = log_->records_.size() - position_;
  health.stopped = stopped_;
  health.position = position_;
  return health;
}

LogIdentity MemoryLogServer::Identity() const {
  return {.lineage = log_->options_.lineage, .timeline = log_->options_.timeline};
}

void MemoryLogServer::Close() {
  Answers answers;
  {
    absl::MutexLock lock(&log_->mutex_);
    if (!open_) return;
    SendSome();
    for (LogRecord& record : unsent_) Resolve(record.id.number, AppendResult::NotAppended(ShuttingDown()));
    unsent_.clear();
    while (CanDo(Work::kDeliver, false)) Apply();
    open_ = false;
    ResolveAll(ShuttingDown());
    answers.swap(answers_);
  }
  Tell(std::move(answers));
  applier_->WakeWaiting();
}

void MemoryLogServer::Crash() {
  const absl::Status why = Unavailable(v1::SHUTTING_DOWN, "the server is gone");
  Answers answers;
  {
    absl::MutexLock lock(&log_->mutex_);
    if (!open_) return;
    for (Ready& ready : answers_) {
      if (ready.result.applied()) ready.result = AppendResult::Unknown(why);  // the answer is lost on its way
    }
    SendSome();
    for (LogRecord& record : unsent_) {
      if (log_->Chance(2)) {
        Resolve(record.id.number, AppendResult::NotAppended(why));
      } else if (log_->Chance(2)) {
        log_->late_.push_back(std::move(record));
      }
    }
    unsent_.clear();
    open_ = false;
    ResolveAll(why);
    answers.swap(answers_);
  }
  Tell(std::move(answers));
}

bool MemoryLogServer::SendOne() {
  return Do(Work::kSend);
}

bool MemoryLogServer::Deliver() {
  return Do(Work::kDeliver);
}

bool MemoryLogServer::Answer() {
  return Do(Work::kAnswer);
}

void MemoryLogServer::HoldAppends(bool held) {
  absl::MutexLock lock(&log_->mutex_);
  appends_held_ = held;
}

void MemoryLogServer::HoldDeliveries(bool held) {
  absl::MutexLock lock(&log_->mutex_);
  deliveries_held_ = held;
}

bool MemoryLogServer::CanDo(Work work, bool although_held) const {
  if (!open_) return false;
  switch (work) {
    case Work::kSend:
      return !unsent_.empty() && (although_held || !appends_held_);
    case Work::kDeliver:
      return stopped_.ok() && position_ < log_->records_.size() && (although_held || !deliveries_held_);
    case Work::kAnswer:
      return !answers_.empty();
  }
  return false;
}

bool MemoryLogServer::Do(Work work) {
  Answers answers;
  {
    absl::MutexLock lock(&log_->mutex_);
    if (!CanDo(work, true)) return false;
    if (work == Work::kSend) Send();
    if (work == Work::kDeliver) Apply();
    if (work == Work::kAnswer) answers.swap(answers_);
  }
  if (work != Work::kAnswer) return true;
  Tell(std::move(answers));
  applier_->WakeWaiting();
  return true;
}

void MemoryLogServer::Send() {
  LogRecord record = std::move(unsent_.front());
  unsent_.pop_front();
  if (log_->Chance(log_->options_.refused_one_in)) {
    Resolve(record.id.number, AppendResult::NotAppended(Unavailable(v1::OVERLOADED, "the log took no more")));
  } else if (log_->Chance(log_->options_.late_one_in)) {
    log_->late_.push_back(std::move(record));
  } else {
    if (log_->Chance(log_->options_.repeated_one_in)) log_->late_.push_back(record);
    log_->Add(std::move(record));
  }
}

void MemoryLogServer::SendSome() {
  for (size_t count = log_->random_() % (unsent_.size() + 1); count > 0; --count) Send();
}

void MemoryLogServer::Apply() {
  const size_t behind = log_->records_.size() - position_;
  const size_t count = std::min(behind, 1 + log_->random_() % log_->options_.delivered_max);
  const auto records = absl::MakeConstSpan(log_->records_).subspan(position_, count);
  Applied applied = applier_->Apply(records);
  for (size_t i = 0; i < applied.results.size(); ++i) {
    if (records[i].id.writer == writer_) Settle(records[i].id.number, std::move(applied.results[i]));
  }
  position_ = applier_->position();
  ResolveBarriers();
  if (applied.stopped.ok()) return;
  stopped_ = applied.stopped;
  ResolveAll(stopped_);
}

void MemoryLogServer::Settle(uint64_t number, stored::CommandResult result) {
  while (!waiting_.empty() && waiting_.begin()->first < number) {
    Resolve(waiting_.begin()->first, AppendResult::NotAppended(Unavailable(v1::OVERLOADED, "the log did not take it")));
  }
  Resolve(number, AppendResult::Of(std::move(result)));
}

void MemoryLogServer::Resolve(uint64_t number, AppendResult result) {
  const auto found = waiting_.find(number);
  if (found == waiting_.end()) return;  // its caller has the answer: the record is in the log twice
  answers_.push_back({std::move(found->second), std::move(result), nullptr});
  waiting_.erase(found);
}

void MemoryLogServer::ResolveBarriers() {
  while (!barriers_.empty() && barriers_.begin()->first <= position_) ResolveBarrier(absl::OkStatus());
}

void MemoryLogServer::ResolveBarrier(absl::Status status) {
  answers_.push_back({nullptr, AppendResult::Unknown(std::move(status)), std::move(barriers_.begin()->second)});
  barriers_.erase(barriers_.begin());
}

void MemoryLogServer::ResolveAll(const absl::Status& why) {
  while (!waiting_.empty()) Resolve(waiting_.begin()->first, AppendResult::Unknown(why));
  while (!barriers_.empty()) ResolveBarrier(why);
}

void MemoryLogServer::Tell(Answers answers) {
  for (Ready& ready : answers) {
    if (ready.done != nullptr) {
      ready.done(std::move(ready.result));
    } else {
      ready.barrier(ready.result.status);
    }
  }
}

}  // namespace suppressd
