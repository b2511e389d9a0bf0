#include "server/app/sidecar_app.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/uuid.h"
#include "server/app/clock_guard.h"
#include "server/base/log.h"

namespace suppressd {
namespace {

constexpr char kVersion[] = SUPPRESSD_VERSION;
// The time as long as the machine's clock makes no large step, else as before it: a sidecar whose clock is ahead would
// take leases for expired.
absl::Time Now() {
  static ClockGuard* const guard = [] {
    ClockGuardOptions options;
    options.wall_clock = absl::Now;
    options.steady_clock = SteadyNow;
    return new ClockGuard(options);
  }();
  return guard->Now();
}

ServiceOptions ServiceOptionsOf(const SidecarOptions& options) {
  return ServiceOptions{.request_bytes_max = static_cast<size_t>(options.max_request_kib) << 10,
                        .calls_in_flight_max = options.max_calls,
                        .batches_in_flight_max = options.max_batches,
                        .listings_in_flight_max = options.max_listings,
                        .mails_in_flight_max = options.max_mails,
                        .watches_max = options.max_watches};
}

ChannelSecurity SecurityOf(const SidecarOptions& options) {
  return {.tls = UpstreamSpeaksTls(options),
          .files = {options.upstream_ca_file, options.upstream_cert_file, options.upstream_key_file},
          .server_name = options.upstream_server_name,
          .token_file = options.upstream_token_file};
}

absl::StatusOr<std::unique_ptr<Upstream>> OpenUpstream(const SidecarOptions& options) {
  absl::StatusOr<std::unique_ptr<Upstream>> upstream = Upstream::Open(options.upstream, SecurityOf(options));
  if (!upstream.ok()) return WrongOption("options of upstream", upstream.status());
  return upstream;
}

// Of certificates and tokens: what is wrong with them is said before anything else is done.
absl::Status CheckFiles(const SidecarOptions& options) {
  if (absl::Status status = CheckTlsFiles(options); !status.ok()) return status;
  return OpenUpstream(options).status();
}

std::vector<std::string> SortedTenants(const SidecarOptions& options) {
  std::vector<std::string> tenants = options.tenants;
  std::sort(tenants.begin(), tenants.end());
  tenants.erase(std::unique(tenants.begin(), tenants.end()), tenants.end());
  return tenants;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SidecarApp>> SidecarApp::Start(const SidecarOptions& options) {
  if (absl::Status status = ValidateOptions(options); !status.ok()) return status;
  std::unique_ptr<SidecarApp> app(new SidecarApp(options));
  absl::StatusOr<std::unique_ptr<RuleBook>> rules = RuleBook::Open(options.policy_file, options.rules_file);
  if (!rules.ok()) return rules.status();
  app->rules_ = *std::move(rules);
  if (absl::Status status = CheckFiles(options); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<Access>> access = Access::Open(options);
  if (!access.ok()) return access.status();
  app->access_ = *std::move(access);
  if (options.check_config) return nullptr;
  app->started_at_ = SteadyNow();
  if (absl::Status status = app->OpenDirectory(); !status.ok()) return status;
  if (absl::Status status = app->MakeServices(); !status.ok()) return status;
  app->WatchStorage();
  if (absl::Status status = app->Manage(); !status.ok()) return status;
  absl::Status serving;
  if (app->replica_->view() != nullptr) {
    serving = app->Serve(true);
  } else if (options.on_empty == OnEmpty::kUnknown) {
    serving = app->Serve(false);
  }
  if (!serving.ok()) return serving;
  app->delivery_->Start();
  app->follower_->Start();
  return app;
}

SidecarApp::~SidecarApp() {
  Stop(absl::ZeroDuration());
}

absl::Status SidecarApp::OpenDirectory() {
  absl::StatusOr<std::unique_ptr<DataDirectory>> directory =
      DataDirectory::Open(options_.data_dir, DirectoryKind::kSidecar);
  if (!directory.ok()) return directory.status();
  directory_ = *std::move(directory);
  if (absl::Status status = directory_->MarkReady(); !status.ok()) return status;
  blocks_ = std::make_unique<LocalBlocks>();
  OutboxOptions outbox_options;
  outbox_options.path = absl::StrCat(options_.data_dir, "/outbox");
  outbox_options.reports_max = options_.outbox_max_reports;
  outbox_options.bytes_max = int64_t{options_.outbox_max_mib} << 20;
  outbox_options.shown = [this] { delivery_->NoteAdded(); };
  const auto visit = [this](uint64_t number, const stored::OutboxReport& report, const std::string& delivered) {
    const absl::StatusOr<RevisionToken> state = DecodeToken(delivered, "token");
    if (state.ok()) delivered_[number] = *state;
    blocks_->Add(number, report.blocks(), state.ok() ? *state : RevisionToken());
  };
  absl::StatusOr<std::unique_ptr<Outbox>> outbox = Outbox::Open(outbox_options, visit);
  if (!outbox.ok()) return outbox.status();
  outbox_ = *std::move(outbox);
  ReplicaOptions replica_options;
  replica_options.path = options_.data_dir;
  replica_options.tenants = SortedTenants(options_);
  replica_options.store = options_.store;
  replica_options.watches_max = options_.max_watches;
  replica_options.min_free_mib = options_.min_free_disk_mib;
  replica_options.clock = Now;
  absl::StatusOr<std::unique_ptr<Replica>> replica = Replica::Open(replica_options);
  if (!replica.ok()) return replica.status();
  replica_ = *std::move(replica);
  if (options_.on_empty == OnEmpty::kUnknown) no_replica_ = std::make_shared<ReplicaView>(nullptr, "", replica_options);
  return absl::OkStatus();
}

absl::Status SidecarApp::MakeServices() {
  heads_ = std::make_unique<HeadTimes>();
  if (const auto view = replica_->view(); view != nullptr && replica_->complete_at().has_value()) {
    heads_->Noted(view->state(), *replica_->complete_at());
  }
  absl::StatusOr<std::unique_ptr<Upstream>> upstream = OpenUpstream(options_);
  if (!upstream.ok()) return upstream.status();
  upstream_ = *std::move(upstream);
  delivery_ = std::make_unique<Delivery>(outbox_.get(), upstream_.get(), replica_.get(), blocks_.get(),
                                         DeliveryOptions{.delivered = delivered_, .random = RandomFraction});
  FollowerOptions follower_options;
  follower_options.lists = {{options_.replica_id, kVersion}, SortedTenants(options_)};
  follower_options.clock = Now;
  follower_options.steady_clock = SteadyNow;
  follower_options.random = RandomFraction;
  forwarded_ = std::make_unique<Forwarded>(replica_.get(), blocks_.get());
  follower_options.advanced = [this] { ReplicaAdvanced(); };
  follower_options.caught_up = [this] { CaughtUp(); };
  follower_options.withdrawn = [this] { Withdrawn(); };
  follower_ = std::make_unique<Follower>(upstream_.get(), replica_.get(), heads_.get(), follower_options);
  const SidecarParts parts{.replica = replica_.get(),
                           .upstream = upstream_.get(),
                           .follower = follower_.get(),
                           .heads = heads_.get(),
                           .outbox = outbox_.get(),
                           .delivery = delivery_.get(),
                           .blocks = blocks_.get(),
                           .forwarded = forwarded_.get(),
                           .rules = rules_.get(),
                           .no_replica = no_replica_};
  const std::vector<std::string> tenants = SortedTenants(options_);
  service_ = std::make_unique<SidecarList>(
      parts, SidecarListOptions{.service = ServiceOptionsOf(options_),
                                .tenants = {tenants.begin(), tenants.end()},
                                .forward_timeout = absl::Milliseconds(options_.forward_timeout_millis),
                                .clock = Now,
                                .steady_clock = SteadyNow,
                                .request_id = NewUuid});
  const SidecarReplicationOptions replication{.replica_id = options_.replica_id,
                                              .request_bytes_max = static_cast<size_t>(options_.max_request_kib) << 10,
                                              .clock = Now,
                                              .steady_clock = SteadyNow};
  replication_ = std::make_unique<SidecarReplication>(parts, replication);
  status_ = std::make_unique<SidecarStatus>(parts, replication);
  no_admin_ = std::make_unique<NoAdminService>(AdminOptions());
  service_->SetGuard(&access_->guard());
  replication_->SetGuard(&access_->guard());
  status_->SetGuard(&access_->guard());
  no_admin_->SetGuard(&access_->guard());
  return absl::OkStatus();
}

absl::Status SidecarApp::Serve(bool ready) {
  {
    absl::MutexLock lock(&mutex_);
    if (stopped_ || (ready_ && listener_ != nullptr)) return absl::OkStatus();
    if (listener_ == nullptr) {
      absl::StatusOr<std::unique_ptr<Listener>> listener = Listener::Start(
          options_, {service_.get(), replication_.get(), status_.get(), no_admin_.get()}, {}, 0, &access_->guard());
      if (!listener.ok()) return listener.status();
      listener_ = *std::move(listener);
      for (const std::string& address : listener_->addresses()) LogInfo("listening", {{"address", address}});
    }
    for (const char* name : {kServiceHealth, kReplicationHealth, kWriteHealth}) listener_->SetServing(name, false);
  }
  if (!ready) return absl::OkStatus();
  if (absl::Status status = LookUpOnce(); !status.ok()) return status;
  absl::MutexLock lock(&mutex_);
  ready_ = true;
  if (stopped_ || listener_ == nullptr) return absl::OkStatus();
  for (const char* name : {kServiceHealth, kReplicationHealth, kWriteHealth}) listener_->SetServing(name, true);
  LogInfo("ready");
  return absl::OkStatus();
}

absl::Status SidecarApp::LookUpOnce() const {
  const std::shared_ptr<ReplicaView> view = replica_->view();
  if (view == nullptr) return absl::OkStatus();  // withdrawn meanwhile
  v1::IsSuppressedRequest request;
  request.set_address("readiness@suppressd.invalid");
  if (!options_.tenants.empty()) request.set_tenant(options_.tenants.front());
  v1::IsSuppressedResponse response;
  const absl::Status status = service_->Check(*view, request, &response);
  if (status.ok()) return status;
  return absl::UnavailableError(absl::StrCat("no lookup is answered: ", status.message()));
}

void SidecarApp::ReplicaAdvanced() {
  delivery_->ReplicaAdvanced();
  forwarded_->ReplicaAdvanced();
}

void SidecarApp::CaughtUp() {
  delivery_->Kick();
  const absl::Status served = Serve(true);
  if (served.ok()) return;
  absl::MutexLock lock(&mutex_);
  failed_ = served;
}

void SidecarApp::Withdrawn() {
  LogError("replica_withdrawn", {{"why", std::string(follower_->last_error().message())}});
  absl::MutexLock lock(&mutex_);
  ready_ = false;
  if (stopped_ || listener_ == nullptr) return;
  for (const char* name : {kServiceHealth, kReplicationHealth}) listener_->SetServing(name, false);  // reports go on
}

void SidecarApp::Reload() {
  LogReloaded(rules_->Reload(), *rules_);
  access_->Reload(true);
}

absl::Status SidecarApp::Tick() {
  const Heartbeat::Work work(&tick_);
  follower_->Tick();
  access_->Reload(false);
  outbox_->GiveUpStuck(SteadyPoint()).IgnoreError();  // storage_ does, too, but may itself wait for the disk
  const SteadyTime now = SteadyNow();
  if (options_.on_empty == OnEmpty::kFail && replica_->view() == nullptr && !follower_->outdated() &&
      now - started_at_ >= absl::Seconds(options_.on_empty_timeout_seconds)) {
    const absl::Status why = follower_->last_error();
    return absl::UnavailableError(
        absl::StrCat("there is no replica after ", options_.on_empty_timeout_seconds,
                     " s (--on_empty fail): ", why.ok() ? "the server has not answered yet" : why.message()));
  }
  absl::MutexLock lock(&mutex_);
  if (listener_ != nullptr) listener_->Look();
  return failed_;
}

void SidecarApp::NoteState(absl::Duration interval) {
  const std::shared_ptr<ReplicaView> view = replica_->view();
  if (view == nullptr) return;
  view->store->NoteHead().IgnoreError();  // a full disk shows when changes are applied
  const std::optional<SteadyTime> complete_at = heads_->CompleteAt(view->state());
  if (!complete_at.has_value() || *complete_at - noted_at_ < interval) return;
  if (replica_->NoteComplete(*complete_at).ok()) noted_at_ = *complete_at;
}

void SidecarApp::Stop(absl::Duration timeout) {
  {
    absl::MutexLock lock(&mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  pages_.BeginStop();
  if (follower_ == nullptr) return;  // it never started
  const absl::Time deadline = absl::Now() + timeout;
  // Checks are answered meanwhile: the sender may outlive this signal by some moments.
  delivery_->Flush(deadline);
  follower_->Stop();
  delivery_->Stop();
  if (const auto view = replica_->view(); view != nullptr) view->store->EndRecovery();
  storage_->Stop();
  NoteState(absl::ZeroDuration());
  std::unique_ptr<Listener> listener;
  {
    absl::MutexLock lock(&mutex_);
    listener = std::move(listener_);
  }
  if (listener != nullptr) {
    listener->SetAllServing(false);
    // Calls in flight get a moment of their own, when the outbox has taken all of the time.
    const absl::Time drained = std::max(deadline, absl::Now() + std::min(timeout, absl::Seconds(1)));
    service_->BeginDrain();
    replication_->BeginDrain();
    status_->BeginDrain();
    service_->AwaitDrained(drained);
    replication_->AwaitDrained(drained);
    status_->AwaitDrained(drained);
    if (const auto view = replica_->view(); view != nullptr) view->store->head().GiveUp();
    listener->Shutdown(drained);
    outbox_->Close();
    listener->Wait();
  }
  outbox_->Close();
}

std::vector<std::string> SidecarApp::addresses() const {
  absl::MutexLock lock(&mutex_);
  return listener_ == nullptr ? std::vector<std::string>() : listener_->addresses();
}

v1::GetSidecarStatusResponse SidecarApp::Status() const {
  v1::GetSidecarStatusResponse response;
  status_->Status(&response);
  return response;
}

int RunSidecar(const SidecarOptions& options) {
  return RunDaemon(options, [&]() -> absl::StatusOr<std::unique_ptr<Daemon>> { return SidecarApp::Start(options); });
}

}  // namespace suppressd
