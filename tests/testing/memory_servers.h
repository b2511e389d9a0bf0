// Servers that share a log in memory, each with a store of its own.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/store.h"
#include "tests/testing/memory_log.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {

// For one thread; a server's log is thread-safe.
class MemoryServers {
 public:
  MemoryServers(const MemoryLogOptions& options, int count)
      : lineage_(options.lineage), log_(options), servers_(count) {
    for (int i = 0; i < count; ++i) Open(i);
  }

  int size() const { return static_cast<int>(servers_.size()); }
  MemoryLog& shared() { return log_; }
  MemoryLogServer& log(int i) { return *servers_[i].log; }
  Store& store(int i) { return *servers_[i].store; }
  StoreOptions options(int i) const { return {.path = directory_ / std::to_string(i), .block_cache_mib = 8}; }

  // The server ends without notice, and starts again with what its store holds.
  void Crash(int i) {
    servers_[i].log->Crash();
    Restart(i);
  }
  // Closes it, and starts it again.
  void Restart(int i) {
    Close(i);
    Open(i);
  }
  // Closes log and store.
  void Close(int i) {
    servers_[i].log.reset();
    servers_[i].store.reset();
  }

 private:
  struct Server {
    std::unique_ptr<Store> store;
    std::unique_ptr<MemoryLogServer> log;
  };

  void Open(int i) {
    auto store = Store::Open(options(i), lineage_);
    ASSERT_TRUE(store.ok()) << store.status();
    servers_[i].store = *std::move(store);
    servers_[i].log = log_.Connect();
    const absl::Status started = servers_[i].log->Start(&servers_[i].store->applier());
    ASSERT_TRUE(started.ok()) << started;
  }

  const uint64_t lineage_;
  const TempDirectory directory_;
  MemoryLog log_;
  std::vector<Server> servers_;
};

}  // namespace suppressd
