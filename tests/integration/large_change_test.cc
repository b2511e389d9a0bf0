// One report about very many recipients is one change; no message of a stream grows with it.
#include <gmock/gmock.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "storage/revision_token.h"
#include "tests/testing/commands.h"
#include "tests/testing/test_replica.h"
#include "tests/testing/test_server.h"

namespace suppressd {
namespace {

constexpr int kRecipients = 400;
constexpr size_t kMessageMaxBytes = (1 << 20) + (64 << 10);  // "about 1 MiB"

class LargeChangeTest : public ::testing::Test {
 protected:
  // Many entries of about 14 KiB each, and then one report about all of them.
  LargeChangeTest() {
    std::vector<stored::Command> commands;
    for (int i = 0; i < kRecipients; ++i) {
      for (int reason = 0; reason < 7; ++reason) {
        stored::Command command = SuppressCommand(Address(i), v1::Cause::MANUAL, now_);
        command.mutable_suppress()->mutable_cause()->set_reason(static_cast<v1::BounceReason>(reason));
        command.mutable_suppress()->mutable_cause()->set_note(std::string(2'000, 'n'));
        commands.push_back(command);
      }
    }
    Append(commands);
    before_ = server_.store().head().head();
    stored::Command report = HardBounce(Address(0), now_);
    for (int i = 1; i < kRecipients; ++i) {
      *report.mutable_report()->add_recipients() = HardBounce(Address(i), now_).report().recipients(0);
    }
    Append({report, HardBounce("after@example.com", now_)});
  }
  static std::string Address(int i) { return absl::StrCat("u", i, "@example.com"); }
  void Append(const std::vector<stored::Command>& commands) {
    absl::BlockingCounter left(static_cast<int>(commands.size()));
    for (const stored::Command& command : commands) {
      server_.log().Append(command, [&](const auto& result) {
        EXPECT_TRUE(result.applied() && result.result.error_reason().empty());
        left.DecrementCount();
      });
    }
    left.Wait();
  }
  std::string TokenAt(uint64_t revision) { return EncodeToken({server_.store().lineage(), revision}); }

  TestServer server_;
  const int64_t now_ = absl::ToUnixMicros(server_.clock().Now());
  uint64_t before_ = 0;
};

TEST_F(LargeChangeTest, WatchSendsItInPartsOfWhichTheLastHasItsToken) {
  v1::WatchRequest request;
  request.set_after(TokenAt(before_));
  for (const int break_after : {2, 1 << 20}) {  // the second stream resumes where the first broke off
    grpc::ClientContext context;
    const auto reader = server_.stub().Watch(&context, request);
    v1::WatchResponse message;
    ASSERT_TRUE(reader->Read(&message));
    EXPECT_EQ(message.changes_size(), 0) << "where it starts";
    EXPECT_EQ(message.revision_token(), request.after());
    int messages = 0, entries = 0;
    while (messages < break_after && reader->Read(&message)) {
      ++messages;
      entries += message.changes_size();
      EXPECT_GT(message.changes_size(), 0);
      EXPECT_LT(message.ByteSizeLong(), kMessageMaxBytes);
      EXPECT_TRUE(message.has_committed_at());
      request.set_after(message.revision_token());
      if (entries >= kRecipients) break;
      EXPECT_EQ(message.revision_token(), TokenAt(before_)) << "not complete";
      EXPECT_TRUE(message.more_follows());
    }
    if (break_after == 2) {
      EXPECT_LT(entries, kRecipients);
    } else {
      EXPECT_EQ(entries, kRecipients) << "all of it again";
      EXPECT_GT(messages, 3);
      EXPECT_EQ(message.revision_token(), TokenAt(before_ + 1));
      EXPECT_FALSE(message.more_follows());
      ASSERT_TRUE(reader->Read(&message));
      EXPECT_EQ(message.revision_token(), TokenAt(before_ + 2)) << "and on it goes";
      EXPECT_EQ(message.changes(0).suppression().address(), "after@example.com");
    }
    context.TryCancel();
    reader->Finish();
  }
}

TEST_F(LargeChangeTest, AReplicaGetsItInPartsThatMakeTheWhole) {
  v1::FollowRequest request;
  request.set_replica_id("r");
  request.mutable_after()->set_revision_token(TokenAt(before_));
  grpc::ClientContext context;
  const auto reader = server_.replication_stub().Follow(&context, request);
  v1::FollowResponse message;
  std::set<std::string> addresses;
  while (reader->Read(&message)) {
    EXPECT_LT(message.ByteSizeLong(), kMessageMaxBytes);
    for (const v1::ReplicaChange& change : message.changes()) {
      EXPECT_EQ(change.entry().revision(), before_ + 1) << "of the whole change, in every part";
      addresses.insert(change.entry().suppression().address());
    }
    if (message.position().revision_token() != TokenAt(before_)) break;
    EXPECT_EQ(message.more_follows(), message.changes_size() > 0);
  }
  EXPECT_EQ(message.position().revision_token(), TokenAt(before_ + 1));
  EXPECT_FALSE(message.more_follows());
  EXPECT_EQ(addresses.size(), static_cast<size_t>(kRecipients));
  context.TryCancel();
  reader->Finish();
}

}  // namespace
}  // namespace suppressd
