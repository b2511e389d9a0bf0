// What the management port tells of both kinds of server. What only one of them has is added where it is wired
// (app.cc, sidecar_app.cc).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/work_times.h"
#include "server/app/access.h"
#include "server/app/backup_watch.h"
#include "server/app/options.h"
#include "server/app/storage_watch.h"
#include "server/list/list_metrics.h"
#include "server/management/pages.h"
#include "server/rpc/call_metrics.h"
#include "storage/rocks_figures.h"

namespace suppressd {

// Threads whose work takes longer than this are late.
inline constexpr absl::Duration kTickLateAfter = absl::Seconds(30);
inline constexpr absl::Duration kWorkLateAfter = absl::Seconds(60);
// A listing or a count may walk millions of entries; what waits for a disk that hangs is not helped by a restart.
inline constexpr absl::Duration kLongWorkLateAfter = absl::Minutes(10);

// Version, process, connections, lines dropped from the log, refused calls, certificates. The access must outlive the
// pages, or their BeginStop.
void AddCommonPages(const ServerOptions& options, const Access* access, ManagementPages* pages);

// What is counted of the calls of these services, and of the list.
void AddCallMetrics(std::vector<const AllMethodMetrics*> services, Metrics* metrics);
void AddListMetrics(const ListMetrics* list, Metrics* metrics);

// What is known of the disk, and since when writes are refused because of it.
void AddStorage(const StorageWatch* storage, int min_free_disk_mib, ManagementPages* pages);

// How old the newest backup is, and what became of the last attempt: told, and no reason to be restarted or not to be
// ready.
void AddBackups(const Backups* backups, const BackupWatch* watch, ManagementPages* pages);

// Queues of work, with heartbeats of the threads that do it.
void AddWork(std::vector<NamedWork> work, ManagementPages* pages);
// Figures of RocksDB: what `figures` says when it is asked.
void AddRocks(std::function<RocksFigures()> figures, Metrics* metrics);

// Binds --management_address, if there is one, and tells its port file of it. UNAVAILABLE, INVALID_ARGUMENT.
absl::Status ServeManagement(const ServerOptions& options, ManagementPages* pages);

}  // namespace suppressd
