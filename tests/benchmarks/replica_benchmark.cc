// A replica: loading a snapshot, following changes, checks, and what it takes of memory and disk.
//
// SUPPRESSD_BENCH_ENTRIES sets how many entries (1,000,000 when unset; script/bench takes 10,000,000). Only Load and
// FinishLoad are timed, not the making of the entries. Memory is that of the whole process, the benchmark's included.
#include <benchmark/benchmark.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <random>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "rocksdb/db.h"
#include "storage/rocksdb_settings.h"
#include "storage/store.h"
#include "tests/testing/snapshot_entries.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

constexpr int kBlockCacheMib = 64;
constexpr int kChangesPerBatch = 64;

int64_t entries = 1'000'000;
ReplicaStore* replica = nullptr;

[[noreturn]] void Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

// A line of /proc/self/status, in MiB: VmRSS is what the process has in memory now, VmHWM the most that it ever had.
int64_t MemoryMib(const std::string& line) {
  std::ifstream status("/proc/self/status");
  std::string word;
  int64_t kib = 0;
  while (status >> word) {
    if (word == line + ":" && status >> kib) break;
  }
  return kib / 1024;
}

void PrintMemory(const char* when) {
  std::printf("memory %s: %" PRId64 " MiB, at most %" PRId64 " MiB so far (block cache %d MiB)\n", when,
              MemoryMib("VmRSS"), MemoryMib("VmHWM"), kBlockCacheMib);
}

void LoadAll(ReplicaStore* store) {
  absl::Duration loading;
  std::clock_t clocks = 0;  // of the processor: what others do on the machine is not in it
  const auto timed = [&](auto step) {
    const absl::Time begin = absl::Now();
    const std::clock_t clocks_begin = std::clock();
    if (absl::Status status = step(); !status.ok()) Fail(status);
    clocks += std::clock() - clocks_begin;
    loading += absl::Now() - begin;
  };
  ForEachPart(entries,
              [&](const std::vector<stored::StoredEntry>& part) { timed([&] { return store->writer().Load(part); }); });
  const absl::Duration adding = loading;
  timed([&] { return store->writer().FinishLoad(static_cast<uint64_t>(entries) + 1, Day(0)); });
  std::printf("loaded %" PRId64
              " entries in %.1f s (%.1f s of processor), %.1f s of it in FinishLoad: %.0f entries/s\n",
              entries, absl::ToDoubleSeconds(loading), static_cast<double>(clocks) / CLOCKS_PER_SEC,
              absl::ToDoubleSeconds(loading - adding), static_cast<double>(entries) / absl::ToDoubleSeconds(loading));
}

// Bytes on disk by column family, of a store that is closed.
void PrintDisk(const StoreOptions& options) {
  RetentionCutoffs cutoffs;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  rocksdb::DB* opened = nullptr;
  const auto descriptors = ColumnFamilyDescriptors(options, DatabaseKind::kReplica, &cutoffs);
  if (!rocksdb::DB::OpenForReadOnly(RocksDbOptions(options, DatabaseKind::kReplica), options.path + "/db", descriptors,
                                    &families, &opened)
           .ok()) {
    return;
  }
  const std::unique_ptr<rocksdb::DB> db(opened);
  double sum = 0;
  for (size_t i = 0; i < families.size(); ++i) {
    rocksdb::ColumnFamilyMetaData tables;
    db->GetColumnFamilyMetaData(families[i], &tables);
    const double bytes = static_cast<double>(tables.size);
    std::string properties;
    db->GetProperty(families[i], rocksdb::DB::Properties::kAggregatedTableProperties, &properties);
    sum += bytes;
    if (bytes > 0) {
      std::printf("disk, %s: %.1f bytes an entry (%s)\n", descriptors[i].name.c_str(),
                  bytes / static_cast<double>(entries), properties.c_str());
    }
    db->DestroyColumnFamilyHandle(families[i]);
  }
  std::printf("disk, tables of all: %.1f bytes an entry\n", sum / static_cast<double>(entries));
}

