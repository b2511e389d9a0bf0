#include "server/app/app.h"

#include <utility>

#include "absl/time/clock.h"
#include "server/base/log.h"

namespace suppressd {

namespace {

// What decides results is in the log: options that differ from it are appended.
void AppendSettings(const StoreOptions& options, const stored::LogSettings& held, absl::Time now, CommitLog* log) {
  if (held.request_window_days() == options.request_window_days &&
      held.bounce_retention_days() == options.bounce_retention_days) {
    return;
  }
  stored::Command command;
  *command.mutable_at() = FromMicros(absl::ToUnixMicros(now));
  command.mutable_settings()->set_request_window_days(options.request_window_days);
  command.mutable_settings()->set_bounce_retention_days(options.bounce_retention_days);
  log->Append(command, [](const AppendResult& result) {
    if (!result.applied()) LogError("settings_not_appended", {{"error", std::string(result.status.message())}});
  });
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
  if (options.check_config) return nullptr;
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(options.store);
  if (!store.ok()) return store.status();
  app->store_ = *std::move(store);
  if (absl::Status status = app->StartClock(options); !status.ok()) return status;
  app->log_ = std::make_unique<LocalCommitLog>();
  if (absl::Status status = app->log_->Start(&app->store_->applier()); !status.ok()) return status;
  app->WatchStorage(options);
  if (app->clock_->status().ok()) {
    AppendSettings(options.store, app->store_->applier().settings(), app->clock_->Now(), app->log_.get());
  }
  const auto now = [clock = app->clock_.get()] { return clock->Now(); };
  app->service_ = std::make_unique<SuppressionService>(
      &app->store_->reader(), app->log_.get(), app->rules_.get(), now,
      ServiceOptions{.request_bytes_max = static_cast<size_t>(options.max_request_kib) << 10,
                     .calls_in_flight_max = options.max_calls,
                     .listings_in_flight_max = options.max_listings,
                     .mails_in_flight_max = options.max_mails,
                     .watches_max = options.max_watches,
                     .may_write = [raw = app.get()] { return raw->MayWrite(); }});
  app->replication_ = std::make_unique<ReplicationService>(
      &app->store_->reader(), now,
      ReplicationOptions{.request_bytes_max = static_cast<size_t>(options.max_request_kib) << 10,
                         .follows_max = options.max_replicas,
                         .snapshots = {.snapshots_max = options.max_snapshots,
                                       .hold = absl::Minutes(options.snapshot_hold_minutes),
                                       .random = RandomFraction}});
  // A replica has its Follow, and meanwhile acknowledges or loads a snapshot.
  app->no_sidecar_ = std::make_unique<NoSidecarService>(ReplicationOptions());
  absl::StatusOr<std::unique_ptr<Listener>> listener = Listener::Start(
      options, {app->service_.get(), app->replication_.get(), app->no_sidecar_.get()},
      {kServiceHealth, kReplicationHealth, kWriteHealth}, 2 * int64_t{options.max_replicas} + options.max_snapshots);
  if (!listener.ok()) return listener.status();
  app->listener_ = *std::move(listener);
  for (const std::string& address : app->listener_->addresses()) LogInfo("listening", {{"address", address}});
  return app;
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

void App::WatchStorage(const ServeOptions& options) {
  const GuardedStorage store{.trouble = [this](absl::Time) { return store_->trouble(); },
                             .shed = [this](const absl::Status& why) { store_->Shed(why); },
                             .recover = [this] { return store_->Recover(); }};
  const GuardedStorage log{.trouble = [this](absl::Time now) { return log_->GiveUpStuck(now); },
                           .shed = [](const absl::Status&) {},
                           .recover = [this] { return log_->GiveUpStuck(SteadyPoint()); }};
  storage_ = std::make_unique<StorageWatch>(options.store.path, options, std::vector<GuardedStorage>{store, log});
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
}

absl::Status App::Tick() {
  replication_->Sweep();
  WatchClock();
  NoteHead();
  WatchWrites();
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
  listener_->SetAllServing(false);
  const absl::Time deadline = absl::Now() + timeout;
  service_->BeginDrain();
  replication_->BeginDrain();
  service_->AwaitDrained(deadline);
  replication_->AwaitDrained(deadline);
  store_->head().GiveUp();  // reads that still wait for a state would outlast the deadline
  listener_->Shutdown(deadline);
  storage_->Stop();
  log_->Close();
  listener_->Wait();
  listener_.reset();
  NoteHead();
}

int Serve(const ServeOptions& options) {
  return RunDaemon(options, [&]() -> absl::StatusOr<std::unique_ptr<Daemon>> { return App::Start(options); });
}

}  // namespace suppressd
