#include "server/socket_gate.h"

#include <netinet/in.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <utility>

namespace suppression {
namespace {

// Of a clock that costs next to nothing to read and is exact to a few milliseconds.
absl::Duration Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return absl::DurationFromTimespec(now);
}

// The address without the port, which differs from connection to connection.
std::string PeerOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return std::string(reinterpret_cast<const char*>(&v4.sin_addr), sizeof(v4.sin_addr));
  }
  // Whoever has one IPv6 address has as a rule the 64 bits behind the network's prefix.
  constexpr size_t kPrefixBytes = 8;
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  const char* bytes = reinterpret_cast<const char*>(&v6.sin6_addr);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return std::string(bytes + 12, 4);
  return std::string(bytes, kPrefixBytes);
}

int LocalPort(int fd) {
  sockaddr_storage address{};
  socklen_t bytes = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes) != 0) return 0;
  return ntohs(address.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(address).sin_port
                                            : reinterpret_cast<sockaddr_in6&>(address).sin6_port);
}

// Calls void(absl::string_view) for the first `bytes` of what a message holds.
template <typename Take>
void ForEachPart(const msghdr& message, size_t bytes, const Take& take) {
  for (size_t i = 0; i < message.msg_iovlen && bytes > 0; ++i) {
    const size_t part = std::min(bytes, message.msg_iov[i].iov_len);
    take(absl::string_view(static_cast<const char*>(message.msg_iov[i].iov_base), part));
    bytes -= part;
  }
}

}  // namespace

struct SocketGate::Connection {
  Connection(int fd_in, std::string peer_in, int port_in, size_t calls_max)
      : fd(fd_in), peer(std::move(peer_in)), port(port_in), limits(calls_max) {}

  const int fd;
  const std::string peer;
  const int port;
  std::atomic<bool> ended{false};
  std::atomic<size_t> open_calls{0};    // as the limits count
  std::atomic<uint64_t> bytes_sent{0};  // taken by the system
  uint64_t bytes_sent_before = 0;       // at the last EndStalled; of the gate's mutex
  absl::Mutex mutex;
  ConnectionLimits limits ABSL_GUARDED_BY(mutex);
};

SocketGate::SocketGate() = default;

SocketGate& SocketGate::Get() {
  static SocketGate& gate = *new SocketGate;  // sockets are closed until the very end of the process
  return gate;
}

void SocketGate::SetLimits(const GateLimits& limits) {
  absl::MutexLock lock(&mutex_);
  limits_ = limits;
  calls_max_.store(limits.calls_max, std::memory_order_relaxed);
}

void SocketGate::EndIdle(int port) {
  absl::MutexLock lock(&mutex_);
  if (ending_.insert(port).second) ports_that_end_.fetch_add(1, std::memory_order_relaxed);
  for (const auto& [fd, connection] : connections_) {
    if (connection->port != port) continue;
    connection->bytes_sent_before = connection->bytes_sent.load(std::memory_order_relaxed);
    EndIfIdle(connection.get());
  }
}

void SocketGate::ForgetPort(int port) {
  absl::MutexLock lock(&mutex_);
  if (ending_.erase(port) > 0) ports_that_end_.fetch_sub(1, std::memory_order_relaxed);
}

int SocketGate::EndStalled(int port) {
  int left = 0;
  absl::MutexLock lock(&mutex_);
  for (const auto& [fd, connection] : connections_) {
    if (connection->port != port) continue;
    ++left;
    const uint64_t sent = connection->bytes_sent.load(std::memory_order_relaxed);
    if (std::exchange(connection->bytes_sent_before, sent) == sent) End(connection.get());
  }
  return left;
}

void SocketGate::EndIfIdle(Connection* connection) {
  bool idle;
  {
    absl::MutexLock lock(&connection->mutex);
    idle = connection->limits.goaway_sent() && connection->limits.open_calls() == 0;
  }
  if (idle) End(connection);
}

int SocketGate::connections() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int>(connections_.size());
}

std::array<int64_t, kCutReasons> SocketGate::TakeCuts() {
  std::array<int64_t, kCutReasons> cuts;
  for (int i = 0; i < kCutReasons; ++i) cuts[i] = cuts_[i].exchange(0);
  return cuts;
}

