#include "server/sidecar/replica.h"

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/error.h"
#include "server/base/log.h"
#include "storage/small_file.h"

namespace suppressd {
namespace {

namespace fs = std::filesystem;

constexpr char kCurrent[] = "CURRENT";
constexpr char kPrefix[] = "replica-";
// A snapshot is loaded only where this much more than the size of the replica that is served is free.
constexpr uintmax_t kRoomMarginBytes = 64 << 20;

// What CURRENT says.
struct Current {
  std::string name;
  std::string tenants;  // joined by spaces
  std::optional<absl::Time> complete_at;
  SteadyTime complete_since_boot;  // the same, by the clock of the machine's run named `boot`
  std::string boot;

  // When it was complete, by the clock of this run of the machine.
  std::optional<SteadyTime> CompleteAt(absl::Time now) const {
    if (!boot.empty() && boot == BootId()) return complete_since_boot;
    if (!complete_at.has_value()) return std::nullopt;
    return SteadyNow() - std::max(absl::ZeroDuration(), now - *complete_at);
  }
};

// Nothing when the text is none of ours.
std::optional<Current> ParseCurrent(const std::string& text) {
  Current current;
  std::istringstream lines(text);
  std::string line;
  bool has_tenants = false;
  while (std::getline(lines, line)) {
    absl::string_view rest = line;
    int64_t micros = 0;
    if (absl::ConsumePrefix(&rest, "replica ")) {
      current.name = std::string(rest);
    } else if (absl::ConsumePrefix(&rest, "tenants")) {
      has_tenants = true;
      current.tenants = std::string(absl::StripPrefix(rest, " "));
    } else if (absl::ConsumePrefix(&rest, "complete_at_micros ") && absl::SimpleAtoi(rest, &micros)) {
      current.complete_at = absl::FromUnixMicros(micros);
    } else if (absl::ConsumePrefix(&rest, "boot ")) {
      current.boot = std::string(rest);
    } else if (absl::ConsumePrefix(&rest, "complete_since_boot_micros ") && absl::SimpleAtoi(rest, &micros)) {
      current.complete_since_boot = {absl::Microseconds(micros)};
    } else {
      return std::nullopt;
    }
  }
  const bool is_name = current.name.rfind(kPrefix, 0) == 0 && current.name.find('/') == std::string::npos;
  return is_name && has_tenants ? std::optional<Current>(current) : std::nullopt;
}

uintmax_t SizeOf(const std::string& path) {
  uintmax_t size = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    std::error_code no_file;
    const uintmax_t bytes = it->file_size(no_file);
    if (!no_file) size += bytes;
  }
  return size;
}

void RemoveAll(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) LogWarning("replica_not_removed", {{"path", path}, {"error", error.message()}});
}

}  // namespace

ReplicaView::ReplicaView(std::unique_ptr<ReplicaStore> opened, std::string directory, const ReplicaOptions& options)
    : path(std::move(directory)),
      store(std::move(opened)),
      reads(store == nullptr ? nullptr : &store->reader(), options.clock),
      watches(store == nullptr ? nullptr : &store->reader(), options.watches_max) {}

absl::StatusOr<std::unique_ptr<Replica>> Replica::Open(const ReplicaOptions& options) {
  std::unique_ptr<Replica> replica(new Replica(options));
  const auto text = ReadCheckedFile(absl::StrCat(options.path, "/", kCurrent));
  if (!text.ok() && !absl::IsDataLoss(text.status())) return text.status();
  std::optional<Current> current;
  if (!text.ok() || text->has_value()) {
    if (text.ok()) current = ParseCurrent(**text);
    if (!current.has_value()) {
      return absl::DataLossError(absl::StrCat(options.path, "/CURRENT is damaged; remove it to take a new snapshot"));
    }
  }
  if (current.has_value() && current->tenants != absl::StrJoin(options.tenants, " ")) {
    LogWarning("replica_given_up", {{"why", "it is of other lists than --tenants names"}});
    current.reset();
  }
  if (current.has_value()) {
    auto view = replica->OpenStore(current->name, 0);
    const bool unusable = absl::IsDataLoss(view.status()) || absl::IsFailedPrecondition(view.status());
    if (!view.ok() && !unusable) return view.status();
    if (view.ok()) {
      absl::MutexLock lock(&replica->mutex_);
      replica->view_ = *std::move(view);
      replica->complete_at_ = current->CompleteAt(options.clock());
    } else {
      // It can always be taken again from the server.
      LogWarning("replica_given_up", {{"why", std::string(view.status().message())}});
      current.reset();
    }
  }
  std::error_code error;
  for (const auto& item : fs::directory_iterator(options.path, error)) {
    const std::string name = item.path().filename();
    int number = 0;
    if (name.rfind(kPrefix, 0) != 0 || !absl::SimpleAtoi(name.substr(sizeof(kPrefix) - 1), &number)) continue;
    replica->next_ = std::max(replica->next_, number + 1);
    if (!current.has_value() || name != current->name) RemoveAll(item.path());
  }
  return replica;
}

