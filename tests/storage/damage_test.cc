// What is said of damage to the files of a store or an outbox: complete, or refused with the file and what to do.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "common/error.h"
#include "storage/outbox.h"
#include "storage/store.h"
#include "tests/testing/apply.h"
#include "tests/testing/commands.h"
#include "tests/testing/faulty_file_system.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

// The write-ahead logs of a data directory that hold anything, oldest first.
std::vector<std::string> Logs(const std::string& path) {
  std::set<std::string> logs;
  for (const auto& item : fs::directory_iterator(path + "/db")) {
    if (item.path().extension() == ".log" && item.file_size() > 0) logs.insert(item.path());
  }
  return {logs.begin(), logs.end()};
}

std::string Manifest(const std::string& path) {
  std::string name;
  std::ifstream(path + "/db/CURRENT") >> name;
  return path + "/db/" + name;
}

std::string AddressOf(int i) {
  return absl::StrCat("u", i, "@example.com");
}

// A record as a loss of power leaves it: the length of the file was noted, its data did not come.
std::string TornRecord(const std::string& log) {
  std::string record = log.substr(0, 300);  // the beginning of a genuine one, longer than that
  record[4] = static_cast<char>(0xff);
  record[5] = 0x01;
  return record + std::string(400, '\0');
}

class DamageTest : public ::testing::Test {
 protected:
  DamageTest() {
    options_.path = directory_ / "data";
    options_.env = env_.get();
  }
  absl::StatusOr<std::unique_ptr<Store>> Open() { return Store::Open(options_); }
  // One run: opens the store, puts these addresses on the list, closes.
  void Run(int first, int count) {
    auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    for (int i = first; i < first + count; ++i) {
      ASSERT_TRUE(ApplyTo(*(*store), {HardBounce(AddressOf(i), Day(0, i))}).ok());
    }
  }
  static bool Has(const Store& store, int i) {
    const std::string address = AddressOf(i);
    const stored::Target target = TargetOf(address);
    Lookup found;
    EXPECT_TRUE(store.reader().Get({"default", target.domain(), target.local_part()}, &found).ok());
    return found.address.has_value();
  }
  void ExpectWhole(int count) {
    const auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ((*store)->head().head(), static_cast<uint64_t>(count));
    for (int i = 0; i < count; ++i) EXPECT_TRUE(Has(**store, i)) << i;
  }
  // It does not open, says which file and what to do, and says so again: nothing was changed.
  void ExpectRefusal(const std::string& file, const std::string& what) {
    for (int i = 0; i < 2; ++i) {
      const auto store = Open();
      ASSERT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << what << ": " << store.status();
      EXPECT_THAT(std::string(store.status().message()),
                  AllOf(HasSubstr(file), HasSubstr("from a backup"), HasSubstr(options_.path + "/ACCEPT_LOSS")))
          << what;
    }
  }

  TempDirectory directory_;
  std::shared_ptr<FaultyFileSystem> files_ = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
  StoreOptions options_;
};

TEST_F(DamageTest, AnyLogThatIsLostOrCutIsNoticed) {
  for (int run = 0; run < 3; ++run) Run(run * 10, 10);
  ASSERT_FALSE(Logs(options_.path).empty());
  for (const std::string& log : Logs(options_.path)) {
    const std::string sound = ReadFile(log);
    fs::remove(log);
    ExpectRefusal("/db", "removed");
    WriteFile(log, sound.substr(0, sound.size() / 2));
    ExpectRefusal("/db", "cut to half");
    WriteFile(log, "");
    ExpectRefusal("/db", "cut to nothing");
    WriteFile(log, sound);
  }
  ExpectWhole(30);
}

// As a clean-up job leaves it that removes a log between two others, whichever process wrote them.
TEST_F(DamageTest, ALogThatIsLostBetweenTwoOthersIsNoticed) {
  Run(0, 10);
  const std::string before = directory_ / "before";
  fs::copy(options_.path, before, fs::copy_options::recursive);
  Run(10, 10);
  Run(20, 10);
  const std::string newest = Logs(options_.path).back();
  fs::copy(newest, before + "/db");
  fs::copy(options_.path + "/HEAD", before, fs::copy_options::overwrite_existing);
  fs::remove_all(options_.path);
  fs::rename(before, options_.path);
  ASSERT_EQ(Logs(options_.path).size(), 2u);
  ExpectRefusal("/db", "one lost");
  EXPECT_THAT(std::string(Open().status().message()), HasSubstr("its log lacks revision 11 of 30"));
}

TEST_F(DamageTest, TheRefusalNamesTheDamagedLog) {
  Run(0, 10);
  const std::string log = Logs(options_.path).back();
  std::string content = ReadFile(log);
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 0x55);
  WriteFile(log, content);
  ExpectRefusal(log, "a bit is flipped");
}

