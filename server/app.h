// The server as a whole: makes every part in order, runs until told to stop, and takes them apart in reverse.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/server.h"
#include "server/options.h"
#include "server/replication.h"
#include "server/rule_book.h"
#include "server/service.h"
#include "storage/local_commit_log.h"
#include "storage/store.h"

namespace suppression {

// Not thread-safe; the parts are.
class App {
 public:
  // Opens the store, binds the addresses and serves. An error is one clear sentence for the person who started it.
  static absl::StatusOr<std::unique_ptr<App>> Start(const ServeOptions& options);
  // Stops like Stop with no time to drain, unless stopped before.
  ~App();

  // Reads the policy file and the rules file again; logs the outcome of each.
  void Reload();
  // Looks whether storage still takes writes and tells the health service; lets go what replicas no longer use.
  void UpdateHealth();
  // Turns unready, ends streams, turns new calls away (SHUTTING_DOWN), finishes those in flight (at most for
  // `timeout`), makes everything durable, closes.
  void Stop(absl::Duration timeout);

  // The addresses that were bound, with real ports: "127.0.0.1:7025", "unix:/path".
  const std::vector<std::string>& addresses() const { return addresses_; }
  Store& store() { return *store_; }
  LocalCommitLog& log() { return *log_; }
  SuppressionService& service() { return *service_; }
  ReplicationService& replication() { return *replication_; }

 private:
  App() = default;
  absl::Status Listen(const ServeOptions& options);

  std::unique_ptr<RuleBook> rules_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<LocalCommitLog> log_;
  std::unique_ptr<SuppressionService> service_;
  std::unique_ptr<ReplicationService> replication_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::string> addresses_;
  bool writes_served_ = true;
};

// Runs a server until SIGTERM or SIGINT; SIGHUP reloads policy and rules. Returns the exit code: 0 after an orderly
// stop, 1 when it could not start (one line on stderr says why).
int Serve(const ServeOptions& options);

}  // namespace suppression
