// Several stores that apply one log end equal, in all families, whatever their batches, restarts, flushes, compactions,
// caches and options are, and however the clocks that commands are stamped by step.
//
// SUPPRESSD_DETERMINISM_SEED=N repeats a run, SUPPRESSD_DETERMINISM_RECORDS=N sets its length.
#include <gmock/gmock.h>

#include <cstdlib>
#include <random>

#include "storage/canonical.h"
#include "storage/database.h"
#include "storage/log_settings.h"
#include "storage/store.h"
#include "tests/testing/commands.h"
#include "tests/testing/compact_store.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

constexpr uint64_t kLineage = 77;
constexpr uint64_t kTimeline = 5;
constexpr int64_t kHour = kMicrosPerDay / 24;

// Makes the records of a log.
class RecordMaker {
 public:
  explicit RecordMaker(uint64_t seed) : random_(seed) {}

  LogRecord Next() {
    if (record_.position > 0 && Chance(40)) {  // the log took an append twice
      ++record_.position;
      return record_;
    }
    now_ += static_cast<int64_t>(random_() % (kMicrosPerDay / 50));
    ++record_.position;
    record_.appended_at_micros = now_;
    record_.command = MakeCommand();
    *record_.command.mutable_at() = FromMicros(At());
    record_.id = {1 + random_() % 3, ++number_};
    return record_;
  }