TEST_F(DamageTest, WithoutManifestOrTableOnlyABackupHelps) {
  Run(0, 10);
  Run(10, 10);  // the first ten are in table files now
  std::vector<std::string> needed = {Manifest(options_.path)};
  for (const auto& item : fs::directory_iterator(options_.path + "/db")) {
    if (item.path().extension() == ".sst") needed.push_back(item.path());
  }
  ASSERT_GT(needed.size(), 1u);
  const std::string acceptance = options_.path + "/ACCEPT_LOSS";
  for (const std::string& file : needed) {
    fs::rename(file, directory_ / "aside");
    for (const bool accepted : {false, true}) {
      if (accepted) WriteFile(acceptance, "");
      const auto store = Open();
      ASSERT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << file << ": " << store.status();
      EXPECT_THAT(std::string(store.status().message()), AllOf(HasSubstr(file), EndsWith("from a backup")));
    }
    fs::remove(acceptance);
    fs::rename(directory_ / "aside", file);
  }
  std::string damaged = ReadFile(needed[0]);
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  const std::string sound = ReadFile(needed[0]);
  WriteFile(needed[0], damaged);
  EXPECT_THAT(std::string(Open().status().message()), HasSubstr(needed[0]));
  WriteFile(needed[0], sound);
  ExpectWhole(20);
}

TEST_F(DamageTest, ZerosAtTheEndOfTheNewestLogAreItsEnd) {
  Run(0, 20);
  const std::string log = Logs(options_.path).back();
  const std::string sound = ReadFile(log);
  for (const size_t zeros : {20, 5'000, 70'000}) {
    WriteFile(log, sound + std::string(zeros, '\0'));
    ExpectWhole(20);
    fs::remove_all(options_.path);
    Run(0, 20);
  }
}

TEST_F(DamageTest, AHalfWrittenRecordBeforeZerosIsTheEndOfTheNewestLogAndOfTheManifest) {
  for (const bool in_manifest : {false, true}) {
    fs::remove_all(options_.path);
    Run(0, 20);
    const std::string log = Logs(options_.path).back();
    const std::string file = in_manifest ? Manifest(options_.path) : log;
    WriteFile(file, ReadFile(file) + TornRecord(ReadFile(log)));
    ExpectWhole(20);
    Run(20, 10);
    ExpectWhole(30);
  }
}

TEST_F(DamageTest, ZerosWhereSomethingAcknowledgedStoodAreNoEnd) {
  Run(0, 20);
  const std::string log = Logs(options_.path).back();
  const std::string sound = ReadFile(log);
  WriteFile(log, sound.substr(0, sound.size() - 300) + std::string(300, '\0'));
  const auto store = Open();
  EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << store.status();
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("it ends at revision 19 but was at 20"));
}

TEST_F(DamageTest, AHeadThatIsCutOrZeroedIsRefused) {
  Run(0, 12);
  const std::string head = options_.path + "/HEAD";
  const std::string sound = ReadFile(head);
  for (size_t length = 0; length < sound.size(); ++length) {
    WriteFile(head, sound.substr(0, length));
    EXPECT_EQ(Open().status().code(), absl::StatusCode::kDataLoss) << length << " bytes are left";
    WriteFile(head, sound.substr(0, length) + std::string(sound.size() - length, '\0'));
    EXPECT_EQ(Open().status().code(), absl::StatusCode::kDataLoss) << "zeros from byte " << length;
  }
  WriteFile(head, "gibberish");
  ExpectRefusal(head, "gibberish");
  WriteFile(head, sound);
  ExpectWhole(12);
}

TEST_F(DamageTest, AnAcceptedLossKeepsWhatCanBeReadAndBeginsANewLineage) {
  Run(0, 10);
  const uint64_t lineage = (*Open())->lineage();
  Run(10, 10);
  const std::string log = Logs(options_.path).back();
  std::string content = ReadFile(log);
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 0x55);
  WriteFile(log, content);
  ExpectRefusal(log, "a bit is flipped");
  WriteFile(options_.path + "/ACCEPT_LOSS", "");
  {
    const auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_NE((*store)->lineage(), lineage);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(Has(**store, i)) << i;
    EXPECT_EQ((*store)->reader().oldest_start(), (*store)->head().head()) << "the change log begins here";
    ASSERT_TRUE(ApplyTo(*(*store), {HardBounce(AddressOf(99), Day(1))}).ok());
  }
  EXPECT_FALSE(fs::exists(options_.path + "/ACCEPT_LOSS")) << "one loss is accepted, not the next";
  const auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_TRUE(Has(**store, 0));
  EXPECT_TRUE(Has(**store, 99));
}

