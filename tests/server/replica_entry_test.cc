// The canonical bytes of an entry: form 1 of replication.proto's checksum_form, which two programs that compare lists
// must share. Whoever changes a byte of it gives it another number.
#include "server/replication/replica_entry.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"

namespace suppressd {
namespace {

TEST(ReplicaEntryTest, TheBytesOfFormOneStayAsTheyAre) {
  ASSERT_EQ(kChecksumForm, 1);
  v1::ReplicaEntry entry;
  entry.set_revision(300);
  v1::Suppression* suppression = entry.mutable_suppression();
  suppression->set_tenant("t");
  suppression->set_address("a@b.c");
  v1::Cause* cause = suppression->add_causes();
  cause->set_type(v1::Cause::HARD_BOUNCE);
  cause->set_state(v1::Cause::ACTIVE);
  cause->set_reason(v1::MAILBOX_FULL);
  cause->set_event_count(2);
  suppression->mutable_listed_at()->set_seconds(1);
  std::string bytes;
  AppendCanonical(entry, &bytes);
  EXPECT_EQ(absl::BytesToHexString(bytes), "0000001d0a180a017412056140622e632a0808011001180540023202080110ac02");
  EXPECT_EQ(Crc32("123456789"), 0xcbf43926u) << "the check value of CRC-32 as zlib and gzip have it";
}

}  // namespace
}  // namespace suppressd
