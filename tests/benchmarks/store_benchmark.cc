// Point lookups and pages of a store with many entries.
//
// SUPPRESSD_BENCH_ENTRIES sets how many (1,000,000 when unset; script/bench takes 10,000,000). The store is built in a
// temporary directory first, which takes minutes for 10 million; SUPPRESSD_BENCH_STORE names a directory where it is
// kept for the next time.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>

#include "tests/testing/compact_store.h"
#include "tests/testing/fill_store.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

int64_t entries = 1'000'000;
Store* store = nullptr;

std::vector<std::pair<std::string, std::string>> RandomNames(bool present, int count) {
  std::mt19937_64 random(present ? 1 : 2);
  std::vector<std::pair<std::string, std::string>> names;
  for (int i = 0; i < count; ++i) {
    const stored::Target target = TargetOf(FilledAddress(static_cast<int64_t>(random() % entries)));
    names.emplace_back(target.domain(), present ? target.local_part() : "no" + target.local_part());
  }
  return names;
}

void Get(benchmark::State& state, bool present) {
  const auto names = RandomNames(present, 20'000);
  size_t i = 0;
  for (const auto& [domain, local_part] : names) {  // warm
    Lookup found;
    if (!store->reader().Get({"default", domain, local_part}, &found).ok()) std::abort();
  }
  for (auto _ : state) {
    const auto& [domain, local_part] = names[i++ % names.size()];
    Lookup found;
    benchmark::DoNotOptimize(store->reader().Get({"default", domain, local_part}, &found));
    if (found.address.has_value() != present) state.SkipWithError("wrong answer");
  }
}
void GetMiss(benchmark::State& state) {
  Get(state, false);
}
void GetHit(benchmark::State& state) {
  Get(state, true);
}
BENCHMARK(GetMiss);
BENCHMARK(GetHit);

void MultiGetMiss1000(benchmark::State& state) {
  const auto names = RandomNames(false, 20'000);
  size_t next = 0;
  std::vector<EntryName> batch(1000);
  for (auto _ : state) {
    for (EntryName& name : batch) {
      const auto& [domain, local_part] = names[next++ % names.size()];
      name = {"default", domain, local_part};
    }
    uint64_t revision = 0;
    benchmark::DoNotOptimize(store->reader().MultiGet(
        batch, [](size_t, bool, stored::StoredEntry) {}, &revision));
  }
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(MultiGetMiss1000);

// One page of 100 at a depth of so many pages per thousand of the list.
void ListPageAtDepth(benchmark::State& state) {
  ListQuery query;
  query.tenant = "default";
  query.now_micros = Day(0);
  query.page_size = 100;
  const int64_t i = entries - 1 - (entries - 1) * state.range(0) / 1000;
  if (state.range(0) > 0) {
    const stored::Target target = TargetOf(FilledAddress(i));
    query.after_key =
        TimeKey({"default", target.domain(), target.local_part()}, v1::BOUNCE_REASON_UNSPECIFIED, Day(-30, i));
    query.first_revision = store->head().head();
  }
  for (auto _ : state) benchmark::DoNotOptimize(store->reader().List(query));
}
BENCHMARK(ListPageAtDepth)->Arg(0)->Arg(1)->Arg(500)->Arg(990);

// Filled, or filled up when that was broken off, and compacted: what is measured is not the work that filling left
// behind. Null when that fails.
std::unique_ptr<Store> OpenFilled(const StoreOptions& options) {
  auto opened = Store::Open(options);
  if (!opened.ok()) return nullptr;
  const int64_t filled = static_cast<int64_t>((*opened)->head().head());  // one revision each
  if (filled == entries) return *std::move(opened);
  if (!FillStore(opened->get(), filled, entries).ok()) return nullptr;
  opened->reset();
  if (!CompactStore(options)) return nullptr;
  opened = Store::Open(options);
  return opened.ok() ? *std::move(opened) : nullptr;
}

}  // namespace
}  // namespace suppressd

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (const char* entries = std::getenv("SUPPRESSD_BENCH_ENTRIES")) suppressd::entries = std::atoll(entries);
  suppressd::TempDirectory directory;
  suppressd::StoreOptions options;
  const char* kept = std::getenv("SUPPRESSD_BENCH_STORE");
  options.path = kept != nullptr ? kept : directory / "data";
  auto store = suppressd::OpenFilled(options);
  if (store == nullptr) {
    std::fprintf(stderr, "cannot fill the store\n");
    return 1;
  }
  suppressd::store = store.get();
  std::printf("store of %lld entries\n", static_cast<long long>(suppressd::entries));
  benchmark::RunSpecifiedBenchmarks();
}