void Check(benchmark::State& state, const std::string& local_part_prefix, int64_t names) {
  std::mt19937_64 random(1);
  std::vector<std::string> addresses;
  const auto pick = [&] { return local_part_prefix + FilledAddress(static_cast<int64_t>(random() % entries)); };
  const auto check = [&](const std::string& address, Lookup* found) {
    const absl::string_view view = address;
    const size_t at = view.rfind('@');
    return replica->reader().Get({"default", view.substr(at + 1), view.substr(0, at)}, found);
  };
  for (int64_t i = 0; i < names; ++i) addresses.push_back(pick());
  for (const std::string& address : addresses) {  // warm
    Lookup found;
    if (!check(address, &found).ok()) std::abort();
  }
  size_t i = 0;
  std::string any;
  for (auto _ : state) {
    if (names == 0) any = pick();
    Lookup found;
    benchmark::DoNotOptimize(check(names == 0 ? any : addresses[i++ % addresses.size()], &found));
    if (found.address.has_value() != local_part_prefix.empty()) state.SkipWithError("wrong answer");
  }
}
// Of names so few that the cache holds them.
void ReplicaCheckMiss(benchmark::State& state) {
  Check(state, "no", 2'000);
}
BENCHMARK(ReplicaCheckMiss);
void ReplicaCheckHit(benchmark::State& state) {
  Check(state, "", 2'000);
}
BENCHMARK(ReplicaCheckHit);
// All over a list that the cache does not hold; the time to make up a name is in it.
void ReplicaCheckMissAnywhere(benchmark::State& state) {
  Check(state, "no", 0);
}
BENCHMARK(ReplicaCheckMissAnywhere);
void ReplicaCheckHitAnywhere(benchmark::State& state) {
  Check(state, "", 0);
}
BENCHMARK(ReplicaCheckHitAnywhere);

// Changes of one entry each, every second one of an address that is held.
void ReplicaFollow64(benchmark::State& state) {
  std::mt19937_64 random(3);
  std::vector<RevisionChange> changes(kChangesPerBatch);
  for (auto _ : state) {
    state.PauseTiming();
    uint64_t revision = replica->head().head();
    for (RevisionChange& next : changes) {
      const int64_t i = static_cast<int64_t>(random() % entries);
      next.revision = ++revision;
      *next.change.mutable_at() = FromMicros(Day(1, static_cast<int64_t>(revision)));
      next.change.clear_entries();
      stored::StoredEntry* entry = next.change.add_entries();
      *entry = SnapshotEntry(revision % 2 == 0 ? i : entries + i, entries);
      entry->set_revision(revision);
      *entry->mutable_suppression()->mutable_listed_at() = next.change.at();
    }
    state.ResumeTiming();
    if (absl::Status status = replica->writer().Follow(changes); !status.ok()) Fail(status);
  }
  state.SetItemsProcessed(state.iterations() * kChangesPerBatch);
}
BENCHMARK(ReplicaFollow64)->UseRealTime();

void ReplicaListFirstPage(benchmark::State& state) {
  ListQuery query;
  query.tenant = "default";
  query.now_micros = Day(1);
  for (auto _ : state) benchmark::DoNotOptimize(replica->reader().List(query));
}
BENCHMARK(ReplicaListFirstPage);

absl::StatusOr<std::unique_ptr<ReplicaStore>> Open(const StoreOptions& options) {
  auto store = ReplicaStore::Open(options, 1);
  if (!store.ok()) Fail(store.status());
  return store;
}

}  // namespace
}  // namespace suppressd

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  if (const char* entries = std::getenv("SUPPRESSD_BENCH_ENTRIES")) suppressd::entries = std::atoll(entries);
  suppressd::TempDirectory directory;
  suppressd::StoreOptions options;
  options.path = directory / "data";
  options.block_cache_mib = suppressd::kBlockCacheMib;
  auto store = suppressd::Open(options);
  suppressd::PrintMemory("of an empty replica");
  suppressd::LoadAll(store->get());
  suppressd::PrintMemory("after loading");
  store->reset();
  suppressd::PrintDisk(options);
  store = suppressd::Open(options);
  suppressd::replica = store->get();
  benchmark::RunSpecifiedBenchmarks();
  suppressd::PrintMemory("after checks all over the list, and changes");
}
