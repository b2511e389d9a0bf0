// A connection as the gate keeps it (server/gate/socket_gate.h).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/gate/connection_limits.h"
#include "server/gate/socket_gate.h"

namespace suppressd {

// Thread-safe, but for what is said to be of the gate's mutex. The gate's mutex is taken before this one's.
struct SocketGate::Connection {
  Connection(int fd_in, std::string peer_in, int port_in, size_t calls_max, absl::Duration now)
      : fd(fd_in), peer(std::move(peer_in)), port(port_in), moved_at(now), limits(calls_max) {}

  // Nothing that is still read or written of it counts.
  bool over() const { return ended.load(std::memory_order_relaxed) || closed.load(std::memory_order_relaxed); }

  const int fd;
  const std::string peer;
  const int port;
  std::atomic<Speaks> speaks{Speaks::kNothingYet};
  std::atomic<bool> tls_unsent{false};   // of TLS: the system has not taken all that was written
  std::atomic<int> epoll{-1};            // where gRPC waits for it; -1: nowhere yet
  std::atomic<bool> ended{false};        // as if the peer had reset it
  std::atomic<bool> closed{false};       // by gRPC; the descriptor may soon be another's
  std::atomic<bool> let_go{false};       // it ends behind what the system has taken; nothing more is sent
  std::atomic<bool> peer_closed{false};  // nothing more comes, and nothing needs to go
  std::atomic<size_t> open_calls{0};     // as the limits count; changes under `mutex`
  std::atomic<uint64_t> bytes_sent{0};   // taken by the system
  std::atomic<uint64_t> bytes_received_since_let_go{0};

  // Of the gate's mutex.
  bool lingers = false;  // gRPC has closed it, the descriptor is the gate's
  uint64_t moved = 0;    // what changes when the peer's system takes something
  absl::Duration moved_at;

  absl::Mutex mutex;
  ConnectionLimits limits ABSL_GUARDED_BY(mutex);
  // Of plaintext on a TLS port.
  bool greeted ABSL_GUARDED_BY(mutex) = false;
  size_t plaintext_bytes ABSL_GUARDED_BY(mutex) = 0;
};

}  // namespace suppressd
