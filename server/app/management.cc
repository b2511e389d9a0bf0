#include "server/app/management.h"

#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/error.h"
#include "server/app/reloads.h"
#include "server/base/log.h"
#include "server/base/steady_time.h"
#include "server/gate/socket_gate.h"
#include "server/rpc/grpc_status.h"

namespace suppressd {
namespace {

constexpr char kVersion[] = SUPPRESSD_VERSION;

// Names of gRPC's status codes, as go-grpc-prometheus and its kin write them.
constexpr std::array<const char*, MethodMetrics::kCodes> kCodeNames = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

// "/package.Service/Method" as two labels.
MetricLabels LabelsOf(const MethodMetrics& method) {
  const size_t slash = method.name.rfind('/');
  return {{"grpc_service", method.name.substr(1, slash - 1)}, {"grpc_method", method.name.substr(slash + 1)}};
}

// Calls void(const MethodMetrics&) for each method of the services.
template <typename Visit>
void ForEachMethod(const std::vector<const AllMethodMetrics*>& services, const Visit& visit) {
  for (const AllMethodMetrics* methods : services) {
    for (const auto& method : *methods) visit(*method);
  }
}

std::string Lower(const std::string& name) {
  return absl::AsciiStrToLower(name);
}

}  // namespace

void AddCommonPages(const ServerOptions& options, const Access* access, ManagementPages* pages) {
  Metrics& metrics = pages->metrics();
  metrics.AddProcess();
  metrics.AddGauges("suppressd_build_info", "1, and the version as a label.", [] {
    return std::vector<MetricValue>{{{{"version", kVersion}}, 1}};
  });
  metrics.AddGauge("suppressd_connections", "TCP connections of clients.",
                   [] { return SocketGate::Get().connections(); });
  metrics.AddGauge("suppressd_open_calls", "Calls open on TCP connections.",
                   [] { return static_cast<double>(SocketGate::Get().open_calls()); });
  metrics.AddCounter("suppressd_log_dropped_lines_total", "Log lines that standard error did not take.",
                     [] { return static_cast<double>(DroppedLogLines()); });
  metrics.AddCounters("suppressd_access_denied_total", "Calls refused to those who may not make them, by reason.",
                      [guard = &access->guard()] {
                        return std::vector<MetricValue>{
                            {{{"reason", "unauthenticated"}}, static_cast<double>(guard->unauthenticated())},
                            {{{"reason", "denied"}}, static_cast<double>(guard->denied())}};
                      });
  metrics.AddCounters("suppressd_errors_total", "Errors that callers were told, by reason.", [] {
    std::vector<MetricValue> values;
    for (int reason = 1; reason < v1::ErrorReason_ARRAYSIZE; ++reason) {
      if (!v1::ErrorReason_IsValid(reason)) continue;
      const int64_t count = ErrorsTold(static_cast<v1::ErrorReason>(reason));
      if (count != 0) values.push_back({{{"reason", ReasonName(static_cast<v1::ErrorReason>(reason))}}, double(count)});
    }
    return values;
  });
  metrics.AddGauges("suppressd_config_reload_success", "Whether the newest version of a file could be used.", [] {
    std::vector<MetricValue> values;
    for (const auto& [file, ok] : Reloads::Get().All()) values.push_back({{{"file", file}}, ok ? 1.0 : 0.0});
    return values;
  });
  pages->AddCheck("connections to spare", [] {
    return SocketGate::Get().full() ? absl::UnavailableError("--max_connections is reached") : absl::OkStatus();
  });
  pages->AddStatus([started = SteadyNow(), data_dir = options.data_dir] {
    return std::vector<std::pair<std::string, std::string>>{
        {"version", kVersion},
        {"uptime", absl::FormatDuration(absl::Trunc(SteadyNow() - started, absl::Seconds(1)))},
        {"time", absl::FormatTime(absl::RFC3339_sec, absl::Now(), absl::UTCTimeZone())},
        {"data directory", data_dir},
        {"connections", absl::StrCat(SocketGate::Get().connections())}};
  });
}

void AddCallMetrics(std::vector<const AllMethodMetrics*> services, Metrics* metrics) {
  metrics->AddCounters("grpc_server_started_total", "Calls begun.", [services] {
    std::vector<MetricValue> values;
    ForEachMethod(services, [&](const MethodMetrics& method) {
      values.push_back({LabelsOf(method), static_cast<double>(method.started())});
    });
    return values;
  });
  metrics->AddCounters("grpc_server_handled_total", "Calls ended, by status code.", [services] {
    std::vector<MetricValue> values;
    ForEachMethod(services, [&](const MethodMetrics& method) {
      for (int code = 0; code < MethodMetrics::kCodes; ++code) {
        const int64_t count = method.handled(code);
        if (count == 0 && code != 0) continue;
        MetricLabels labels = LabelsOf(method);
        labels.emplace_back("grpc_code", kCodeNames[static_cast<size_t>(code)]);
        values.push_back({std::move(labels), static_cast<double>(count)});
      }
    });
    return values;
  });
  metrics->AddGauges("grpc_server_in_flight", "Calls begun and not ended.", [services] {
    std::vector<MetricValue> values;
    ForEachMethod(services, [&](const MethodMetrics& method) {
      int64_t open = method.started();
      for (int code = 0; code < MethodMetrics::kCodes; ++code) open -= method.handled(code);
      values.push_back({LabelsOf(method), static_cast<double>(open)});
    });
    return values;
  });
  metrics->AddHistograms("grpc_server_handling_seconds",
                         "How long calls took, from the first byte of work to the answer.", [services] {
                           std::vector<MetricHistogram> values;
                           ForEachMethod(services, [&](const MethodMetrics& method) {
                             values.push_back({LabelsOf(method), &method.took});
                           });
                           return values;
                         });
}

void AddListMetrics(const ListMetrics* list, Metrics* metrics) {
  metrics->AddCounters("suppressd_lookups_total", "Addresses checked, by answer.", [list] {
    std::vector<MetricValue> values;
    for (int answer = 1; answer < ListMetrics::kAnswers; ++answer) {
      const auto name = v1::IsSuppressedResponse::Answer_Name(static_cast<v1::IsSuppressedResponse::Answer>(answer));
      values.push_back({{{"result", Lower(name)}}, static_cast<double>(list->lookups(answer))});
    }
    return values;
  });
  metrics->AddCounters(
      "suppressd_classified_total", "Recipients of reports, by what the report was taken for.", [list] {
        std::vector<MetricValue> values;
        for (int bounce_class = 1; bounce_class < ListMetrics::kClasses; ++bounce_class) {
          for (int reason = 0; reason < ListMetrics::kReasons; ++reason) {
            const int64_t count = list->classified(bounce_class, reason);
            if (count == 0) continue;
            const auto class_name = v1::Verdict::Class_Name(static_cast<v1::Verdict::Class>(bounce_class));
            const auto reason_name = v1::BounceReason_Name(static_cast<v1::BounceReason>(reason));
            values.push_back({{{"class", Lower(class_name)}, {"reason", reason == 0 ? "none" : Lower(reason_name)}},
                              static_cast<double>(count)});
          }
        }
        return values;
      });
  metrics->AddCounters("suppressd_report_effects_total",
                       "Recipients of reports, by what the report did to their entry.", [list] {
                         std::vector<MetricValue> values;
                         for (int effect = 1; effect < ListMetrics::kEffects; ++effect) {
                           const auto name = v1::BounceEvent::Effect_Name(static_cast<v1::BounceEvent::Effect>(effect));
                           values.push_back({{{"effect", Lower(name)}}, static_cast<double>(list->effects(effect))});
                         }
                         return values;
                       });
  metrics->AddCounter("suppressd_suppressed_by_hand_total", "Entries put on the list by Suppress.",
                      [list] { return static_cast<double>(list->suppressed_by_hand()); });
  metrics->AddCounter("suppressd_reactivated_total", "Entries lifted by Reactivate.",
                      [list] { return static_cast<double>(list->reactivated()); });
}

void AddStorage(const StorageWatch* storage, int min_free_disk_mib, ManagementPages* pages) {
  Metrics& metrics = pages->metrics();
  metrics.AddGauges("suppressd_storage_free_bytes", "Free space under the data directory, as seen last.", [storage] {
    const int64_t free = storage->state().free_bytes;
    return free < 0 ? std::vector<MetricValue>() : std::vector<MetricValue>{{{}, static_cast<double>(free)}};
  });
  metrics.AddGauge("suppressd_storage_min_free_bytes", "Writes are refused while less is free (--min_free_disk_mib).",
                   [min_free_disk_mib] { return static_cast<double>(int64_t{min_free_disk_mib} << 20); });
  metrics.AddGauge("suppressd_storage_shedding", "1 while writes are refused because of the disk.",
                   [storage] { return storage->state().phase == StoragePhase::kOk ? 0 : 1; });
  metrics.AddCounter("suppressd_storage_sheds_total", "How often writes began to be refused because of the disk.",
                     [storage] { return static_cast<double>(storage->state().shed_count); });
  pages->AddStatus([storage] {
    const StorageState state = storage->state();
    std::string says = "well";
    if (state.phase != StoragePhase::kOk) {
      says = absl::StrCat(state.phase == StoragePhase::kShedding ? "writes are refused" : "is being opened again",
                          ", for ", absl::FormatDuration(absl::Trunc(SteadyPoint() - state.since, absl::Seconds(1))),
                          ": ", state.cause);
    }
    const std::string free = state.free_bytes < 0 ? "not known" : absl::StrCat(state.free_bytes >> 20, " MiB");
    return std::vector<std::pair<std::string, std::string>>{{"storage", says}, {"free on its disk", free}};
  });
}

void AddBackups(const Backups* backups, const BackupWatch* watch, ManagementPages* pages) {
  Metrics& metrics = pages->metrics();
  metrics.AddGauge("suppressd_backup_age_seconds",
                   "How old the newest complete backup is; without one, how long it has been missing since the start.",
                   [watch] { return absl::ToDoubleSeconds(watch->age()); });
  metrics.AddGauge("suppressd_backup_late_after_seconds", "From which age on the newest backup is too old.",
                   [watch] { return absl::ToDoubleSeconds(watch->late_after()); });
  metrics.AddGauges("suppressd_backup_last_success_timestamp_seconds",
                    "When the newest complete backup was made, in seconds since 1970.", [backups] {
                      const std::optional<BackupNote> newest = backups->newest();
                      if (!newest.has_value()) return std::vector<MetricValue>();
                      return std::vector<MetricValue>{{{}, static_cast<double>(newest->created_micros) / 1e6}};
                    });
  metrics.AddCounter("suppressd_backups_failed_total", "Backups that could not be made.",
                     [backups] { return static_cast<double>(backups->failures()); });
  pages->AddNote("backups", [watch] {
    if (absl::Status trouble = watch->trouble(); !trouble.ok()) return trouble;
    if (watch->age() <= watch->late_after()) return absl::OkStatus();
    return absl::UnavailableError("the newest backup is too old");
  });
  pages->AddStatus([backups, watch] {
    const std::optional<BackupNote> newest = backups->newest();
    std::string says = "none yet";
    if (newest.has_value()) {
      says = absl::StrCat(newest->id, ", at revision ", newest->state.revision, ", ",
                          absl::FormatDuration(absl::Trunc(watch->age(), absl::Seconds(1))), " old");
    }
    const absl::Duration busy = absl::Trunc(watch->busy(), absl::Seconds(1));
    const bool waits = busy == absl::ZeroDuration();
    return std::vector<std::pair<std::string, std::string>>{
        {"newest backup", says},
        {"backups", waits ? "waiting" : absl::StrCat("at work for ", absl::FormatDuration(busy))}};
  });
}

void AddWork(std::vector<NamedWork> work, ManagementPages* pages) {
  for (const NamedWork& queue : work) {
    if (queue.busy) pages->heartbeats().Add(queue.name, kLongWorkLateAfter, queue.busy);
  }
  const auto histograms = [work = std::move(work)](const LatencyHistogram WorkTimes::*which) {
    std::vector<MetricHistogram> values;
    for (const NamedWork& queue : work) values.push_back({{{"queue", queue.name}}, &(queue.times->*which)});
    return values;
  };
  Metrics& metrics = pages->metrics();
  metrics.AddHistograms("suppressd_queue_seconds", "How long work waited for a thread, by queue.",
                        [histograms] { return histograms(&WorkTimes::queued); });
  metrics.AddHistograms("suppressd_work_seconds", "How long work took from then on, by queue.",
                        [histograms] { return histograms(&WorkTimes::worked); });
}

void AddRocks(std::function<RocksFigures()> figures, Metrics* metrics) {
  struct Row {
    const char* name;
    const char* help;
    uint64_t RocksFigures::*figure;
  };
  static constexpr Row kRows[] = {
      {"suppressd_rocksdb_background_errors", "Errors of RocksDB's work in the background.",
       &RocksFigures::background_errors},
      {"suppressd_rocksdb_write_stopped", "1 while RocksDB takes no write until compaction has caught up.",
       &RocksFigures::is_write_stopped},
      {"suppressd_rocksdb_delayed_write_bytes_per_second", "How much RocksDB lets through; 0: it delays no write.",
       &RocksFigures::delayed_write_rate},
      {"suppressd_rocksdb_pending_compaction_bytes", "What compaction has yet to rewrite, estimated.",
       &RocksFigures::pending_compaction_bytes},
      {"suppressd_rocksdb_table_file_bytes", "Size of all table files.", &RocksFigures::table_file_bytes},
      {"suppressd_rocksdb_memtable_bytes", "Size of all memtables.", &RocksFigures::memtable_bytes},
      {"suppressd_rocksdb_block_cache_bytes", "What the block cache holds.", &RocksFigures::block_cache_bytes}};
  for (const Row& row : kRows) {
    metrics->AddGauge(row.name, row.help,
                      [figures, figure = row.figure] { return static_cast<double>(figures().*figure); });
  }
}

absl::Status ServeManagement(const ServerOptions& options, ManagementPages* pages) {
  if (options.management_address.empty()) return absl::OkStatus();
  if (absl::Status status = pages->Serve(options.management_address); !status.ok()) {
    return absl::IsInvalidArgument(status) ? WrongOption("management_address", status) : status;
  }
  LogInfo("managing", {{"address", pages->address()}});
  return absl::OkStatus();
}

}  // namespace suppressd
