#include "server/gate/socket_gate.h"

#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

#include "server/gate/gate_connection.h"
#include "server/gate/socket_facts.h"
#include "server/gate/tls_gate.h"

namespace suppressd {
namespace {

// A TLS connection begins with a record of this type (RFC 8446, section 5.1).
constexpr char kTlsHandshake = 0x16;
// gRPC hands the system more than one message at a time only when it has more parts than this.
constexpr size_t kPartsOfAWholeSend = 260;

// Calls void(absl::string_view) for the first `bytes` of what a message holds.
template <typename Take>
void ForEachPart(const msghdr& message, size_t bytes, const Take& take) {
  for (size_t i = 0; i < message.msg_iovlen && bytes > 0; ++i) {
    const size_t part = std::min(bytes, message.msg_iov[i].iov_len);
    take(absl::string_view(static_cast<const char*>(message.msg_iov[i].iov_base), part));
    bytes -= part;
  }
}

ssize_t BytesOf(const msghdr& message) {
  size_t bytes = 0;
  for (size_t i = 0; i < message.msg_iovlen; ++i) bytes += message.msg_iov[i].iov_len;
  return static_cast<ssize_t>(bytes);
}

}  // namespace

SocketGate::SocketGate() = default;

absl::Duration SocketGate::Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return absl::DurationFromTimespec(now);
}

SocketGate& SocketGate::Get() {
  static SocketGate& gate = *new SocketGate;  // sockets are closed until the very end of the process
  return gate;
}

void SocketGate::SetLimits(const GateLimits& limits) {
  absl::MutexLock lock(&mutex_);
  limits_ = limits;
  calls_max_.store(limits.calls_max, std::memory_order_relaxed);
}

int SocketGate::connections() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int>(connections_.size());
}

bool SocketGate::full() const {
  absl::MutexLock lock(&mutex_);
  return static_cast<int>(connections_.size()) >= limits_.connections_max;
}

std::array<int64_t, kCutReasons> SocketGate::TakeCuts() {
  std::array<int64_t, kCutReasons> cuts;
  for (int i = 0; i < kCutReasons; ++i) cuts[i] = cuts_[i].exchange(0);
  return cuts;
}

int SocketGate::Accept(int listening, sockaddr* address, socklen_t* address_bytes, int flags) {
  while (true) {
    sockaddr_storage peer{};
    socklen_t peer_bytes = sizeof(peer);
    const int fd = static_cast<int>(syscall(SYS_accept4, listening, &peer, &peer_bytes, flags));
    // gRPC closes a listener for good whose accept fails for any other reason, as when there are no more descriptors.
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) errno = ECONNABORTED;
    if (fd < 0) return fd;
    // Of a connection that is reset already only accept4 knows the address.
    const bool is_tcp = peer.ss_family == AF_INET || peer.ss_family == AF_INET6;
    if (is_tcp && !Add(fd, PeerOf(peer), LocalPort(fd))) {
      syscall(SYS_close, fd);
      cuts_[static_cast<int>(CutReason::kNone)].fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    NoteAccepted(is_tcp ? fd : -1);
    if (address != nullptr && address_bytes != nullptr) {
      std::memcpy(address, &peer, std::min(*address_bytes, peer_bytes));
      *address_bytes = peer_bytes;
    }
    return fd;
  }
}

bool SocketGate::Add(int fd, const std::string& peer, int port) {
  absl::MutexLock lock(&mutex_);
  if (fd >= kSocketsMax || static_cast<int>(connections_.size()) >= limits_.connections_max) return false;
  int& of_peer = per_peer_[peer];
  if (of_peer >= limits_.connections_per_peer_max) return false;
  ++of_peer;
  auto connection = std::make_shared<Connection>(fd, peer, port, limits_.calls_per_connection_max, Now());
  connections_by_fd_[fd].store(connection.get(), std::memory_order_release);
  connections_[fd] = std::move(connection);
  return true;
}

int SocketGate::Close(int fd) {
  if (Find(fd) != nullptr) {
    absl::MutexLock lock(&mutex_);
    Connection* const connection = connections_.at(fd).get();
    connection->closed.store(true);
    if (!Linger(connection)) CloseNow(connection);
    return 0;
  }
  return static_cast<int>(syscall(SYS_close, fd));
}