TEST_F(DamageTest, AnAcceptedLossStillFindsWholeDomains) {
  {
    auto store = Open();
    ASSERT_TRUE(ApplyTo(*(*store), {SuppressCommand("@example.org", v1::Cause::MANUAL, Day(0))}).ok());
  }
  WriteFile(options_.path + "/HEAD", "");
  WriteFile(options_.path + "/ACCEPT_LOSS", "");
  const auto store = Open();
  ASSERT_TRUE(store.ok()) << store.status();
  Lookup found;
  ASSERT_TRUE((*store)->reader().Get({"default", "example.org", "jo"}, &found).ok());
  EXPECT_TRUE(found.domain.has_value());
}

TEST_F(DamageTest, AFullDiskAtTheStartRefusesWritesAndAnswersReads) {
  Run(0, 10);
  files_->SetFull(true);
  {
    const auto store = Open();
    ASSERT_TRUE(store.ok()) << store.status();
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(Has(**store, i)) << i;
    EXPECT_EQ((*store)->head().head(), 10u);
    EXPECT_EQ(ReasonOf((*store)->write_status()), v1::STORAGE_UNAVAILABLE);
    EXPECT_EQ(ReasonOf(ApplyTo(*(*store), {HardBounce("new@example.com", Day(1))}).status()), v1::STORAGE_UNAVAILABLE);
    EXPECT_EQ((*store)->reader().timeline(), 0u) << "no run began that could be told from another";
    EXPECT_FALSE((*store)->Recover().ok());
    files_->SetFull(false);
    ASSERT_TRUE((*store)->Recover().ok());
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(Has(**store, i)) << i;
    EXPECT_NE((*store)->reader().timeline(), 0u);
  }
  ExpectWhole(10);
  Run(10, 1);
  ExpectWhole(11);
}

TEST_F(DamageTest, AFullDiskDoesNotHideATornTailOrDamage) {
  Run(0, 10);
  const std::string log = Logs(options_.path).back();
  const std::string sound = ReadFile(log);
  WriteFile(log, sound + TornRecord(sound));
  files_->SetFull(true);
  ExpectWhole(10);
  std::string damaged = sound;
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
  WriteFile(log, damaged);
  ExpectRefusal("/db", "damaged");
}

TEST_F(DamageTest, ANewDirectoryOnAFullDiskIsRefusedWithTheReason) {
  files_->SetFull(true);
  const auto store = Open();
  EXPECT_EQ(store.status().code(), absl::StatusCode::kResourceExhausted) << store.status();
  files_->SetFull(false);
  EXPECT_TRUE(Open().ok());
}

TEST_F(DamageTest, FilesAreForTheirOwnerAloneWhateverTheUmask) {
  const mode_t before = umask(0);
  { ASSERT_TRUE(DataDirectory::Open(directory_ / "private", DirectoryKind::kSidecar).ok()); }
  ASSERT_TRUE((*DataDirectory::Open(directory_ / "private", DirectoryKind::kSidecar))->MarkReady().ok());
  umask(before);
  const auto mode = [&](const std::string& name) {
    struct stat file;
    EXPECT_EQ(stat((directory_ / name).c_str(), &file), 0) << name;
    return file.st_mode & 0777;
  };
  EXPECT_EQ(mode("private"), 0700u);
  EXPECT_EQ(mode("private/FORMAT"), 0600u);
  EXPECT_EQ(mode("private/LOCK"), 0600u);
}

class OutboxDamageTest : public ::testing::Test {
 protected:
  OutboxDamageTest() {
    options_.path = directory_ / "outbox";
    options_.env = env_.get();
  }
  absl::StatusOr<std::unique_ptr<Outbox>> Open() {
    visited_ = 0;
    return Outbox::Open(options_, [this](uint64_t, const stored::OutboxReport&, const std::string&) { ++visited_; });
  }
  // One run of a sidecar that takes so many reports.
  void Run(int count) {
    auto outbox = Open();
    ASSERT_TRUE(outbox.ok()) << outbox.status();
    for (int i = 0; i < count; ++i) ASSERT_TRUE(Add(outbox->get()).ok());
  }
  static absl::Status Add(Outbox* outbox) {
    stored::OutboxReport report;
    report.mutable_delivery()->mutable_report()->mutable_smtp_reply()->set_recipient("jo@example.com");
    absl::Notification done;
    absl::Status status;
    outbox->Add(report, [&](absl::StatusOr<Outbox::Added> added) {
      status = added.status();
      done.Notify();
    });
    done.WaitForNotification();
    return status;
  }

  TempDirectory directory_;
  std::shared_ptr<FaultyFileSystem> files_ = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(files_);
  OutboxOptions options_;
  int visited_ = 0;
};

