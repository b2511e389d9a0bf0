// What stands between the network and gRPC: how many connections there are, and what each may do.
//
// gRPC 1.51 has no limits of this kind and no place to put them, so the gate stands where gRPC asks the system: this
// program has functions of its own in place of accept4, recvmsg, sendmsg, shutdown, epoll_ctl and close
// (docs/decisions/0014). They ask the system, count, and for a connection that does too much answer as if the peer had
// reset it. Only TCP connections that this process accepted are looked at: Unix sockets and connections to others pass.
// Of TLS the frames are judged where gRPC asks OpenSSL for them: tls_gate.cc has functions in place of
// SSL_set_accept_state, SSL_read and SSL_write. And getpeername tells of a Unix socket who has connected, so that the
// peer of a call is "unix:/uid/1000/gid/100".
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/gate/connection_limits.h"

namespace suppressd {

// Calls taken back on all connections: so many at once, and so many a second ever after. Beyond, a connection that took
// back more than its share is cut.
inline constexpr double kAllResetsBurst = 20'000;
inline constexpr double kAllResetsPerSecond = 5'000;
inline constexpr double kResetsShare = 100;

// The calls of a connection that was ended keep their memory until gRPC has cancelled them; they count so long. Those
// of one peer count for a part of GateLimits::calls_max at most, so that it can come back with the rest.
inline constexpr absl::Duration kEndedCallsCount = absl::Seconds(5);
inline constexpr int64_t kEndedCallsPart = 2;
// What a connection may have open in any case while there are too many calls.
inline constexpr int64_t kCallsShareMin = 10;

struct GateLimits {
  int connections_max = 2'000;
  // From one address.
  int connections_per_peer_max = 500;
  // Open at once on one connection, and on all.
  size_t calls_per_connection_max = 1'000;
  int64_t calls_max = 11'000;
};

// What the first byte of a client tells, and the port it came to.
enum class Speaks { kNothingYet, kPlaintext, kTls, kPlaintextForTls };

// One per process, as the functions above are. Thread-safe.
class SocketGate {
 public:
  static SocketGate& Get();

  // For connections that are accepted from now on.
  void SetLimits(const GateLimits& limits);
  // This port of ours speaks TLS. Who speaks plaintext there is told so, and cut.
  void SetTlsPort(int port);
  // Connections to this port of ours that were told to go away, or are, end as soon as no call is open on them: behind
  // all that was sent, and gone when the peer closes them.
  void EndIdle(int port);
  // After EndIdle, again and again: looks after the connections to this port, and ends those whose peer took nothing
  // for this long. How many are left, those included that gRPC has closed and whose peer has not read all.
  int EndStalled(int port, absl::Duration stalled_max);
  // Forgets what EndIdle was told of a port, and closes what gRPC has closed.
  void ForgetPort(int port);

  int connections() const;
  // There are as many connections as there may be.
  bool full() const;
  // Calls open on all connections, and those of ended ones that still count.
  int64_t open_calls() const { return open_calls_.load(); }
  int64_t ended_calls() const { return ended_calls_.load(); }
  // Connections turned away or cut since the last call of this, by reason; those that were turned away under kNone.
  std::array<int64_t, kCutReasons> TakeCuts();

  // What the functions in place of the system's do.
  int Accept(int listening, sockaddr* address, socklen_t* address_bytes, int flags);
  ssize_t Receive(int socket, msghdr* message, int flags);
  ssize_t Send(int socket, const msghdr* message, int flags);
  int Shutdown(int socket, int how);
  int EpollControl(int epoll, int operation, int fd, epoll_event* event);
  int Close(int fd);
  int PeerName(int fd, sockaddr* address, socklen_t* address_bytes);

  struct Connection;  // server/gate/gate_connection.h

  // Of TLS. The connection that this thread has accepted last, unless it was taken; null: none.
  std::shared_ptr<Connection> TakeAccepted();
  // Takes what the client sent, in plaintext. False: it is cut.
  bool ReceivedInTls(Connection* connection, absl::string_view bytes);
  // The client changed its key, for which it need not send a frame.
  void ReceivedKeyUpdate(Connection* connection);
  void SentInTls(Connection* connection, absl::string_view bytes);

