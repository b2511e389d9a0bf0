// What the gate does for TLS ports: it tells who speaks plaintext there, and judges what TLS carries, which tls_gate.cc
// gives it.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "server/gate/gate_connection.h"
#include "server/gate/socket_gate.h"
#include "server/gate/speak_tls.h"
#include "server/gate/tls_gate.h"

namespace suppressd {
namespace {

// The connection whose bytes this thread has received last.
thread_local int greeting_fd = -1;

}  // namespace

void SocketGate::NoteGreeting(int fd) {
  greeting_fd = fd;
}

ssize_t SocketGate::ReceiveForTls(Connection* connection, msghdr* message, int flags, ssize_t received) {
  const auto answer = [connection](const std::string& bytes) {
    syscall(SYS_sendto, connection->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT, nullptr, 0);
  };
  // gRPC waits for the next bytes once all are read.
  for (; received > 0; received = syscall(SYS_recvmsg, connection->fd, message, flags)) {
    CutReason reason = Judge(connection, *message, received);
    uint32_t call = 0;
    {
      absl::MutexLock lock(&connection->mutex);
      if (!std::exchange(connection->greeted, true)) answer(kEmptySettings);
      call = connection->limits.last_stream();
    }
    if (reason == CutReason::kNone && call > 0) {
      answer(SpeakTls(call));
      reason = CutReason::kPlaintext;
    }
    if (reason == CutReason::kNone) continue;
    Cut(connection, reason);
    errno = ECONNRESET;
    return -1;
  }
  return received;
}

void SocketGate::SetTlsPort(int port) {
  UseTlsGate();
  absl::MutexLock lock(&mutex_);
  tls_ports_.insert(port);
}

std::shared_ptr<SocketGate::Connection> SocketGate::Greeting() {
  absl::MutexLock lock(&mutex_);
  const auto found = connections_.find(std::exchange(greeting_fd, -1));
  return found == connections_.end() ? nullptr : found->second;
}

std::shared_ptr<SocketGate::Connection> SocketGate::Stranger() {
  absl::MutexLock lock(&mutex_);
  return std::make_shared<Connection>(-1, "", 0, limits_.calls_per_connection_max, Now());
}

bool SocketGate::ReceivedInTls(Connection* connection, absl::string_view bytes) {
  if (connection->ended.load(std::memory_order_relaxed)) return false;
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const CutReason reason = Judge(connection, message, bytes.size());
  if (reason != CutReason::kNone) {
    Cut(connection, reason);
    return false;
  }
  CutLargest();
  return true;
}

void SocketGate::SentInTls(Connection* connection, absl::string_view bytes) {
  connection->tls_unsent.store(true);
  absl::MutexLock lock(&connection->mutex);
  connection->limits.Sent(bytes);
  CountCalls(connection);
}

}  // namespace suppressd
