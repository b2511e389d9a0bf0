#include "server/app.h"

#include <sys/stat.h>

#include <csignal>
#include <iostream>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/ext/channelz_service_plugin.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/server_builder.h"
#include "server/listen_address.h"
#include "server/log.h"
#include "server/port_file.h"
#include "server/unreadable_request.h"

namespace suppression {
namespace {

constexpr char kServiceName[] = "suppression.v1.SuppressionService";
constexpr char kReplicationName[] = "suppression.v1.ReplicationService";
constexpr char kWriteHealthName[] = "suppression.v1.SuppressionService/write";
// Beyond this gRPC itself refuses a message, without reading it; below, the service answers with a reason.
constexpr int kMessageOctetsMax = 32 << 20;
constexpr size_t kGrpcMemoryOctetsMax = size_t{1} << 30;
constexpr int kPingIntervalMinMillis = 20'000;  // clients ping every 30 s; the default allows one in 5 minutes
constexpr int kHealthIntervalSeconds = 1;

void SetUp(grpc::ServerBuilder* builder) {
  grpc::EnableDefaultHealthCheckService(true);
  AnswerUnreadableRequests(builder);
  builder->SetMaxReceiveMessageSize(kMessageOctetsMax);
  builder->SetResourceQuota(grpc::ResourceQuota("suppressd").Resize(kGrpcMemoryOctetsMax));
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // else a second server would share the port in silence
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingIntervalMinMillis);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
}

// Evenly from [0, 1).
double RandomFraction() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

sigset_t ServedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  return signals;
}

}  // namespace

absl::StatusOr<std::unique_ptr<App>> App::Start(const ServeOptions& options) {
  if (absl::Status status = ValidateOptions(options); !status.ok()) return status;
  std::unique_ptr<App> app(new App);
  absl::StatusOr<std::unique_ptr<RuleBook>> rules = RuleBook::Open(options.policy_file, options.rules_file);
  if (!rules.ok()) return rules.status();
  app->rules_ = *std::move(rules);
  if (options.check_config) return app;
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(options.store);
  if (!store.ok()) return store.status();
  app->store_ = *std::move(store);
  app->log_ = std::make_unique<LocalCommitLog>(app->store_.get());
  app->service_ = std::make_unique<SuppressionService>(
      app->store_.get(), app->log_.get(), app->rules_.get(), [] { return absl::Now(); },
      ServiceOptions{.request_octets_max = static_cast<size_t>(options.max_request_kib) << 10,
                     .calls_in_flight_max = options.max_calls,
                     .listings_in_flight_max = options.max_listings,
                     .mails_in_flight_max = options.max_mails,
                     .watches_max = options.max_watches});
  app->replication_ = std::make_unique<ReplicationService>(
      app->store_.get(), [] { return absl::Now(); },
      ReplicationOptions{.request_octets_max = static_cast<size_t>(options.max_request_kib) << 10,
                         .watches_max = options.max_replicas,
                         .snapshots = {.snapshots_max = options.max_snapshots,
                                       .hold = absl::Minutes(options.snapshot_hold_minutes),
                                       .random = RandomFraction}});
  if (absl::Status status = app->Listen(options); !status.ok()) return status;
  return app;
}