Replica::~Replica() = default;

std::shared_ptr<ReplicaView> Replica::view() const {
  absl::ReaderMutexLock lock(&mutex_);
  return view_;
}

absl::StatusOr<std::shared_ptr<ReplicaView>> Replica::OpenStore(const std::string& name, uint64_t source_lineage) {
  StoreOptions store_options = options_.store;
  store_options.path = absl::StrCat(options_.path, "/", name);
  absl::StatusOr<std::unique_ptr<ReplicaStore>> store = ReplicaStore::Open(store_options, source_lineage);
  if (!store.ok()) return store.status();
  return std::make_shared<ReplicaView>(*std::move(store), store_options.path, options_);
}

absl::StatusOr<std::shared_ptr<ReplicaView>> Replica::Begin(uint64_t lineage) {
  const std::string name = absl::StrCat(kPrefix, next_++);
  auto view = OpenStore(name, lineage);
  if (!view.ok()) RemoveAll(absl::StrCat(options_.path, "/", name));
  return view;
}

absl::Status Replica::Adopt(std::shared_ptr<ReplicaView> view) {
  absl::MutexLock current_lock(&current_mutex_);
  const std::string name = fs::path(view->path).filename();
  if (absl::Status status = WriteCurrent(name, std::nullopt); !status.ok()) return status;
  std::shared_ptr<ReplicaView> old;
  {
    absl::MutexLock lock(&mutex_);
    old = std::exchange(view_, std::move(view));
    if (old != nullptr) retired_.push_back(old);
  }
  if (old == nullptr) return absl::OkStatus();
  old->watches.Drain();
  old->store->head().GiveUp();  // nothing follows there
  return absl::OkStatus();
}

absl::Status OutdatedReplica() {
  return MakeError(absl::StatusCode::kUnavailable, v1::REPLICA_OUTDATED,
                   "this sidecar is too old to read what the server sends: upgrade it");
}

void Replica::Withdraw() {
  absl::MutexLock current_lock(&current_mutex_);
  std::error_code failed;
  fs::remove(absl::StrCat(options_.path, "/", kCurrent), failed);
  if (failed) LogError("replica_not_forgotten", {{"why", failed.message()}});
  std::shared_ptr<ReplicaView> old;
  {
    absl::MutexLock lock(&mutex_);
    old = std::exchange(view_, nullptr);
    if (old != nullptr) retired_.push_back(old);
  }
  if (old == nullptr) return;
  old->watches.Drain();
  old->store->head().GiveUp();
}

void Replica::Discard(std::shared_ptr<ReplicaView> view) {
  const std::string path = view->path;
  view.reset();
  RemoveAll(path);
}

absl::Status Replica::WriteCurrent(const std::string& name, std::optional<SteadyTime> complete_at) const {
  std::string text = absl::StrCat("replica ", name, "\ntenants ", absl::StrJoin(options_.tenants, " "), "\n");
  if (complete_at.has_value()) {
    const absl::Time at = options_.clock() - (SteadyNow() - *complete_at);
    absl::StrAppend(&text, "complete_at_micros ", absl::ToUnixMicros(at), "\ncomplete_since_boot_micros ",
                    absl::ToInt64Microseconds(complete_at->since_boot), "\nboot ", BootId(), "\n");
  }
  return WriteCheckedFile(options_.path, kCurrent, text);
}

absl::Status Replica::NoteComplete(SteadyTime complete_at) {
  absl::MutexLock current_lock(&current_mutex_);
  const std::shared_ptr<ReplicaView> served = view();
  if (served == nullptr) return absl::OkStatus();
  return WriteCurrent(fs::path(served->path).filename(), complete_at);
}

void Replica::Sweep() {
  std::vector<std::shared_ptr<ReplicaView>> unused;
  {
    absl::MutexLock lock(&mutex_);
    const auto in_use = [](const std::shared_ptr<ReplicaView>& view) {
      return view.use_count() > 1 || view->watches.size() > 0;
    };
    const auto rest = std::stable_partition(retired_.begin(), retired_.end(), in_use);
    unused.assign(std::make_move_iterator(rest), std::make_move_iterator(retired_.end()));
    retired_.erase(rest, retired_.end());
  }
  for (std::shared_ptr<ReplicaView>& view : unused) Discard(std::move(view));
}

absl::Status Replica::CheckRoom() const {
  const std::shared_ptr<ReplicaView> served = view();
  std::error_code error;
  const fs::space_info space = fs::space(options_.path, error);
  if (error) return absl::OkStatus();  // the load will tell
  const uintmax_t min_free = uintmax_t{static_cast<unsigned>(options_.min_free_mib)} << 20;
  const uintmax_t wanted = min_free + (served == nullptr ? 0 : SizeOf(served->path) + kRoomMarginBytes);
  if (space.available >= wanted) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("no room for a new replica: ", space.available >> 20, " MiB free, ", wanted >> 20, " MiB wanted"));
}

}  // namespace suppressd
