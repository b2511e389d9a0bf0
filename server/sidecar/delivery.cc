#include "server/sidecar/delivery.h"

#include <algorithm>
#include <memory>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "common/error.h"
#include "common/from_grpc.h"
#include "server/base/log.h"
#include "server/rpc/await_revision.h"

namespace suppressd {
namespace {

constexpr int64_t kReadBytesMax = 8 << 20;
constexpr absl::Duration kReportTimeout = absl::Seconds(10);
// How often the server may fail with a report in ways that may pass (INTERNAL, say) before it is put aside.
constexpr int kRefusalsMax = 20;

// The upstream is another sidecar, or no server that takes reports: an operator has to put that right, and no report is
// lost meanwhile.
bool IsWrongServer(const absl::Status& status) {
  return ReasonOf(status) == v1::NOT_SERVED_HERE || absl::IsUnimplemented(status);
}

// An answer that no repeat will change.
bool IsFinal(const absl::Status& status) {
  // A server that is older than this sidecar may be upgraded within the tries it is given.
  if (IsWrongServer(status) || ReasonOf(status) == v1::UNKNOWN_FIELD) return false;
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kOutOfRange:
      return true;
    default:
      return ReasonOf(status) == v1::MESSAGE_TOO_LARGE;
  }
}

std::string RefusalName(const absl::Status& status) {
  const v1::ErrorReason reason = ReasonOf(status);
  return reason == v1::ERROR_REASON_UNSPECIFIED ? absl::StatusCodeToString(status.code()) : ReasonName(reason);
}

}  // namespace

Delivery::Delivery(Outbox* outbox, Upstream* upstream, Replica* replica, LocalBlocks* blocks, DeliveryOptions options)
    : outbox_(outbox),
      upstream_(upstream),
      replica_(replica),
      blocks_(blocks),
      options_(std::move(options)),
      backoff_(options_.backoff, options_.random) {
  const std::shared_ptr<ReplicaView> view = replica_->view();
  const uint64_t served_lineage = view == nullptr ? 0 : view->store->lineage();
  absl::MutexLock lock(&mutex_);
  for (const auto& [number, state] : options_.delivered) delivered_[number] = {state, served_lineage};
}

Delivery::~Delivery() {
  Stop();
}

void Delivery::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Delivery::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  woken_.Notify();
  if (thread_.joinable()) thread_.join();
  through_.GiveUp();
}

void Delivery::Kick() {
  absl::MutexLock lock(&mutex_);
  kicked_ = true;
  woken_.Notify();
}

void Delivery::NoteAdded() {
  absl::MutexLock lock(&mutex_);
  added_ = true;
}

void Delivery::Run() {
  while (true) {
    const absl::StatusOr<bool> delivered = [this] {
      const Heartbeat::Work work(&beat_);
      return DeliverSome();
    }();
    absl::Duration wait;
    if (delivered.ok()) {
      backoff_.Reset();
    } else {
      wait = backoff_.Next(RetryDelay(delivered.status()));
      LogWarning("delivery_failed",
                 {{"why", std::string(delivered.status().message())}, {"retry_in", absl::FormatDuration(wait)}});
    }
    absl::MutexLock lock(&mutex_);
    if (!delivered.ok()) {
      woken_.AwaitFor(&mutex_, wait, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return IsKicked(); });
    } else if (!*delivered) {
      mutex_.Await(absl::Condition(this, &Delivery::HasWork));
    }
    if (stopping_) return;
    kicked_ = added_ = false;
  }
}

absl::StatusOr<bool> Delivery::DeliverSome() {
  const uint64_t newest = outbox_->summary().newest;
  absl::StatusOr<Reports> reports = outbox_->Read(through_.head(), kDeliveriesMax * 4, kReadBytesMax);
  if (!reports.ok()) return reports.status();
  const bool read_any = !reports->empty();
  const uint64_t last_read = read_any ? reports->back().first : newest;
  {
    absl::MutexLock lock(&mutex_);
    const auto is_delivered = [this](const auto& report)
                                  ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return delivered_.contains(report.first); };
    reports->erase(std::remove_if(reports->begin(), reports->end(), is_delivered), reports->end());
  }
  // Not further than was read: behind what was delivered before there may be more.
  const uint64_t through = reports->empty() ? last_read : reports->front().first - 1;
  if (through > through_.head()) through_.Advance(through);
  if (reports->empty()) return read_any;
  reports->resize(Together(*reports));
  std::vector<v1::DeliverReportResponse> responses(reports->size());
  const std::vector<absl::Status> statuses = Send(*reports, &responses);
  absl::Status failed;
  for (size_t i = 0; i < reports->size(); ++i) {
    const absl::Status settled =
        Settle((*reports)[i].first, (*reports)[i].second, statuses[i], responses[i].response());
    if (!settled.ok() && failed.ok()) failed = settled;
  }
  ReplicaAdvanced();
  if (!failed.ok()) return failed;
  return true;
}

