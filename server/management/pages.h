// The pages of the management port: /metrics for Prometheus, /livez and /readyz for probes, /statusz for people.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/heartbeat.h"
#include "server/management/http_server.h"
#include "server/management/metrics.h"

namespace suppressd {

// Thread-safe.
class ManagementPages {
 public:
  // What must hold for the server to be ready, by name.
  using Check = std::function<absl::Status()>;
  // Lines of the status page.
  using Lines = std::function<std::vector<std::pair<std::string, std::string>>()>;

  Metrics& metrics() { return metrics_; }
  Heartbeats& heartbeats() { return heartbeats_; }
  void AddCheck(std::string name, Check check);
  // Something that is told of with them, and keeps nobody from being ready.
  void AddNote(std::string name, Check check);
  void AddStatus(Lines lines);

  // Binds an address and serves the pages; see HttpServer::Start.
  absl::Status Serve(const std::string& address);
  // The bound address; empty: none.
  std::string address() const { return server_ == nullptr ? "" : server_->address(); }
  // Nothing is asked any more: readiness is gone, and the rest goes before what it looks at. Liveness stays.
  void BeginStop();

  // What a page says.
  HttpAnswer Answer(const std::string& path, const std::string& query) const;

 private:
  HttpAnswer Live() const;
  HttpAnswer Ready(bool verbose) const;
  HttpAnswer Status() const;

  Metrics metrics_;
  Heartbeats heartbeats_;
  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  struct Named {
    std::string name;
    Check check;
    bool must_hold;
  };
  std::vector<Named> checks_ ABSL_GUARDED_BY(mutex_);
  std::vector<Lines> status_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<HttpServer> server_;  // last: it asks for the others
};

}  // namespace suppressd
