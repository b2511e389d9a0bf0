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

// What a client may send in plaintext on a TLS port before its first call.
constexpr size_t kPlaintextMaxBytes = 64 << 10;

// The connection that this thread has accepted last.
thread_local int accepted_fd = -1;

}  // namespace

void SocketGate::NoteAccepted(int fd) {
  accepted_fd = fd;
}

ssize_t SocketGate::ReceiveForTls(Connection* connection, msghdr* message, int flags, ssize_t received) {
  const auto answer = [connection](const std::string& bytes) {
    syscall(SYS_sendto, connection->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT, nullptr, 0);
  };
  // gRPC waits for the next bytes once all are read.
  for (; received > 0; received = syscall(SYS_recvmsg, connection->fd, message, flags)) {
    CutReason reason = Judge(connection, *message, received);
    bool too_much = false;
    uint32_t call = 0;
    {
      absl::MutexLock lock(&connection->mutex);
      if (!std::exchange(connection->greeted, true)) answer(kEmptySettings);
      call = connection->limits.last_stream();
      connection->plaintext_bytes += received;
      too_much = connection->plaintext_bytes > kPlaintextMaxBytes;
    }
    if (reason == CutReason::kNone && call > 0) answer(SpeakTls(call));
    if (reason == CutReason::kNone && (call > 0 || too_much)) reason = CutReason::kPlaintext;
    if (reason == CutReason::kNone) continue;
    Cut(connection, reason);
    errno = ECONNRESET;
    return -1;
  }
  if (received == 0) connection->peer_closed.store(true, std::memory_order_relaxed);
  return received;
}

void SocketGate::SetTlsPort(int port) {
  UseTlsGate();
  absl::MutexLock lock(&mutex_);
  tls_ports_.insert(port);
}

std::shared_ptr<SocketGate::Connection> SocketGate::TakeAccepted() {
  absl::MutexLock lock(&mutex_);
  const auto found = connections_.find(std::exchange(accepted_fd, -1));
  return found == connections_.end() ? nullptr : found->second;
}

bool SocketGate::ReceivedInTls(Connection* connection, absl::string_view bytes) {
  if (connection->over()) return false;
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

void SocketGate::ReceivedKeyUpdate(Connection* connection) {
  CutReason reason = CutReason::kNone;
  {
    absl::MutexLock lock(&connection->mutex);
    if (connection->over()) return;
    reason = connection->limits.ReceivedIdle(Now());
  }
  if (reason != CutReason::kNone) Cut(connection, reason);
}

void SocketGate::SentInTls(Connection* connection, absl::string_view bytes) {
  connection->tls_unsent.store(true);
  absl::MutexLock lock(&connection->mutex);
  connection->limits.Sent(bytes);
  CountCalls(connection);
}

}  // namespace suppressd