void SocketGate::CloseNow(Connection* connection) {
  const int fd = connection->fd;
  EndCalls(connection);
  if (const auto peer = per_peer_.find(connection->peer); --peer->second == 0) per_peer_.erase(peer);
  connections_by_fd_[fd].store(nullptr, std::memory_order_release);
  connections_.erase(fd);
  syscall(SYS_close, fd);
}

void SocketGate::CountCalls(Connection* connection, size_t calls_max) {
  connection->mutex.AssertHeld();
  if (connection->over()) return;  // EndCalls has them, or will
  const size_t open = std::min(connection->limits.open_calls(), calls_max);
  open_calls_.fetch_add(static_cast<int64_t>(open) - static_cast<int64_t>(connection->open_calls.exchange(open)),
                        std::memory_order_relaxed);
}

ssize_t SocketGate::Receive(int socket, msghdr* message, int flags) {
  Connection* const connection = Find(socket);
  if (connection != nullptr && connection->ended.load(std::memory_order_relaxed)) {
    errno = ECONNRESET;
    return -1;
  }
  const ssize_t received = syscall(SYS_recvmsg, socket, message, flags);
  if (connection != nullptr && received == 0) connection->peer_closed.store(true, std::memory_order_relaxed);
  if (connection == nullptr || received <= 0 || (flags & MSG_ERRQUEUE) != 0) return received;
  const Speaks speaks = Listen(connection, *message);
  if (speaks == Speaks::kTls) return received;
  if (speaks == Speaks::kPlaintextForTls) return ReceiveForTls(connection, message, flags, received);
  const CutReason reason = Judge(connection, *message, received);
  if (reason != CutReason::kNone) {
    Cut(connection, reason);
    errno = ECONNRESET;
    return -1;
  }
  CutLargest();
  return received;
}

Speaks SocketGate::Listen(Connection* connection, const msghdr& message) {
  Speaks speaks = connection->speaks.load(std::memory_order_relaxed);
  if (speaks != Speaks::kNothingYet) return speaks;
  char first = 0;
  ForEachPart(message, 1, [&](absl::string_view bytes) { first = bytes.empty() ? first : bytes.front(); });
  speaks = first == kTlsHandshake ? Speaks::kTls : Speaks::kPlaintext;
  absl::MutexLock lock(&mutex_);
  if (speaks == Speaks::kPlaintext && tls_ports_.contains(connection->port)) speaks = Speaks::kPlaintextForTls;
  connection->speaks.store(speaks, std::memory_order_relaxed);
  return speaks;
}

CutReason SocketGate::Judge(Connection* connection, const msghdr& message, size_t received) {
  const absl::Duration now = Now();
  CutReason reason = CutReason::kNone;
  int resets = 0;
  bool over_share = false;
  size_t open_before = 0;
  if (connection->let_go.load(std::memory_order_relaxed)) connection->bytes_received_since_let_go.fetch_add(received);
  {
    absl::MutexLock lock(&connection->mutex);
    open_before = connection->open_calls.load(std::memory_order_relaxed);
    ForEachPart(message, received, [&](absl::string_view bytes) {
      connection->mutex.AssertHeld();
      if (reason == CutReason::kNone) reason = connection->limits.Received(bytes, now);
    });
    CountCalls(connection);
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
    // gRPC does not get what has just come: the calls in it cost nothing.
    absl::MutexLock lock(&connection->mutex);
    CountCalls(connection, open_before);
  }
  return reason;
}

