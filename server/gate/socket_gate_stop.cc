// How connections end when the server stops: behind what was answered, not before it.
//
// What the system has taken may wait in the socket's buffer for seconds. A socket that is shut down for reading, or
// closed, answers the client's next bytes (the WINDOW_UPDATE of whoever reads) with a reset and drops that buffer. So a
// connection without calls is shut down for writing only and read on until the client closes it.
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "server/gate/gate_connection.h"
#include "server/gate/socket_facts.h"
#include "server/gate/socket_gate.h"

namespace suppressd {

void SocketGate::EndIdle(int port) {
  absl::MutexLock lock(&mutex_);
  if (ending_.insert(port).second) ports_that_end_.fetch_add(1, std::memory_order_relaxed);
  const absl::Duration now = Now();
  for (const auto& [fd, connection] : connections_) {
    if (connection->port != port) continue;
    connection->moved_at = now;
    EndIfIdle(connection.get());
  }
}

void SocketGate::ForgetPort(int port) {
  absl::MutexLock lock(&mutex_);
  tls_ports_.erase(port);
  if (ending_.erase(port) > 0) ports_that_end_.fetch_sub(1, std::memory_order_relaxed);
  for (auto it = connections_.begin(); it != connections_.end();) {
    Connection* const connection = (it++)->second.get();
    if (connection->port == port && connection->lingers) CloseNow(connection);
  }
}

int SocketGate::EndStalled(int port, absl::Duration stalled_max) {
  int left = 0;
  absl::MutexLock lock(&mutex_);
  const absl::Duration now = Now();
  for (auto it = connections_.begin(); it != connections_.end();) {
    Connection* const connection = (it++)->second.get();
    if (connection->port != port || connection->ended.load(std::memory_order_relaxed)) continue;
    EndIfIdle(connection);
    bool closed = false;
    if (connection->lingers) {
      const int64_t discarded = DiscardReceived(connection->fd);
      closed = discarded < 0;
      if (!closed) connection->bytes_received_since_let_go.fetch_add(discarded, std::memory_order_relaxed);
    }
    if (!closed && !HasStalled(connection, now, stalled_max)) {
      ++left;
    } else if (connection->lingers) {
      CloseNow(connection);
    } else {
      End(connection);
    }
  }
  return left;
}

bool SocketGate::HasStalled(Connection* connection, absl::Duration now, absl::Duration stalled_max) {
  const uint64_t moved = connection->bytes_sent.load(std::memory_order_relaxed) - UnsentBytes(connection->fd) +
                         connection->bytes_received_since_let_go.load(std::memory_order_relaxed);
  if (std::exchange(connection->moved, moved) != moved) connection->moved_at = now;
  return now - connection->moved_at >= stalled_max;
}

void SocketGate::EndIfIdle(Connection* connection) {
  {
    absl::MutexLock lock(&connection->mutex);
    if (!connection->limits.idle() || connection->tls_unsent.load()) return;
  }
  LetGo(connection);
}

void SocketGate::LetGo(Connection* connection) {
  if (connection->ended.load(std::memory_order_relaxed) || connection->let_go.exchange(true)) return;
  syscall(SYS_shutdown, connection->fd, SHUT_WR);
}

int SocketGate::Shutdown(int socket, int how) {
  if (how == SHUT_RDWR && ports_that_end_.load(std::memory_order_relaxed) > 0) {
    absl::MutexLock lock(&mutex_);
    Connection* const connection = Find(socket);
    if (connection != nullptr && ending_.contains(connection->port) &&
        !connection->ended.load(std::memory_order_relaxed) &&
        !connection->peer_closed.load(std::memory_order_relaxed)) {
      LetGo(connection);
      return 0;
    }
  }
  return static_cast<int>(syscall(SYS_shutdown, socket, how));
}

bool SocketGate::Linger(Connection* connection) {
  if (!connection->let_go.load() || connection->ended.load() || connection->peer_closed.load() ||
      !ending_.contains(connection->port)) {
    return false;
  }
  // Closing would have done this.
  if (const int epoll = connection->epoll.load(); epoll >= 0) {
    syscall(SYS_epoll_ctl, epoll, EPOLL_CTL_DEL, connection->fd, nullptr);
  }
  EndCalls(connection);
  connection->lingers = true;
  return true;
}

int SocketGate::EpollControl(int epoll, int operation, int fd, epoll_event* event) {
  Connection* const connection = Find(fd);
  if (connection != nullptr && operation == EPOLL_CTL_ADD) connection->epoll.store(epoll);
  return static_cast<int>(syscall(SYS_epoll_ctl, epoll, operation, fd, event));
}

}  // namespace suppressd

// In place of the system library's, as those in server/gate/socket_gate.cc.
extern "C" {

int shutdown(int socket, int how) {
  return suppressd::SocketGate::Get().Shutdown(socket, how);
}

int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) {
  return suppressd::SocketGate::Get().EpollControl(epoll, operation, fd, event);
}

}  // extern "C"