TEST_F(OutboxDamageTest, AnyLogThatIsLostOrCutIsNoticedAndNamed) {
  for (int run = 0; run < 3; ++run) Run(50);
  const std::vector<std::string> logs = Logs(options_.path);
  ASSERT_FALSE(logs.empty());
  const std::string aside = directory_ / "aside";
  for (const std::string& log : logs) {
    const std::string sound = ReadFile(log);
    for (const bool removed : {true, false}) {
      fs::copy(options_.path, aside, fs::copy_options::recursive);
      if (removed) {
        fs::remove(log);
      } else {
        WriteFile(log, sound.substr(0, sound.size() / 2));
      }
      const auto outbox = Open();
      EXPECT_EQ(outbox.status().code(), absl::StatusCode::kDataLoss) << log << ": " << outbox.status();
      EXPECT_THAT(std::string(outbox.status().message()), HasSubstr(options_.path + "/ACCEPT_LOSS"));
      fs::remove_all(options_.path);
      fs::rename(aside, options_.path);
    }
  }
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(visited_, 150);
}

// As of a store: the database of the first run, with the log and the note of the third.
TEST_F(OutboxDamageTest, ALogThatIsLostBetweenTwoOthersIsNoticed) {
  Run(50);
  const std::string before = directory_ / "before";
  fs::copy(options_.path, before, fs::copy_options::recursive);
  Run(50);
  Run(50);
  fs::copy(Logs(options_.path).back(), before + "/db");
  fs::copy(options_.path + "/HEAD", before, fs::copy_options::overwrite_existing);
  fs::remove_all(options_.path);
  fs::rename(before, options_.path);
  ASSERT_EQ(Logs(options_.path).size(), 2u);
  EXPECT_THAT(std::string(Open().status().message()), HasSubstr("it holds 100 reports and should hold 150"));
}

TEST_F(OutboxDamageTest, AnAcceptedLossKeepsTheRest) {
  for (int run = 0; run < 3; ++run) Run(50);
  for (const std::string& log : Logs(options_.path)) fs::remove(log);
  ASSERT_FALSE(Open().ok());
  WriteFile(options_.path + "/ACCEPT_LOSS", "");
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(visited_, 100);
  EXPECT_FALSE(fs::exists(options_.path + "/ACCEPT_LOSS"));
  Run(1);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(visited_, 101);
}

// A killed process had removed a delivered report, unsynced; the next one took another, and then the power went.
TEST_F(OutboxDamageTest, WhatAKilledProcessHadNotSyncedIsDurableBeforeTheNextWrite) {
  Run(2);
  {
    auto outbox = Open();
    ASSERT_TRUE((*outbox)->Remove({1}).ok());
  }
  {
    auto outbox = Open();
    ASSERT_TRUE(Add(outbox->get()).ok());
    files_->SetFull(true);  // closing must not sync anything more
  }
  files_->LoseUnsyncedData();
  files_->SetFull(false);
  const auto outbox = Open();
  ASSERT_TRUE(outbox.ok()) << outbox.status();
  EXPECT_EQ(visited_, 2);
}

TEST_F(OutboxDamageTest, WhatWasDeliveredOrRefusedIsNotMissed) {
  {
    auto outbox = Open();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(Add(outbox->get()).ok());
    ASSERT_TRUE((*outbox)->Remove({1, 2}).ok());
    ASSERT_TRUE((*outbox)->Remove({2, 77}).ok()) << "those are not there";
    ASSERT_TRUE((*outbox)->Refuse(3, "WHY").ok());
  }
  const auto outbox = Open();
  ASSERT_TRUE(outbox.ok()) << outbox.status();
  EXPECT_EQ(visited_, 2);
  EXPECT_EQ((*outbox)->summary().refused, 1);
  EXPECT_EQ((*outbox)->summary().newest, 5u) << "no number is given out twice";
}

TEST_F(OutboxDamageTest, AFullDiskAtTheStartKeepsTheReportsAndTakesMoreOnceThereIsRoom) {
  Run(10);
  files_->SetFull(true);
  auto outbox = Open();
  ASSERT_TRUE(outbox.ok()) << outbox.status();
  EXPECT_EQ(visited_, 10);
  EXPECT_EQ(ReasonOf(Add(outbox->get())), v1::STORAGE_UNAVAILABLE);
  EXPECT_EQ((*outbox)->summary().reports, 10);
  files_->SetFull(false);
  ASSERT_TRUE((*outbox)->Recover().ok());
  EXPECT_TRUE(Add(outbox->get()).ok());
  EXPECT_EQ((*outbox)->summary().reports, 11);
}

}  // namespace
}  // namespace suppressd
