#include "server/app/listener.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "common/steady_wait.h"
#include "grpcpp/ext/channelz_service_plugin.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/server_builder.h"
#include "server/app/listen_address.h"
#include "server/app/port_file.h"
#include "server/base/steady_time.h"
#include "server/gate/socket_gate.h"

namespace suppressd {
namespace {

constexpr size_t kGrpcMemoryBytesMax = size_t{1} << 30;
constexpr int kPingIntervalMinMillis = 20'000;  // clients ping every 30 s; the default allows one in 5 minutes

// A client that has not greeted by then is gone.
constexpr int kHandshakeMaxMillis = 10'000;
// A client is asked for a sign of life this often, and cut when none came in time: it is gone, or reads nothing.
constexpr int kKeepaliveMillis = 60'000;
constexpr int kKeepaliveTimeoutMillis = 30'000;
// Open files that are kept for the database, the log and the like.
constexpr int kFilesReserved = 512;

// Connections that there may be. Raises the limit on open files to the highest that the system allows.
int ConnectionsMax(const ServerOptions& options) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return options.max_connections;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const rlim_t room = files.rlim_max > 2 * kFilesReserved ? files.rlim_max - kFilesReserved : files.rlim_max / 2;
  return static_cast<int>(std::min<rlim_t>(room, options.max_connections));
}

// Calls and streams that the services let in, and one Watch of the health service on each connection.
int64_t CallsMax(const ServerOptions& options, int64_t replica_streams_max, int connections_max) {
  return int64_t{options.max_calls} + options.max_calls / 2 + options.max_batches + options.max_listings +
         options.max_mails + options.max_watches + replica_streams_max + connections_max;
}

void SetUp(const ServerOptions& options, int64_t replica_streams_max, grpc::ServerBuilder* builder) {
  grpc::EnableDefaultHealthCheckService(true);
  builder->SetMaxReceiveMessageSize(kMessageBytesMax);
  builder->SetResourceQuota(grpc::ResourceQuota("suppressd").Resize(kGrpcMemoryBytesMax));
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // else a second server would share the port in silence
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kPingIntervalMinMillis);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMillis);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMillis);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMaxMillis);
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_calls_per_connection);
  const int connections_max = ConnectionsMax(options);
  SocketGate::Get().SetLimits({.connections_max = connections_max,
                               .connections_per_peer_max = options.max_connections_per_peer,
                               .calls_per_connection_max = static_cast<size_t>(options.max_calls_per_connection),
                               .calls_max = CallsMax(options, replica_streams_max, connections_max)});
}

absl::StatusOr<std::vector<ListenAddress>> ClearedAddresses(const ServerOptions& options) {
  std::vector<ListenAddress> wanted;
  for (const std::string& text : options.listen_addresses) {
    absl::StatusOr<ListenAddress> address = ParseListenAddress(text);
    if (!address.ok()) return address.status();
    if (!address->socket_path.empty()) {
      if (absl::Status status = ClearSocket(address->socket_path); !status.ok()) return status;
    }
    wanted.push_back(*std::move(address));
  }
  return wanted;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Start(const ServerOptions& options,
                                                          const std::vector<grpc::Service*>& services,
                                                          const std::vector<std::string>& healthy,
                                                          int64_t replica_streams_max, const Guard* guard) {
  // Plugins must be there before the builder is made.
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  if (options.channelz) grpc::channelz::experimental::InitChannelzService();
  grpc::ServerBuilder builder;
  SetUp(options, replica_streams_max, &builder);
  for (grpc::Service* service : services) builder.RegisterService(service);
  if (guard->on()) {
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
    interceptors.push_back(GuardForeignCalls(guard));
    builder.experimental().SetInterceptorCreators(std::move(interceptors));
  }
  const absl::StatusOr<std::vector<ListenAddress>> wanted = ClearedAddresses(options);
  if (!wanted.ok()) return wanted.status();
  std::unique_ptr<Listener> listener(new Listener);
  if (ServesTls(options)) {
    absl::StatusOr<std::unique_ptr<TlsServing>> tls = TlsServing::Open(options);
    if (!tls.ok()) return tls.status();
    listener->tls_ = *std::move(tls);
  }
  std::vector<int> ports(wanted->size(), 0);
  for (size_t i = 0; i < wanted->size(); ++i) {
    const bool plain = listener->tls_ == nullptr || !(*wanted)[i].socket_path.empty();
    builder.AddListeningPort((*wanted)[i].text,
                             plain ? grpc::InsecureServerCredentials() : listener->tls_->credentials(), &ports[i]);
  }
  const mode_t old_mask = umask(static_cast<mode_t>(~SocketMode(options) & 0777));  // no moment with a wider mode
  listener->server_ = builder.BuildAndStart();
  umask(old_mask);
  for (size_t i = 0; i < wanted->size(); ++i) {
    const ListenAddress& address = (*wanted)[i];
    absl::Status noted = listener->NoteAddress(options, address.text, address.socket_path, ports[i]);
    if (!noted.ok()) return noted;
  }
  if (listener->server_ == nullptr) return absl::UnavailableError("the gRPC server does not start");
  if (listener->tls_ != nullptr) {
    for (const int port : listener->ports_) SocketGate::Get().SetTlsPort(port);
  }
  for (const std::string& name : healthy) listener->SetServing(name, true);
  if (options.port_file.empty()) return listener;
  if (absl::Status status = WritePortFile(options.port_file, listener->addresses_); !status.ok()) return status;
  return listener;
}

absl::Status Listener::NoteAddress(const ServerOptions& options, const std::string& text,
                                   const std::string& socket_path, int port) {
  if (port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", text, ": the address is in use or may not be bound"));
  }
  if (socket_path.empty()) {
    addresses_.push_back(absl::StrCat(text.substr(0, text.rfind(':')), ":", port));
    ports_.push_back(port);
    return absl::OkStatus();
  }
  addresses_.push_back(text);
  return SetSocketAccess(socket_path, SocketMode(options), options.socket_group);
}

void Listener::SetServing(const std::string& name, bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(name, serving);
}

void Listener::SetAllServing(bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(serving);
}

void Listener::Shutdown(absl::Time deadline) {
  // gRPC alone waits for clients to acknowledge that the server goes away, or for the deadline.
  SocketGate& gate = SocketGate::Get();
  for (const int port : ports_) gate.EndIdle(port);
  const auto end_stalled = [&] {
    int left = 0;
    for (const int port : ports_) left += gate.EndStalled(port, kStalledMax);
    return left;
  };
  absl::Mutex mutex;
  SteadyWait woken;
  bool ended = false;
  std::thread stalled([&] {
    absl::MutexLock lock(&mutex);
    while (!woken.AwaitFor(&mutex, kStopTick, [&] { return ended; })) end_stalled();
  });
  server_->Shutdown(absl::ToChronoTime(deadline));
  {
    absl::MutexLock lock(&mutex);
    ended = true;
  }
  woken.Notify();
  stalled.join();
  // gRPC is done; clients may still read.
  const absl::Time end = SteadyPoint() + (deadline - absl::Now());
  while (SteadyPoint() < end && end_stalled() > 0) absl::SleepFor(kStopTick);
  for (const int port : ports_) gate.ForgetPort(port);
}

std::shared_ptr<grpc::Channel> Listener::OwnChannel() {
  return server_->InProcessChannel(grpc::ChannelArguments());
}

void Listener::Wait() {
  server_->Wait();
}

}  // namespace suppressd