int SocketGate::Accept(int listening, sockaddr* address, socklen_t* address_bytes, int flags) {
  while (true) {
    const int fd = static_cast<int>(syscall(SYS_accept4, listening, address, address_bytes, flags));
    // gRPC closes a listener for good whose accept fails for any other reason, as when there are no more descriptors.
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) errno = ECONNABORTED;
    if (fd < 0) return fd;
    sockaddr_storage peer{};
    socklen_t peer_bytes = sizeof(peer);
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_bytes) == 0 && peer.ss_family != AF_INET &&
        peer.ss_family != AF_INET6) {
      return fd;
    }
    if (Add(fd, PeerOf(peer), LocalPort(fd))) return fd;
    syscall(SYS_close, fd);
    cuts_[static_cast<int>(CutReason::kNone)].fetch_add(1, std::memory_order_relaxed);
  }
}

bool SocketGate::Add(int fd, const std::string& peer, int port) {
  absl::MutexLock lock(&mutex_);
  if (fd >= kSocketsMax || static_cast<int>(connections_.size()) >= limits_.connections_max) return false;
  int& of_peer = per_peer_[peer];
  if (of_peer >= limits_.connections_per_peer_max) return false;
  ++of_peer;
  auto connection = std::make_unique<Connection>(fd, peer, port, limits_.calls_per_connection_max);
  connections_by_fd_[fd].store(connection.get(), std::memory_order_release);
  connections_[fd] = std::move(connection);
  return true;
}

int SocketGate::Close(int fd) {
  if (Find(fd) != nullptr) {
    absl::MutexLock lock(&mutex_);
    const auto it = connections_.find(fd);
    EndCalls(it->second.get());
    if (const auto peer = per_peer_.find(it->second->peer); --peer->second == 0) per_peer_.erase(peer);
    connections_by_fd_[fd].store(nullptr, std::memory_order_release);
    connections_.erase(it);
  }
  return static_cast<int>(syscall(SYS_close, fd));
}

void SocketGate::Count(int64_t calls) {
  open_calls_.fetch_add(calls, std::memory_order_relaxed);
}

ssize_t SocketGate::Receive(int socket, msghdr* message, int flags) {
  Connection* const connection = Find(socket);
  if (connection != nullptr && connection->ended.load(std::memory_order_relaxed)) {
    errno = ECONNRESET;
    return -1;
  }
  const ssize_t received = syscall(SYS_recvmsg, socket, message, flags);
  if (connection == nullptr || received <= 0 || (flags & MSG_ERRQUEUE) != 0) return received;
  const absl::Duration now = Now();
  CutReason reason = CutReason::kNone;
  int resets = 0;
  bool over_share = false;
  {
    absl::MutexLock lock(&connection->mutex);
    ForEachPart(*message, received, [&](absl::string_view bytes) {
      connection->mutex.AssertHeld();
      if (reason == CutReason::kNone) reason = connection->limits.Received(bytes, now);
    });
    const size_t open = connection->limits.open_calls();
    Count(static_cast<int64_t>(open) - static_cast<int64_t>(connection->open_calls.exchange(open)));
    resets = connection->limits.TakeNewResets();
    over_share = connection->limits.recent_resets() > kResetsShare;
  }
  if (resets > 0) {
    absl::MutexLock lock(&mutex_);
    while (resets-- > 0) {
      if (!all_resets_.Take(now) && over_share && reason == CutReason::kNone) reason = CutReason::kAllResets;
    }
  }
  if (reason == CutReason::kNone && IsOverShare(*connection, now)) reason = CutReason::kAllCalls;
  if (reason != CutReason::kNone) {
    Cut(connection, reason);
    errno = ECONNRESET;
    return -1;
  }
  CutLargest();
  return received;
}

ssize_t SocketGate::Send(int socket, const msghdr* message, int flags) {
  Connection* const connection = Find(socket);
  if (connection == nullptr) return syscall(SYS_sendmsg, socket, message, flags);
  if (connection->ended.load(std::memory_order_relaxed)) {
    errno = EPIPE;
    return -1;
  }
  const ssize_t sent = syscall(SYS_sendmsg, socket, message, flags);
  if (sent <= 0) return sent;
  connection->bytes_sent.fetch_add(sent, std::memory_order_relaxed);
  {
    absl::MutexLock lock(&connection->mutex);
    ForEachPart(*message, sent, [&](absl::string_view bytes) {
      connection->mutex.AssertHeld();
      connection->limits.Sent(bytes);
    });
    const size_t open = connection->limits.open_calls();
    Count(static_cast<int64_t>(open) - static_cast<int64_t>(connection->open_calls.exchange(open)));
  }
  if (ports_that_end_.load(std::memory_order_relaxed) > 0) {
    absl::MutexLock lock(&mutex_);
    if (ending_.contains(connection->port)) EndIfIdle(connection);
  }
  return sent;
}

