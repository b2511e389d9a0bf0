#include "server/app.h"

#include <utility>

#include "absl/time/clock.h"
#include "server/log.h"

namespace suppression {

namespace {

// What decides results is in the log: options that differ from it are appended.
void AppendSettings(const StoreOptions& options, const stored::LogSettings& held, CommitLog* log) {
  if (held.request_window_days() == options.request_window_days &&
      held.bounce_retention_days() == options.bounce_retention_days) {
    return;
  }
  stored::Command command;
  *command.mutable_at() = FromMicros(absl::ToUnixMicros(absl::Now()));
  command.mutable_settings()->set_request_window_days(options.request_window_days);
  command.mutable_settings()->set_bounce_retention_days(options.bounce_retention_days);
  log->Append(command, [](const AppendResult& result) {
    if (!result.applied()) LogError("settings_not_appended", {{"error", std::string(result.status.message())}});
  });
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
  app->log_ = std::make_unique<LocalCommitLog>();
  if (absl::Status status = app->log_->Start(&app->store_->applier()); !status.ok()) return status;
  AppendSettings(options.store, app->store_->applier().settings(), app->log_.get());
  app->service_ = std::make_unique<SuppressionService>(
      &app->store_->reader(), app->log_.get(), app->rules_.get(), [] { return absl::Now(); },
      ServiceOptions{.request_octets_max = static_cast<size_t>(options.max_request_kib) << 10,
                     .calls_in_flight_max = options.max_calls,
                     .listings_in_flight_max = options.max_listings,
                     .mails_in_flight_max = options.max_mails,
                     .watches_max = options.max_watches});
  app->replication_ = std::make_unique<ReplicationService>(
      &app->store_->reader(), [] { return absl::Now(); },
      ReplicationOptions{.request_octets_max = static_cast<size_t>(options.max_request_kib) << 10,
                         .watches_max = options.max_replicas,
                         .snapshots = {.snapshots_max = options.max_snapshots,
                                       .hold = absl::Minutes(options.snapshot_hold_minutes),
                                       .random = RandomFraction}});
  // A replica has its Watch, and meanwhile acknowledges or loads a snapshot.
  absl::StatusOr<std::unique_ptr<Listener>> listener = Listener::Start(
      options, {app->service_.get(), app->replication_.get()}, {kServiceHealth, kReplicationHealth, kWriteHealth},
      2 * int64_t{options.max_replicas} + options.max_snapshots);
  if (!listener.ok()) return listener.status();
  app->listener_ = *std::move(listener);
  for (const std::string& address : app->listener_->addresses()) LogInfo("listening", {{"address", address}});
  return app;
}

App::~App() {
  Stop(absl::ZeroDuration());
}

void App::Reload() {
  LogReloaded(rules_->Reload(), *rules_);
}

absl::Status App::Tick() {
  replication_->Sweep();
  store_->NoteHead().IgnoreError();  // a full disk shows in write_status
  const absl::Status status = store_->write_status();
  if (status.ok() == writes_served_) return absl::OkStatus();
  writes_served_ = status.ok();
  LogError("writes_refused", {{"error", std::string(status.message())}});
  listener_->SetServing(kWriteHealth, writes_served_);
  return absl::OkStatus();
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
  log_->Close();
  listener_->Wait();
  listener_.reset();
}

int Serve(const ServeOptions& options) {
  return RunDaemon(options, [&]() -> absl::StatusOr<std::unique_ptr<Daemon>> { return App::Start(options); });
}

}  // namespace suppression
