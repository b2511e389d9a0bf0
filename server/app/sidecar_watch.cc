// What is watched of a sidecar: its disk, and what the management port tells of it.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/app/sidecar_app.h"
#include "server/base/steady_time.h"

namespace suppressd {
namespace {

// How often the disk is told that the replica is complete.
constexpr absl::Duration kNoteInterval = absl::Seconds(10);

}  // namespace

void SidecarApp::WatchStorage() {
  // The replica that is served at the time.
  const auto served = [this](const auto& ask) {
    const std::shared_ptr<ReplicaView> view = replica_->view();
    return view == nullptr ? absl::OkStatus() : ask(*view->store);
  };
  const GuardedStorage replica{
      .trouble = [served](absl::Time) { return served([](const ReplicaStore& store) { return store.trouble(); }); },
      .shed =
          [served](const absl::Status& why) {
            served([&](ReplicaStore& store) {
              store.Shed(why);
              return absl::OkStatus();
            }).IgnoreError();
          },
      .recover = [served] { return served([](ReplicaStore& store) { return store.Recover(); }); }};
  const GuardedStorage outbox{.trouble =
                                  [this](absl::Time) {
                                    const absl::Status stuck = outbox_->GiveUpStuck(SteadyPoint());
                                    return stuck.ok() ? outbox_->trouble() : stuck;
                                  },
                              .shed = [this](const absl::Status& why) { outbox_->Shed(why); },
                              .recover =
                                  [this] {
                                    const absl::Status stuck = outbox_->GiveUpStuck(SteadyPoint());
                                    return stuck.ok() ? outbox_->Recover() : stuck;
                                  }};
  storage_ =
      std::make_unique<StorageWatch>(options_.data_dir, options_, std::vector<GuardedStorage>{replica, outbox}, [this] {
        NoteState(kNoteInterval);
        ReplicaAdvanced();
        replica_->Sweep();
      });
}

absl::Status SidecarApp::Manage() {
  AddCommonPages(options_, access_.get(), &pages_);
  Metrics& metrics = pages_.metrics();
  AddCallMetrics({&service_->methods(), &replication_->methods(), &status_->methods(), &no_admin_->methods()},
                 &metrics);
  AddListMetrics(&service_->metrics(), &metrics);
  const auto status = [this] { return Status(); };
  metrics.AddGauges("suppressd_replica_state", "1 for the state that the replica is in.", [status] {
    std::vector<MetricValue> values;
    const v1::Replica::State now = status().state();
    for (int state = 1; state < v1::Replica::State_ARRAYSIZE; ++state) {
      const auto name = v1::Replica::State_Name(static_cast<v1::Replica::State>(state));
      if (!name.empty()) values.push_back({{{"state", absl::AsciiStrToLower(name)}}, state == now ? 1.0 : 0.0});
    }
    return values;
  });
  metrics.AddGauges(
      "suppressd_replica_staleness_seconds", "How old the replica is at most; missing without one.", [status] {
        const v1::GetSidecarStatusResponse now = status();
        if (!now.has_staleness()) return std::vector<MetricValue>();
        const double seconds =
            static_cast<double>(now.staleness().seconds()) + static_cast<double>(now.staleness().nanos()) / 1e9;
        return std::vector<MetricValue>{{{}, seconds}};
      });
  metrics.AddGauge("suppressd_entries", "Entries, of all lists; estimated.",
                   [status] { return static_cast<double>(status().estimated_entry_count()); });
  metrics.AddGauge("suppressd_outbox_reports", "Reports that wait for the server.",
                   [status] { return static_cast<double>(status().outbox_report_count()); });
  metrics.AddGauges(
      "suppressd_outbox_oldest_seconds", "How long the oldest of them waits; missing without one.", [status] {
        const v1::GetSidecarStatusResponse now = status();
        if (!now.has_outbox_oldest_at()) return std::vector<MetricValue>();
        const double age = absl::ToDoubleSeconds(absl::Now() - absl::FromUnixSeconds(now.outbox_oldest_at().seconds()));
        return std::vector<MetricValue>{{{}, std::max(0.0, age)}};
      });
  metrics.AddGauge("suppressd_outbox_refused_reports", "Reports that the server refused for good, and that are kept.",
                   [status] { return static_cast<double>(status().outbox_refused_count()); });
  std::vector<NamedWork> work = service_->work();
  work.push_back(outbox_->work());
  AddWork(std::move(work), &pages_);
  AddRocks(
      [this] {
        const std::shared_ptr<ReplicaView> view = replica_->view();
        return view == nullptr ? RocksFigures() : view->store->reader().Figures();
      },
      &metrics);
  pages_.heartbeats().Add("delivery", kLongWorkLateAfter, [this] { return delivery_->busy(); });
  pages_.heartbeats().Add("follower", kLongWorkLateAfter, [this] { return follower_->busy(); });
  AddStorage(storage_.get(), options_.min_free_disk_mib, &pages_);
  pages_.heartbeats().Add("main", kTickLateAfter, [this] { return tick_.busy(); });
  pages_.AddCheck("replica served", [this] {
    absl::MutexLock lock(&mutex_);
    return ready_ ? absl::OkStatus() : absl::UnavailableError("there is no replica yet, or none that may be served");
  });
  pages_.AddNote("server reached", [status] {
    const v1::GetSidecarStatusResponse now = status();
    return now.last_error().empty() ? absl::OkStatus() : absl::UnavailableError(now.last_error());
  });
  pages_.AddStatus([status] {
    const v1::GetSidecarStatusResponse now = status();
    return std::vector<std::pair<std::string, std::string>>{
        {"kind", "sidecar"},
        {"replica", now.replica_id()},
        {"server", now.upstream()},
        {"state", v1::Replica::State_Name(now.state())},
        {"revision", now.revision_token()},
        {"entries, about", absl::StrCat(now.estimated_entry_count())},
        {"reports that wait", absl::StrCat(now.outbox_report_count())},
        {"reports refused", absl::StrCat(now.outbox_refused_count())},
        {"last error", now.last_error().empty() ? "none" : now.last_error()}};
  });
  return ServeManagement(options_, &pages_);
}

}  // namespace suppressd