ssize_t SocketGate::Send(int socket, const msghdr* message, int flags) {
  Connection* const connection = Find(socket);
  if (connection == nullptr) return syscall(SYS_sendmsg, socket, message, flags);
  if (connection->ended.load(std::memory_order_relaxed)) {
    errno = EPIPE;
    return -1;
  }
  if (connection->let_go.load(std::memory_order_relaxed)) return BytesOf(*message);
  const ssize_t sent = syscall(SYS_sendmsg, socket, message, flags);
  if (sent < 0 && errno == EPIPE && connection->let_go.load()) return BytesOf(*message);  // at this moment
  if (sent <= 0) return sent;
  connection->bytes_sent.fetch_add(sent, std::memory_order_relaxed);
  if (connection->speaks.load(std::memory_order_relaxed) == Speaks::kTls) {
    if (sent == BytesOf(*message) && message->msg_iovlen < kPartsOfAWholeSend) connection->tls_unsent.store(false);
  } else {
    absl::MutexLock lock(&connection->mutex);
    ForEachPart(*message, sent, [&](absl::string_view bytes) {
      connection->mutex.AssertHeld();
      connection->limits.Sent(bytes);
    });
    CountCalls(connection);
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
  syscall(SYS_shutdown, connection->fd, SHUT_RDWR);
  return true;
}

void SocketGate::EndCalls(Connection* connection) {
  absl::MutexLock connection_lock(&connection->mutex);
  int64_t calls = static_cast<int64_t>(connection->open_calls.exchange(0));
  if (calls == 0) return;
  open_calls_.fetch_sub(calls, std::memory_order_relaxed);
  const absl::Duration now = Now();
  absl::MutexLock lock(&ended_mutex_);
  ForgetEnded(now);
  int64_t& of_peer = ended_of_peers_[connection->peer];
  calls = std::min(calls, calls_max_.load(std::memory_order_relaxed) / kEndedCallsPart - of_peer);
  if (calls > 0) {
    of_peer += calls;
    ended_.push_back({connection->peer, calls, now});
    ended_calls_.fetch_add(calls, std::memory_order_relaxed);
  } else if (of_peer == 0) {
    ended_of_peers_.erase(connection->peer);
  }
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
    const Ended& ended = ended_.front();
    ended_calls_.fetch_sub(ended.calls, std::memory_order_relaxed);
    const auto of_peer = ended_of_peers_.find(ended.peer);
    if ((of_peer->second -= ended.calls) == 0) ended_of_peers_.erase(of_peer);
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
  for (const auto& [peer, calls] : ended_of_peers_) of_peers[peer] += calls;
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
  Connection* largest = nullptr;
  std::pair<int64_t, int64_t> most;  // calls of the peer, of the connection
  for (const auto& [fd, connection] : connections_) {
    const int64_t open = connection->open_calls.load(std::memory_order_relaxed);
    const std::pair<int64_t, int64_t> calls{of_peers[connection->peer], open};
    if (open <= kCallsShareMin || (largest != nullptr && calls <= most)) continue;
    largest = connection.get();
    most = calls;
  }
  if (largest != nullptr) Cut(largest, CutReason::kAllCalls);
}

int SocketGate::PeerName(int fd, sockaddr* address, socklen_t* address_bytes) {
  const socklen_t room = *address_bytes;
  const int result = static_cast<int>(syscall(SYS_getpeername, fd, address, address_bytes));
  if (result != 0 || room < sizeof(sockaddr_un) || address->sa_family != AF_UNIX) return result;
  // What the peer has bound its own end to is its choice, and says nothing.
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  ucred peer{};
  socklen_t peer_bytes = sizeof(peer);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_bytes) == 0) {
    std::snprintf(name.sun_path, sizeof(name.sun_path), "/uid/%u/gid/%u", peer.uid, peer.gid);
  }
  std::memcpy(address, &name, sizeof(name));
  *address_bytes = sizeof(name);
  return 0;
}

}  // namespace suppressd

// In place of the system library's: the dynamic linker looks into the program first, also for gRPC's calls.
extern "C" {

int accept4(int socket, sockaddr* __restrict address, socklen_t* __restrict address_bytes, int flags) {
  return suppressd::SocketGate::Get().Accept(socket, address, address_bytes, flags);
}

ssize_t recvmsg(int socket, msghdr* message, int flags) {
  return suppressd::SocketGate::Get().Receive(socket, message, flags);
}

ssize_t sendmsg(int socket, const msghdr* message, int flags) {
  return suppressd::SocketGate::Get().Send(socket, message, flags);
}

int getpeername(int fd, sockaddr* __restrict address, socklen_t* __restrict address_bytes) {
  return suppressd::SocketGate::Get().PeerName(fd, address, address_bytes);
}

int close(int fd) {
  return suppressd::SocketGate::Get().Close(fd);
}

}  // extern "C"
