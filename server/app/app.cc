#include "server/app/app.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/base/log.h"

namespace suppressd {

namespace {

// When the certificate of a listener expires; nothing: it has none.
std::vector<MetricValue> NotAfter(const Listener& listener) {
  const absl::Time not_after = listener.not_after();
  if (not_after == absl::InfiniteFuture()) return {};
  return {{{{"use", "server"}}, static_cast<double>(absl::ToUnixSeconds(not_after))}};
}

// Whether --accept_clock names this day, or the one before or after it.
bool IsAccepted(const std::string& day, absl::Time now) {
  absl::Time named;
  std::string error;
  if (!absl::ParseTime("%Y-%m-%d", day, &named, &error)) return false;
  return now >= named - absl::Hours(24) && now < named + absl::Hours(48);
}

}  // namespace

absl::StatusOr<std::unique_ptr<App>> App::Start(const ServeOptions& options) {
  if (absl::Status status = ValidateOptions(options); !status.ok()) return status;
  std::unique_ptr<App> app(new App);
  absl::StatusOr<std::unique_ptr<RuleBook>> rules = RuleBook::Open(options.policy_file, options.rules_file);
  if (!rules.ok()) return rules.status();
  app->rules_ = *std::move(rules);
  if (absl::Status status = CheckTlsFiles(options); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<Access>> access = Access::Open(options);
  if (!access.ok()) return access.status();
  app->access_ = *std::move(access);
  if (options.check_config) return nullptr;
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(options.store);
  if (!store.ok()) return store.status();
  app->store_ = *std::move(store);
  if (absl::Status status = app->StartClock(options); !status.ok()) return status;
  app->log_ = std::make_unique<LocalCommitLog>();
  if (absl::Status status = app->log_->Start(&app->store_->applier()); !status.ok()) return status;
  app->WatchStorage(options);
  app->WatchDenied();
  app->request_window_days_ = options.store.request_window_days;
  app->bounce_retention_days_ = options.store.bounce_retention_days;
  app->AppendSettings();
  app->StartBackups(options);
  app->MakeServices(options);
  const Guard* const guard = &app->access_->guard();
  app->service_->SetGuard(guard);
  app->replication_->SetGuard(guard);
  app->admin_->SetGuard(guard);
  app->no_sidecar_->SetGuard(guard);
  absl::StatusOr<std::unique_ptr<Listener>> listener = Listener::Start(
      options, {app->service_.get(), app->replication_.get(), app->admin_.get(), app->no_sidecar_.get()},
      {kServiceHealth, kReplicationHealth, kWriteHealth},
      // A replica has its Follow, and meanwhile acknowledges or loads a snapshot.
      2 * int64_t{options.max_replicas} + options.max_snapshots, guard);
  if (!listener.ok()) return listener.status();
  app->listener_ = *std::move(listener);
  for (const std::string& address : app->listener_->addresses()) LogInfo("listening", {{"address", address}});
  if (absl::Status status = app->Manage(options); !status.ok()) return status;
  return app;
}

void App::MakeServices(const ServeOptions& options) {
  const auto now = [clock = clock_.get()] { return clock->Now(); };
  const auto may_write = [this] { return MayWrite(); };
  const size_t request_bytes_max = static_cast<size_t>(options.max_request_kib) << 10;
  const HeldSnapshotsOptions snapshots{.snapshots_max = options.max_snapshots,
                                       .hold = absl::Minutes(options.snapshot_hold_minutes),
                                       .random = RandomFraction};
  service_ = std::make_unique<SuppressionService>(&store_->reader(), log_.get(), rules_.get(), now,
                                                  ServiceOptions{.request_bytes_max = request_bytes_max,
                                                                 .calls_in_flight_max = options.max_calls,
                                                                 .batches_in_flight_max = options.max_batches,
                                                                 .listings_in_flight_max = options.max_listings,
                                                                 .mails_in_flight_max = options.max_mails,
                                                                 .watches_max = options.max_watches,
                                                                 .may_write = may_write});
  replication_ = std::make_unique<ReplicationService>(
      &store_->reader(), now,
      ReplicationOptions{
          .request_bytes_max = request_bytes_max, .follows_max = options.max_replicas, .snapshots = snapshots});
  no_sidecar_ = std::make_unique<NoSidecarService>(ReplicationOptions());
  admin_ = std::make_unique<AdminService>(
      &store_->reader(), log_.get(), rules_.get(), now,
      AdminOptions{.request_bytes_max = request_bytes_max,
                   .exports = snapshots,
                   .may_write = may_write,
                   .backups = backups_.get(),
                   .preview = [this](const stored::Command& command) { return store_->applier().Preview(command); }});
}

absl::Status App::StartClock(const ServeOptions& options) {
  ClockGuardOptions guard;
  guard.wall_clock = absl::Now;
  guard.steady_clock = SteadyNow;
  guard.any_pause = !store_->time_is_noted();
  if (const std::optional<int64_t> newest = store_->newest_micros()) guard.newest = absl::FromUnixMicros(*newest);
  guard.accepted = IsAccepted(options.accept_clock, absl::Now());
  const int64_t now = absl::ToUnixMicros(absl::Now());
  const bool behind = guard.newest.has_value() && absl::ToUnixMicros(*guard.newest - kClockStepMax) > now;
  if (guard.accepted && behind) {
    LogWarning("times_moved_back", {{"newest", absl::FormatTime(*guard.newest, absl::UTCTimeZone())}});
    if (absl::Status status = store_->MoveTimesBack(now); !status.ok()) return status;
  }
  clock_ = std::make_unique<ClockGuard>(guard);
  NoteHead();
  return absl::OkStatus();
}

// What decides results is in the log.
void App::AppendSettings() {
  if (!settings_due_ || !MayWrite().ok()) return;
  settings_due_ = false;
  const stored::LogSettings held = store_->applier().settings();
  if (held.request_window_days() == request_window_days_ && held.bounce_retention_days() == bounce_retention_days_) {
    return;
  }
  stored::Command command;
  *command.mutable_at() = FromMicros(absl::ToUnixMicros(clock_->Now()));
  command.mutable_settings()->set_request_window_days(request_window_days_);
  command.mutable_settings()->set_bounce_retention_days(bounce_retention_days_);
  log_->Append(command, [this](const AppendResult& result) {
    if (result.applied()) return;
    LogError("settings_not_appended", {{"error", std::string(result.status.message())}});
    settings_due_ = true;
  });
}

void App::WatchStorage(const ServeOptions& options) {
  const GuardedStorage store{.trouble = [this](absl::Time) { return store_->trouble(); },
                             .shed = [this](const absl::Status& why) { store_->Shed(why); },
                             .recover = [this] { return store_->Recover(); }};
  const GuardedStorage log{.trouble = [this](absl::Time) { return log_->GiveUpStuck(SteadyPoint()); },
                           .shed = [](const absl::Status&) {},
                           .recover = [this] { return log_->GiveUpStuck(SteadyPoint()); }};
  storage_ = std::make_unique<StorageWatch>(options.store.path, options, std::vector<GuardedStorage>{store, log},
                                            [this] { NoteHead(); });
}

void App::WatchDenied() {
  denied_calls_ = std::make_unique<DeniedCalls>(
      log_.get(), [this] { return clock_->Now(); }, [this] { return MayWrite(); });
  access_->NoteDenied(denied_calls_.get());
}

void App::StartBackups(const ServeOptions& options) {
  if (options.backup_dir.empty()) return;
  backups_ = store_->MakeBackups(
      {.path = options.backup_dir, .keep_count = options.backup_keep_count, .keep_days = options.backup_keep_days});
  const auto now = [clock = clock_.get()] {
    return clock->status().ok() ? std::optional<absl::Time>(clock->Now()) : std::nullopt;
  };
  const absl::Duration interval = absl::Hours(options.backup_interval_hours);
  backup_watch_ = std::make_unique<BackupWatch>(backups_.get(), BackupWatchOptions{.interval = interval, .now = now});
}

absl::Status App::MayWrite() const {
  absl::Status status = store_->write_status();
  return status.ok() ? clock_->status() : status;
}

void App::NoteHead() {
  const bool timed = clock_->status().ok();
  store_->NoteHead(timed ? absl::ToUnixMicros(clock_->Now()) : 0).IgnoreError();  // a full disk shows in write_status
}

void App::WatchClock() {
  const absl::Duration offset = clock_->offset();
  if ((offset == absl::ZeroDuration()) == clock_believed_) return;
  clock_believed_ = !clock_believed_;
  if (clock_believed_) return LogInfo("clock_believed");
  LogError("clock_suspect", {{"ahead_seconds", std::to_string(absl::ToInt64Seconds(offset))}});
}

App::~App() {
  Stop(absl::ZeroDuration());
}

void App::Reload() {
  LogReloaded(rules_->Reload(), *rules_);
  access_->Reload(true);
}

absl::Status App::Manage(const ServeOptions& options) {
  AddCommonPages(options, access_.get(), &pages_);
  Metrics& metrics = pages_.metrics();
  AddCallMetrics({&service_->methods(), &replication_->methods(), &admin_->methods(), &no_sidecar_->methods()},
                 &metrics);
  AddListMetrics(&service_->metrics(), &metrics);
  const ListReader* const list = &store_->reader();
  metrics.AddGauge("suppressd_entries", "Entries, of all lists; estimated.",
                   [list] { return static_cast<double>(list->EstimateEntries()); });
  metrics.AddGauge("suppressd_revision", "The newest revision.",
                   [list] { return static_cast<double>(list->head().head()); });
  metrics.AddGauge("suppressd_writes_accepted", "1: writes are taken; 0: they are refused (disk, clock).",
                   [this] { return MayWrite().ok() ? 1 : 0; });
  metrics.AddCounter("suppressd_commit_commands_total", "Commands made durable.",
                     [this] { return static_cast<double>(log_->counts().commands); });
  metrics.AddHistograms("suppressd_commit_seconds", "How long a batch of commands took to be applied and made durable.",
                        [this] {
                          return std::vector<MetricHistogram>{{{}, &log_->times().worked}};
                        });
  metrics.AddGauge("suppressd_watches", "Watches.", [this] { return service_->watches(); });
  metrics.AddGauge("suppressd_replica_streams", "Streams to replicas, snapshots included.",
                   [this] { return replication_->streams(); });
  metrics.AddGauge("suppressd_snapshots_held", "Snapshots held for replicas.",
                   [this] { return replication_->snapshots(); });
  metrics.AddGauges("suppressd_tls_certificate_not_after_seconds", "When a certificate expires, in seconds since 1970.",
                    [this] { return NotAfter(*listener_); });
  Heartbeats& beats = pages_.heartbeats();
  beats.Add("main", kTickLateAfter, [this] { return tick_.busy(); });
  beats.Add("watches", kWorkLateAfter, [this] { return service_->watches_busy(); });
  beats.Add("exports", kWorkLateAfter, [this] { return admin_->exports_busy(); });
  beats.Add("replica streams", kWorkLateAfter, [this] { return replication_->streams_busy(); });
  pages_.AddCheck("list open", [] { return absl::OkStatus(); });
  std::vector<NamedWork> work = log_->work();
  for (NamedWork& queue : service_->work()) work.push_back(std::move(queue));
  for (NamedWork& queue : admin_->work()) work.push_back(std::move(queue));
  AddWork(std::move(work), &pages_);
  AddRocks([list] { return list->Figures(); }, &metrics);
  AddStorage(storage_.get(), options.min_free_disk_mib, &pages_);
  if (backups_ != nullptr) AddBackups(backups_.get(), backup_watch_.get(), &pages_);
  pages_.AddNote("writes taken", [this] { return MayWrite(); });
  pages_.AddStatus([this, list] {
    const absl::Status writes = MayWrite();
    return std::vector<std::pair<std::string, std::string>>{
        {"kind", "server"},
        {"lineage", absl::StrCat(absl::Hex(list->lineage(), absl::kZeroPad16))},
        {"revision", absl::StrCat(list->head().head())},
        {"entries, about", absl::StrCat(list->EstimateEntries())},
        {"writes", writes.ok() ? "taken" : absl::StrCat("refused: ", writes.message())},
        {"watches", absl::StrCat(service_->watches())},
        {"replica streams", absl::StrCat(replication_->streams())}};
  });
  return ServeManagement(options, &pages_);
}

absl::Status App::Tick() {
  const Heartbeat::Work work(&tick_);
  replication_->Sweep();
  admin_->Sweep();
  listener_->Look();
  access_->Reload(false);
  WatchClock();
  WatchWrites();
  log_->GiveUpStuck(SteadyPoint()).IgnoreError();  // storage_ does, too, but may itself wait for the disk
  AppendSettings();
  denied_calls_->FlushIfDue();
  return absl::OkStatus();
}

void App::WatchWrites() {
  const absl::Status clock = clock_->status();
  if (clock.ok() == clock_refuses_) {
    clock_refuses_ = !clock.ok();
    if (clock_refuses_) {
      LogError("writes_refused", {{"error", std::string(clock.message())}});
    } else {
      LogInfo("writes_taken_again");
    }
  }
  const bool served = clock.ok() && storage_->status().ok() && store_->write_status().ok();
  if (served == writes_served_) return;
  writes_served_ = served;
  listener_->SetServing(kWriteHealth, served);
}

void App::Stop(absl::Duration timeout) {
  if (listener_ == nullptr) return;
  pages_.BeginStop();
  listener_->SetAllServing(false);
  const absl::Time deadline = absl::Now() + timeout;
  service_->BeginDrain();
  replication_->BeginDrain();
  admin_->BeginDrain();
  if (backups_ != nullptr) backups_->Stop();  // whoever asked for one is told so
  service_->AwaitDrained(deadline);
  replication_->AwaitDrained(deadline);
  admin_->AwaitDrained(deadline);
  store_->head().GiveUp();  // reads that still wait for a state would outlast the deadline
  listener_->Shutdown(deadline);
  denied_calls_->Flush();  // every call was answered
  store_->EndRecovery();
  log_->Close();  // while storage_ still gives up what is stuck
  storage_->Stop();
  listener_->Wait();
  listener_.reset();
  NoteHead();
  backup_watch_.reset();  // last: waits for a disk that hangs
}

int Serve(const ServeOptions& options) {
  return RunDaemon(options, [&]() -> absl::StatusOr<std::unique_ptr<Daemon>> { return App::Start(options); });
}

}  // namespace suppressd