 private:
  bool Chance(int one_in) { return random_() % one_in == 0; }
  std::string Address() {
    return Chance(30) ? "@d" + std::to_string(random_() % 4) + ".example.com"
                      : "u" + std::to_string(random_() % 60) + "@d" + std::to_string(random_() % 4) + ".example.com";
  }
  // The clock of the server that made the command: about right, minutes off, or years off, both ways.
  int64_t At() {
    if (Chance(500)) return now_ + 730 * kMicrosPerDay;
    if (Chance(500)) return now_ - 730 * kMicrosPerDay;
    return now_ + static_cast<int64_t>(random_() % kHour) - kHour / 2;
  }
  stored::Command MakeCommand() {
    const std::string address = Address();
    const std::string tenant = Chance(5) ? "other" : "default";
    if (Chance(2000)) return MakeSettings();
    switch (random_() % 6) {
      case 0:
        return SuppressCommand(address, Chance(2) ? v1::Cause::MANUAL : v1::Cause::UNSUBSCRIBE, now_, tenant);
      case 1:
        return MakeReactivate(address, tenant);
      default:
        return MakeReport(address, tenant);
    }
  }
  stored::Command MakeReactivate(const std::string& address, const std::string& tenant) {
    stored::Command command = ReactivateCommand(address, now_, tenant);
    if (Chance(3)) {
      command.mutable_reactivate()->add_selectors()->set_type(v1::Cause::COMPLAINT);
      *command.mutable_reactivate()->mutable_consent()->mutable_obtained_at() =
          FromMicros(now_ - static_cast<int64_t>(random_() % 5) * kMicrosPerDay);
    }
    return command;
  }
  stored::Command MakeReport(const std::string& address, const std::string& tenant) {
    const bool complaint = Chance(6), soft = Chance(3);
    const auto bounce_class = complaint ? v1::Verdict::COMPLAINT : soft ? v1::Verdict::SOFT : v1::Verdict::HARD;
    const auto reason = static_cast<v1::BounceReason>(complaint ? 0 : 1 + random_() % 4);
    v1::BounceEvent event = EventOf(bounce_class, reason, now_ - static_cast<int64_t>(random_() % 3) * kMicrosPerDay);
    *event.mutable_received_at() = FromMicros(now_);
    if (Chance(2)) event.set_identity("mail to " + address);
    if (complaint && Chance(2)) event.set_stream("stream " + std::to_string(random_() % 60));
    stored::Command command =
        ReportCommand(address, event, soft ? CountDecision() : SuppressDecision(Chance(2) ? 30 : 0), now_, "", tenant);
    command.mutable_report()->mutable_recipients(0)->set_undated(Chance(4));
    if (Chance(2)) {
      command.set_request_key("r:" + std::to_string(random_() % 2'000));
      command.set_payload_digest(Chance(20) ? "another" : "one");
    }
    return command;
  }
  stored::Command MakeSettings() {
    stored::Command command;
    command.mutable_settings()->set_request_window_days(static_cast<int32_t>(7 + random_() % 20));
    command.mutable_settings()->set_bounce_retention_days(static_cast<int32_t>(1 + random_() % 60));
    return command;
  }

  std::mt19937_64 random_;
  int64_t now_ = Day(0);
  uint64_t number_ = 0;
  LogRecord record_;
};

// One server that applies the log: in batches, with restarts and compactions of its own.
class Server {
 public:
  Server(std::string path, uint64_t number) : random_(number) {
    options_.path = std::move(path);
    options_.block_cache_mib = number % 2 == 0 ? 8 : 64;
    options_.change_log_max_revisions = static_cast<int64_t>(500 * (1 + number));
    options_.change_log_max_age_days = static_cast<int>(1 + number * 3);
    Open();
  }

  // Applies records from the first that it has not; adds what came of them to its digest.
  void Apply(absl::Span<const LogRecord> records) {
    while (!records.empty()) {
      const size_t count = std::min<size_t>(records.size(), 1 + random_() % (options_.block_cache_mib == 8 ? 7 : 300));
      const Applied applied = store_->applier().Apply(records.first(count));
      ASSERT_TRUE(applied.stopped.ok()) << applied.stopped;
      for (const stored::CommandResult& result : applied.results) results_ = CanonicalDigest(results_, result);
      records.remove_prefix(count);
      if (random_() % 200 == 0) Restart();
    }
  }
  // The digest of all that counts, in every family; the store is closed.
  std::string Close(uint64_t changes_from) {
    store_.reset();
    if (random_() % 2 == 0) {
      EXPECT_TRUE(CompactStore(options_));
    }
    return Digest(changes_from);
  }
  const std::string& results() const { return results_; }
  uint64_t oldest_start() const { return store_->reader().oldest_start(); }

 private:
  void Open() {
    auto store = Store::Open(options_, kLineage);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    ASSERT_TRUE(store_->applier().Begin({.lineage = kLineage, .timeline = kTimeline}).ok());
  }
  void Restart() {
    store_.reset();
    if (random_() % 2 == 0) {
      EXPECT_TRUE(CompactStore(options_));
    }
    Open();
  }

  std::string Digest(uint64_t changes_from) {
    RetentionCutoffs cutoffs;
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    rocksdb::DB* opened = nullptr;
    EXPECT_TRUE(rocksdb::DB::OpenForReadOnly(RocksDbOptions(options_, DatabaseKind::kList), options_.path + "/db",
                                             ColumnFamilyDescriptors(options_, DatabaseKind::kList, &cutoffs),
                                             &families, &opened)
                    .ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    std::string value, digest;
    stored::LogSettings settings;
    EXPECT_TRUE(db->Get({}, families[kMeta], kSettingsName, &value).ok() && settings.ParseFromString(value));
    EXPECT_TRUE(db->Get({}, families[kMeta], kLogTimeName, &value).ok());
    const auto log_time = static_cast<int64_t>(ParseRevisionKey(value));
    for (int family = 0; family < kColumnFamilies; ++family) {
      std::unique_ptr<rocksdb::Iterator> it(db->NewIterator({}, families[family]));
      for (it->SeekToFirst(); it->Valid(); it->Next()) {
        const std::string key = it->key().ToString();
        if (!Counts(family, key, it->value().ToString(), settings, log_time, changes_from)) continue;
        stored::AuditRecord pair;  // any message with two texts
        pair.set_on_behalf_of(key);
        pair.set_note(it->value().ToString());
        digest = CanonicalDigest(digest, pair);
      }
    }
    for (rocksdb::ColumnFamilyHandle* handle : families) EXPECT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
    return digest;
  }

  // Not what each server forgets in its own time.
  static bool Counts(int family, const std::string& key, const std::string& value, const stored::LogSettings& settings,
                     int64_t log_time, uint64_t changes_from) {
    stored::StoredRequest request;
    v1::BounceEvent event;
    stored::IndexRow row;
    switch (family) {
      case kRequests:
        return request.ParseFromString(value) && ToMicros(request.at()) > RequestsAfter(settings, log_time);
      case kBounces:
        return event.ParseFromString(value) && ToMicros(event.received_at()) > BouncesAfter(settings, log_time);
      case kByTime:
        return row.ParseFromString(value) && (row.until_revision() == 0 || row.until_revision() >= changes_from);
      case kChanges:
        return ParseRevisionKey(key) >= changes_from;
      case kMeta:
        return key != kOldestChangeName;
      default:
        return true;
    }
  }

  std::mt19937_64 random_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  std::string results_;
};

TEST(DeterminismTest, StoresThatApplyOneLogEndEqualInAllFamilies) {
  const char* seed_text = std::getenv("SUPPRESSD_DETERMINISM_SEED");
  const char* records_text = std::getenv("SUPPRESSD_DETERMINISM_RECORDS");
  const uint64_t seed = seed_text != nullptr ? std::strtoull(seed_text, nullptr, 10) : std::random_device()();
  const int64_t count = records_text != nullptr ? std::atoll(records_text) : SUPPRESSD_SANITIZED ? 4'000 : 20'000;
  std::printf("SUPPRESSD_DETERMINISM_SEED=%llu SUPPRESSD_DETERMINISM_RECORDS=%lld\n",
              static_cast<unsigned long long>(seed), static_cast<long long>(count));
  const TempDirectory directory;
  RecordMaker maker(seed);
  std::vector<std::unique_ptr<Server>> servers;
  for (uint64_t i = 0; i < 4; ++i) {
    servers.push_back(std::make_unique<Server>(directory / std::to_string(i), i));
  }
  for (int64_t made = 0; made < count && !testing::Test::HasFailure();) {
    std::vector<LogRecord> records;
    for (int i = 0; i < 1'000 && made < count; ++i, ++made) records.push_back(maker.Next());
    for (const auto& server : servers) server->Apply(records);
    for (const auto& server : servers) ASSERT_EQ(server->results(), servers[0]->results()) << "of " << made;
  }
  uint64_t changes_from = 1;
  for (const auto& server : servers) changes_from = std::max(changes_from, server->oldest_start() + 1);
  const std::string first = servers[0]->Close(changes_from);
  for (size_t i = 1; i < servers.size(); ++i) EXPECT_EQ(servers[i]->Close(changes_from), first) << i;
}

// More events of one identity than are remembered under it, and the first of them again: it is known by the history, of
// which a part is still in the batch.
TEST(DeterminismTest, ABatchIsWhatItsRecordsAreOneByOne) {
  std::vector<LogRecord> records;
  for (int i = 0; i <= kEventsPerEntryMax - 10; ++i) {
    v1::BounceEvent event = EventOf(v1::Verdict::HARD, v1::ADDRESS_NOT_FOUND, Day(-60 + i % (kEventsPerEntryMax - 10)));
    *event.mutable_received_at() = FromMicros(Day(0));
    event.set_kind(v1::BounceEvent::SMTP_REPLY);
    event.set_identity("one mail");
    LogRecord& record = records.emplace_back();
    record.position = static_cast<uint64_t>(i + 1);
    record.appended_at_micros = Day(0);
    record.command = ReportCommand("jo@example.com", event, SuppressDecision(), Day(0));
  }
  const TempDirectory directory;
  const auto together = *Store::Open({.path = directory / "together"}, kLineage);
  const auto one_by_one = *Store::Open({.path = directory / "one_by_one"}, kLineage);
  const Applied applied = together->applier().Apply(records);
  ASSERT_TRUE(applied.stopped.ok());
  EXPECT_TRUE(applied.results.back().duplicate());
  for (size_t i = 0; i < records.size(); ++i) {
    const Applied one = one_by_one->applier().Apply({records[i]});
    ASSERT_TRUE(one.stopped.ok());
    EXPECT_EQ(one.results[0].SerializeAsString(), applied.results[i].SerializeAsString()) << i;
  }
}

}  // namespace
}  // namespace suppressd