size_t Delivery::Together(const Reports& reports) {
  absl::flat_hash_set<std::string> addresses;
  size_t count = 0;
  for (const auto& [number, report] : reports) {
    if (count == kDeliveriesMax) break;
    // Only what suppresses has blocks; a mail or payload without them may be about anybody, and goes alone.
    const v1::ReportBounceRequest& request = report.delivery().report();
    std::vector<std::string> named;
    if (request.has_smtp_reply()) named.push_back(request.smtp_reply().recipient());
    if (request.has_complaint()) named.push_back(request.complaint().recipient());
    if (named.empty()) return std::max<size_t>(count, 1);
    for (const stored::LocalBlock& block : report.blocks()) {
      named.push_back(EntryName{block.tenant(), block.domain(), block.local_part()}.Address());
    }
    for (std::string& name : named) name = absl::StrCat(request.tenant(), " ", absl::AsciiStrToLower(name));
    for (const std::string& name : named) {
      if (addresses.contains(name)) return count;
    }
    addresses.insert(named.begin(), named.end());
    ++count;
  }
  return count;
}

std::vector<absl::Status> Delivery::Send(const Reports& reports, std::vector<v1::DeliverReportResponse>* responses) {
  std::vector<absl::Status> statuses(reports.size());
  absl::BlockingCounter answered(static_cast<int>(reports.size()));
  for (size_t i = 0; i < reports.size(); ++i) {
    upstream_->Pass(&Upstream::List::async_interface::DeliverReport, &reports[i].second.delivery(), &(*responses)[i],
                    absl::Now() + kReportTimeout, [&statuses, &answered, i](const absl::Status& status) {
                      statuses[i] = status;
                      answered.DecrementCount();
                    });
  }
  answered.Wait();
  return statuses;
}

absl::Status Delivery::Settle(uint64_t number, const stored::OutboxReport& report, const absl::Status& status,
                              const v1::ReportBounceResponse& response) {
  if (status.ok()) {
    Delivered delivered;
    if (const auto state = DecodeToken(response.revision_token(), "revision_token"); state.ok())
      delivered.state = *state;
    if (const auto view = replica_->view(); view != nullptr) delivered.served_lineage = view->store->lineage();
    // Before a write that waits for this is passed on: a check that demands that write must not meet the block.
    blocks_->Delivered(number, delivered.state);
    outbox_->NoteDelivered(number, response.revision_token())
        .IgnoreError();  // else it is delivered once more after a restart
    absl::MutexLock lock(&mutex_);
    delivered_[number] = delivered;
    return absl::OkStatus();
  }
  if (!IsFinal(status)) {
    refusals_ = refused_ == number ? refusals_ + 1 : 1;
    refused_ = number;
    if (!IsAnswer(status) || IsWrongServer(status) || refusals_ < kRefusalsMax) return status;
  }
  return PutAside(number, report, status);
}

absl::Status Delivery::PutAside(uint64_t number, const stored::OutboxReport& report, const absl::Status& status) {
  // What a report without blocks is about, this program has not decided.
  if (report.blocks().empty()) {
    LogError("report_refused", {{"number", std::to_string(number)}, {"why", RefusalName(status)}});
  } else {
    const stored::LocalBlock& block = report.blocks(0);
    const std::string address = EntryName{block.tenant(), block.domain(), block.local_part()}.Address();
    LogError("report_refused", {{"number", std::to_string(number)},
                                {"why", RefusalName(status)},
                                {"address_hash", AddressHash(address)},
                                {"log_key_id", LogKeyId()}});
  }
  absl::Status put_aside = outbox_->Refuse(number, RefusalName(status));
  if (put_aside.ok()) blocks_->Remove({number});
  return put_aside;
}

void Delivery::ReplicaAdvanced() {
  const std::shared_ptr<ReplicaView> view = replica_->view();
  if (view == nullptr) return;
  const RevisionToken state = view->state();
  std::vector<uint64_t> held;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [number, delivered] : delivered_) {
      if (IsSettled(delivered.state, delivered.served_lineage, state)) held.push_back(number);
    }
  }
  if (held.empty() || !outbox_->Remove(held).ok()) return;
  blocks_->Remove(held);
  absl::MutexLock lock(&mutex_);
  for (const uint64_t number : held) delivered_.erase(number);
}

int64_t Delivery::waiting() const {
  absl::MutexLock lock(&mutex_);
  return outbox_->summary().reports - static_cast<int64_t>(delivered_.size());
}

uint64_t Delivery::Oldest() const {
  absl::MutexLock lock(&mutex_);
  return outbox_->OldestBut([this](uint64_t known)
                                ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return delivered_.contains(known); });
}

int64_t Delivery::oldest_micros() const {
  const uint64_t number = Oldest();
  return number == 0 ? 0 : outbox_->TakenAt(number);
}

void Delivery::AwaitDelivered(absl::Time deadline, std::function<void(bool delivered)> then) {
  if (idle()) return then(true);
  Kick();
  AwaitHead(&through_, outbox_->summary().newest, deadline, std::move(then));
}

void Delivery::Flush(absl::Time deadline) {
  const auto done = std::make_shared<absl::Notification>();
  AwaitDelivered(deadline, [done](bool) { done->Notify(); });
  done->WaitForNotification();
}

}  // namespace suppressd