 private:
  // A connection with a higher number is turned away.
  static constexpr int kSocketsMax = 1 << 16;

  SocketGate();
  // Of a clock that costs next to nothing to read and is exact to a few milliseconds.
  static absl::Duration Now();
  Connection* Find(int fd) const {
    return fd >= 0 && fd < kSocketsMax ? connections_by_fd_[fd].load(std::memory_order_acquire) : nullptr;
  }
  // This thread has accepted a connection; -1: one that the gate does not look at.
  static void NoteAccepted(int fd);
  // What a connection speaks, by its first byte.
  Speaks Listen(Connection* connection, const msghdr& message);
  // Takes what a client sends in plaintext on a TLS port, gives none of it to gRPC, and answers its first call.
  ssize_t ReceiveForTls(Connection* connection, msghdr* message, int flags, ssize_t received);
  // What is to be done with the sender of what was received.
  CutReason Judge(Connection* connection, const msghdr& message, size_t received);
  // False: there are too many.
  bool Add(int fd, const std::string& peer, int port);
  // Ends a connection as if the peer had reset it. False: it is ended already.
  bool End(Connection* connection);
  void Cut(Connection* connection, CutReason reason);
  // The connection ends, by us or by its peer: its open calls count for some time more.
  void EndCalls(Connection* connection);
  // Takes over how many calls the connection has open, unless it is over; at most this many.
  void CountCalls(Connection* connection, size_t calls_max = SIZE_MAX);
  // When there are too many calls, those of ended connections included. True: this connection is of the peer that has
  // most of them and has more than its share, so that what it has just sent is not taken.
  bool IsOverShare(const Connection& connection, absl::Duration now);
  // When too many calls are open: ends the largest connection of the peer that has most of them. Connections with no
  // more than kCallsShareMin are passed over.
  void CutLargest();
  void ForgetEnded(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(ended_mutex_);
  std::map<absl::string_view, int64_t> CallsOfPeers() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndIfIdle(Connection* connection) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Nothing more is sent; what is under way goes on, and then the end.
  void LetGo(Connection* connection) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // gRPC closes it: true when the descriptor must stay until the peer has read all.
  bool Linger(Connection* connection) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasStalled(Connection* connection, absl::Duration now, absl::Duration stalled_max)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Closes the descriptor. The connection is gone.
  void CloseNow(Connection* connection) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::array<std::atomic<Connection*>, kSocketsMax> connections_by_fd_{};
  std::atomic<int64_t> open_calls_{0};
  std::atomic<int64_t> ended_calls_{0};  // the sum of ended_
  std::atomic<int64_t> calls_max_{GateLimits().calls_max};
  std::array<std::atomic<int64_t>, kCutReasons> cuts_{};
  std::atomic<int> ports_that_end_{0};

  struct Ended {
    std::string peer;
    int64_t calls;
    absl::Duration at;
  };
  // Taken after mutex_ and after the mutex of a connection.
  mutable absl::Mutex ended_mutex_ ABSL_ACQUIRED_AFTER(mutex_);
  std::deque<Ended> ended_ ABSL_GUARDED_BY(ended_mutex_);                        // for kEndedCallsCount, oldest first
  std::map<std::string, int64_t> ended_of_peers_ ABSL_GUARDED_BY(ended_mutex_);  // the sums of ended_

  mutable absl::Mutex mutex_;
  GateLimits limits_ ABSL_GUARDED_BY(mutex_);
  std::set<int> ending_ ABSL_GUARDED_BY(mutex_);
  std::set<int> tls_ports_ ABSL_GUARDED_BY(mutex_);
  std::map<int, std::shared_ptr<Connection>> connections_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> per_peer_ ABSL_GUARDED_BY(mutex_);
  Allowance all_resets_ ABSL_GUARDED_BY(mutex_){kAllResetsBurst, kAllResetsPerSecond};
};

}  // namespace suppressd
