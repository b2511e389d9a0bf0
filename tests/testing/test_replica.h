// A replica in memory: loads a snapshot, applies changes, checks all that it is promised, and computes its checksum.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/replication/replica_entry.h"
#include "server/rpc/digest.h"
#include "storage/entry.h"
#include "storage/keys.h"
#include "suppressd/v1/replication.grpc.pb.h"
#include "tests/testing/commands.h"

namespace suppressd {

class TestReplica {
 public:
  using Stub = v1::ReplicationService::StubInterface;

  explicit TestReplica(std::string id, std::vector<std::string> tenants = {})
      : id_(std::move(id)), tenants_(std::move(tenants)) {}

  // The request for a snapshot, or for the rest of the one that broke off.
  v1::SnapshotRequest SnapshotRequest() const {
    v1::SnapshotRequest request;
    request.set_replica_id(id_);
    request.set_replica_version("test 1");
    for (const std::string& tenant : tenants_) request.add_tenants(tenant);
    if (!resume_key_.empty()) request.set_revision_token(token());
    request.set_resume_after(resume_key_);
    return request;
  }
  v1::FollowRequest FollowRequest() const {
    v1::FollowRequest request;
    request.set_replica_id(id_);
    for (const std::string& tenant : tenants_) request.add_tenants(tenant);
    *request.mutable_after() = position_;
    return request;
  }

  // Loads one chunk.
  void Load(const v1::SnapshotResponse& chunk) {
    std::string bytes;
    for (const v1::ReplicaEntry& entry : chunk.entries()) {
      AppendCanonical(entry, &bytes);
      const std::string key = KeyOf(entry);
      EXPECT_TRUE(entries_.empty() || entries_.rbegin()->first < key) << "not in key order, or twice";
      entries_[key] = entry;
    }
    EXPECT_EQ(chunk.checksum(), Crc32(bytes));
    EXPECT_EQ(chunk.entry_count(), static_cast<int64_t>(entries_.size()));
    if (!resume_key_.empty()) {
      EXPECT_EQ(chunk.position().revision_token(), token()) << "every chunk is of one revision";
    }
    position_ = chunk.position();
    resume_key_ = chunk.resume_key();
    loaded_ = !chunk.more_follows();
  }
  // Takes a snapshot, or the rest of it, at most `chunks_max` chunks: then it breaks off.
  grpc::Status LoadSnapshot(Stub* stub, int chunks_max = 1 << 30) {
    grpc::ClientContext context;
    const auto reader = stub->Snapshot(&context, SnapshotRequest());
    v1::SnapshotResponse chunk;
    int chunks = 0;
    for (; chunks < chunks_max && reader->Read(&chunk); ++chunks) Load(chunk);
    if (chunks == chunks_max) context.TryCancel();
    return reader->Finish();
  }

  // Applies one step.
  void Apply(const v1::FollowResponse& step) {
    for (const v1::ReplicaChange& change : step.changes()) {
      EXPECT_EQ(change.kind(), v1::Change::UPDATED);
      v1::ReplicaEntry& known = entries_[KeyOf(change.entry())];
      EXPECT_LT(known.revision(), change.entry().revision()) << "applied before";
      known = change.entry();
    }
    position_ = step.position();
  }
  // Follows until it is at this state.
  grpc::Status FollowUntil(Stub* stub, const std::string& token) {
    grpc::ClientContext context;
    const auto reader = stub->Follow(&context, FollowRequest());
    v1::FollowResponse step;
    while (this->token() != token && reader->Read(&step)) Apply(step);
    if (this->token() == token) context.TryCancel();
    return reader->Finish();
  }

  // What RangeChecksums answers for all of it in one range.
  std::string Sum() const {
    std::string bytes;
    for (const auto& [key, entry] : entries_) AppendCanonical(entry, &bytes);
    return Sha256(bytes);
  }

  static std::string KeyOf(const v1::ReplicaEntry& entry) {
    EntryName name;
    EXPECT_TRUE(NameOf(entry.suppression(), &name));
    return EntryKey(name);
  }

  const std::map<std::string, v1::ReplicaEntry>& entries() const { return entries_; }
  const v1::Position& position() const { return position_; }
  const std::string& token() const { return position_.revision_token(); }
  const std::string& resume_key() const { return resume_key_; }
  bool loaded() const { return loaded_; }

 private:
  const std::string id_;
  const std::vector<std::string> tenants_;
  std::map<std::string, v1::ReplicaEntry> entries_;
  v1::Position position_;
  std::string resume_key_;
  bool loaded_ = false;
};

}  // namespace suppressd
