// suppressctl backup and backups, against a service on a real socket.
#include "suppressctl_fixture.h"

namespace suppressd::suppressctl {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

v1::Backup BackupOf(int64_t id) {
  v1::Backup backup;
  backup.set_id(id);
  backup.mutable_created_at()->set_seconds(1'780'000'000);
  backup.set_revision_token("token");
  backup.set_size_bytes(4'096);
  backup.set_meta_sha256(std::string(32, '\xab'));
  return backup;
}

class BackupsTest : public SuppressctlTest {
 protected:
  BackupsTest() {
    service_.admin.on_create_backup = [this](const v1::CreateBackupRequest&, v1::CreateBackupResponse* response) {
      ++created_;
      *response->mutable_backup() = BackupOf(3);
      response->set_deleted_count(2);
      return failure_;
    };
    service_.admin.on_list_backups = [this](const v1::ListBackupsRequest&, v1::ListBackupsResponse* response) {
      for (const int64_t id : {3, 2}) *response->add_backups() = BackupOf(id);
      return failure_;
    };
  }

  int created_ = 0;
  grpc::Status failure_;
};

TEST_F(BackupsTest, ABackupIsShownWithItsStateAndSize) {
  EXPECT_EQ(Run({"backup"}), 0) << err_;
  EXPECT_THAT(out_, StartsWith("ID  CREATED               STATE  BYTES  META SHA-256\n"
                               "3   2026-05-28T20:26:40Z  token  4096   abab"));
  EXPECT_THAT(out_, HasSubstr("2 older deleted\n"));
}

TEST_F(BackupsTest, BackupsAreListed) {
  EXPECT_EQ(Run({"backups"}), 0) << err_;
  EXPECT_THAT(out_, testing::ContainsRegex("\n3 .*\n2 "));
}

TEST_F(BackupsTest, JsonIsTheApisMessage) {
  EXPECT_EQ(Run({"backup", "-o", "json"}), 0) << err_;
  v1::CreateBackupResponse made;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(out_, &made).ok()) << out_;
  EXPECT_EQ(made.backup().SerializeAsString(), BackupOf(3).SerializeAsString());
  EXPECT_EQ(made.deleted_count(), 2);
  EXPECT_EQ(Run({"backups", "-o", "json"}), 0) << err_;
  v1::ListBackupsResponse listed;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(out_, &listed).ok()) << out_;
  EXPECT_EQ(listed.backups_size(), 2);
}

TEST_F(BackupsTest, ABackupIsAskedForOnce) {
  failure_ = WireError(grpc::StatusCode::UNAVAILABLE, v1::STORAGE_UNAVAILABLE, "disk full");
  EXPECT_EQ(Run({"backup"}), 2);
  EXPECT_THAT(err_, HasSubstr("STORAGE_UNAVAILABLE"));
  EXPECT_EQ(created_, 1);
}

TEST_F(BackupsTest, AServerWithoutADirectoryForThemSaysWhatToDo) {
  failure_ = WireError(grpc::StatusCode::FAILED_PRECONDITION, v1::BACKUPS_OFF, "no backups");
  EXPECT_EQ(Run({"backups"}), 2);
  EXPECT_THAT(err_, HasSubstr("--backup_dir"));
}

TEST_F(BackupsTest, AWrongTimeToWaitIsRefusedBeforeTheCall) {
  EXPECT_EQ(Run({"backup", "--give_up_after", "soon"}), 2);
  EXPECT_THAT(err_, HasSubstr("--give_up_after"));
  EXPECT_EQ(created_, 0);
}

}  // namespace
}  // namespace suppressd::suppressctl