absl::Status App::Listen(const ServeOptions& options) {
  // Plugins must be there before the builder is made.
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  if (options.channelz) grpc::channelz::experimental::InitChannelzService();
  grpc::ServerBuilder builder;
  SetUp(&builder);
  builder.RegisterService(service_.get());
  builder.RegisterService(replication_.get());
  std::vector<ListenAddress> wanted;
  for (const std::string& text : options.listen_addresses) {
    absl::StatusOr<ListenAddress> address = ParseListenAddress(text);
    if (!address.ok()) return address.status();
    if (!address->socket_path.empty()) {
      if (absl::Status status = ClearSocket(address->socket_path); !status.ok()) return status;
    }
    wanted.push_back(*std::move(address));
  }
  std::vector<int> ports(wanted.size(), 0);
  for (size_t i = 0; i < wanted.size(); ++i) {
    builder.AddListeningPort(wanted[i].text, grpc::InsecureServerCredentials(), &ports[i]);
  }
  const mode_t old_mask = umask(static_cast<mode_t>(~SocketMode(options) & 0777));  // no moment with a wider mode
  server_ = builder.BuildAndStart();
  umask(old_mask);
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (ports[i] == 0) {
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", wanted[i].text, ": the address is in use or may not be bound"));
    }
    if (wanted[i].socket_path.empty()) {
      addresses_.push_back(absl::StrCat(wanted[i].text.substr(0, wanted[i].text.rfind(':')), ":", ports[i]));
      continue;
    }
    addresses_.push_back(wanted[i].text);
    absl::Status status = SetSocketAccess(wanted[i].socket_path, SocketMode(options), options.socket_group);
    if (!status.ok()) return status;
  }
  if (server_ == nullptr) return absl::UnavailableError("the gRPC server does not start");
  server_->GetHealthCheckService()->SetServingStatus(kServiceName, true);
  server_->GetHealthCheckService()->SetServingStatus(kReplicationName, true);
  server_->GetHealthCheckService()->SetServingStatus(kWriteHealthName, true);
  return options.port_file.empty() ? absl::OkStatus() : WritePortFile(options.port_file, addresses_);
}

App::~App() {
  Stop(absl::ZeroDuration());
}

void App::Reload() {
  const RuleBook::Reloaded reloaded = rules_->Reload();
  if (!reloaded.policy.ok()) {
    LogError("policy_refused", {{"error", std::string(reloaded.policy.message())}});
  } else {
    LogInfo("policy_reloaded");
  }
  if (!reloaded.rules.ok()) {
    LogError("rules_refused", {{"error", std::string(reloaded.rules.message())}});
  } else {
    LogInfo("rules_reloaded", {{"version", rules_->classifier()->version()}});
  }
}

void App::UpdateHealth() {
  replication_->Sweep();
  store_->NoteHead().IgnoreError();  // a full disk shows in write_status
  const absl::Status status = store_->write_status();
  if (status.ok() == writes_served_) return;
  writes_served_ = status.ok();
  LogError("writes_refused", {{"error", std::string(status.message())}});
  server_->GetHealthCheckService()->SetServingStatus(kWriteHealthName, writes_served_);
}

void App::Stop(absl::Duration timeout) {
  if (server_ == nullptr) return;
  server_->GetHealthCheckService()->SetServingStatus(false);
  const absl::Time deadline = absl::Now() + timeout;
  service_->BeginDrain();
  replication_->BeginDrain();
  service_->AwaitDrained(deadline);
  replication_->AwaitDrained(deadline);
  store_->head().GiveUp();  // reads that still wait for a state would outlast the deadline
  server_->Shutdown(absl::ToChronoTime(deadline));
  log_->Close();
  server_->Wait();
  server_.reset();
}

int Serve(const ServeOptions& options) {
  SetLogLevel(options.log_level);
  // Blocked before any thread is made, so that only the loop below receives them.
  const sigset_t signals = ServedSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // whoever reads the log may go away; the service stays
  absl::StatusOr<std::unique_ptr<App>> app = App::Start(options);
  if (!app.ok()) {
    std::cerr << "suppressd: " << app.status().message() << "\n";
    return 1;
  }
  if (options.check_config) {
    std::cout << "the configuration is fine\n";
    return 0;
  }
  for (const std::string& address : (*app)->addresses()) LogInfo("listening", {{"address", address}});
  const timespec interval{.tv_sec = kHealthIntervalSeconds, .tv_nsec = 0};
  while (true) {
    const int signal = sigtimedwait(&signals, nullptr, &interval);
    if (signal == SIGHUP) (*app)->Reload();
    if (signal == SIGTERM || signal == SIGINT) break;
    (*app)->UpdateHealth();
  }
  LogInfo("stopping");
  (*app)->Stop(absl::Seconds(options.drain_timeout_seconds));
  LogInfo("stopped");
  return 0;
}

}  // namespace suppression