bool SocketGate::End(Connection* connection) {
  if (connection->ended.exchange(true)) return false;
  EndCalls(connection);
  shutdown(connection->fd, SHUT_RDWR);
  return true;
}

void SocketGate::EndCalls(Connection* connection) {
  const int64_t calls = connection->open_calls.exchange(0);
  if (calls == 0) return;
  Count(-calls);
  const absl::Duration now = Now();
  absl::MutexLock lock(&ended_mutex_);
  ForgetEnded(now);
  ended_.push_back({connection->peer, calls, now});
  ended_calls_.fetch_add(calls, std::memory_order_relaxed);
}

void SocketGate::Cut(Connection* connection, CutReason reason) {
  if (End(connection)) cuts_[static_cast<int>(reason)].fetch_add(1, std::memory_order_relaxed);
}

std::map<absl::string_view, int64_t> SocketGate::CallsOfPeers() const {
  std::map<absl::string_view, int64_t> calls;
  for (const auto& [fd, connection] : connections_) {
    calls[connection->peer] += connection->open_calls.load(std::memory_order_relaxed);
  }
  return calls;
}

void SocketGate::ForgetEnded(absl::Duration now) {
  while (!ended_.empty() && now - ended_.front().at > kEndedCallsCount) {
    ended_calls_.fetch_sub(ended_.front().calls, std::memory_order_relaxed);
    ended_.pop_front();
  }
}

bool SocketGate::IsOverShare(const Connection& connection, absl::Duration now) {
  const int64_t calls_max = calls_max_.load(std::memory_order_relaxed);
  const int64_t open = connection.open_calls.load(std::memory_order_relaxed);
  if (open <= kCallsShareMin || open_calls_.load() + ended_calls_.load() <= calls_max) return false;
  absl::MutexLock lock(&mutex_);
  if (open <= calls_max / 2 / static_cast<int64_t>(connections_.size())) return false;
  absl::MutexLock ended_lock(&ended_mutex_);
  ForgetEnded(now);
  if (open_calls_.load() + ended_calls_.load() <= calls_max) return false;
  std::map<absl::string_view, int64_t> of_peers = CallsOfPeers();
  for (const Ended& ended : ended_) of_peers[ended.peer] += ended.calls;
  for (const auto& [peer, calls] : of_peers) {
    if (calls > of_peers[connection.peer]) return false;
  }
  return true;
}

void SocketGate::CutLargest() {
  if (open_calls_.load(std::memory_order_relaxed) <= calls_max_.load(std::memory_order_relaxed)) return;
  absl::MutexLock lock(&mutex_);
  if (open_calls_.load(std::memory_order_relaxed) <= limits_.calls_max) return;
  std::map<absl::string_view, int64_t> of_peers = CallsOfPeers();
  int64_t most = 0;
  for (const auto& [peer, calls] : of_peers) most = std::max(most, calls);
  Connection* largest = nullptr;
  for (const auto& [fd, connection] : connections_) {
    if (of_peers[connection->peer] == most && (largest == nullptr || connection->open_calls > largest->open_calls)) {
      largest = connection.get();
    }
  }
  if (largest != nullptr) Cut(largest, CutReason::kAllCalls);
}

}  // namespace suppression

// In place of the system library's: the dynamic linker looks into the program first, also for gRPC's calls.
extern "C" {

int accept4(int socket, sockaddr* __restrict address, socklen_t* __restrict address_bytes, int flags) {
  return suppression::SocketGate::Get().Accept(socket, address, address_bytes, flags);
}

ssize_t recvmsg(int socket, msghdr* message, int flags) {
  return suppression::SocketGate::Get().Receive(socket, message, flags);
}

ssize_t sendmsg(int socket, const msghdr* message, int flags) {
  return suppression::SocketGate::Get().Send(socket, message, flags);
}

int close(int fd) {
  return suppression::SocketGate::Get().Close(fd);
}

}  // extern "C"
