// A gRPC server on its addresses: what every suppressd serves beside its own services (health, reflection, channelz),
// how sockets are bound, and what bounds requests before a handler sees them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/server.h"
#include "server/app/options.h"
#include "server/app/tls_serving.h"
#include "server/rpc/guard.h"

namespace suppressd {

// Beyond this gRPC itself refuses a message, without reading it; below, the service answers with a reason.
inline constexpr int kMessageBytesMax = 32 << 20;

// While the server stops, a connection whose peer takes nothing for this long is ended; they are looked at this often.
inline constexpr absl::Duration kStalledMax = absl::Seconds(2);
inline constexpr absl::Duration kStopTick = absl::Milliseconds(100);

// Not thread-safe.
class Listener {
 public:
  // Binds the addresses and serves. Every name of `healthy` is SERVING from the beginning. An error is one clear
  // sentence for the person who started the server. The services must outlive it. `guard` stands before calls of gRPC's
  // own services, and must outlive it too. `replica_streams_max`: how many streams of replicas the services let in,
  // beside the calls that the options bound.
  static absl::StatusOr<std::unique_ptr<Listener>> Start(const ServerOptions& options,
                                                         const std::vector<grpc::Service*>& services,
                                                         const std::vector<std::string>& healthy,
                                                         int64_t replica_streams_max, const Guard* guard);

  // The addresses that were bound, with real ports: "127.0.0.1:7025", "unix:/path".
  const std::vector<std::string>& addresses() const { return addresses_; }
  // What the health service tells of a name; of all names.
  void SetServing(const std::string& name, bool serving);
  void SetAllServing(bool serving);
  // Ends connections that have no call behind what was answered, those that take nothing for kStalledMax, and at the
  // deadline all that are left; returns when none is.
  void Shutdown(absl::Time deadline);
  void Wait();
  // A channel into this server that needs no socket: for a call of its own.
  std::shared_ptr<grpc::Channel> OwnChannel();
  // The last moment at which the certificate is valid; infinite future: there is none.
  absl::Time not_after() const { return tls_ == nullptr ? absl::InfiniteFuture() : tls_->not_after(); }
  // Looks whether files of certificates have changed. Call it once a second.
  void Look() {
    if (tls_ != nullptr) tls_->Look();
  }

 private:
  Listener() = default;
  absl::Status NoteAddress(const ServerOptions& options, const std::string& text, const std::string& socket_path,
                           int port);

  std::unique_ptr<TlsServing> tls_;  // null: plaintext
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::string> addresses_;
  std::vector<int> ports_;  // of TCP
};

}  // namespace suppressd
