// A replica in memory: loads a snapshot, applies changes, checks all that it is promised, and computes its checksum.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/digest.h"
#include "server/replica_entry.h"
#include "storage/keys.h"
#include "suppression/v1/replication.grpc.pb.h"
#include "tests/testing/commands.h"

namespace suppression {

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
    if (!resume_key_.empty()) request.set_token(token_);
    request.set_resume_after(resume_key_);
    return request;
  }
  v1::ReplicationServiceWatchRequest WatchRequest() const {
    v1::ReplicationServiceWatchRequest request;
    request.set_replica_id(id_);
    for (const std::string& tenant : tenants_) request.add_tenants(tenant);
    request.set_after(token_);
    return request;
  }

  // Loads one chunk.
  void Load(const v1::SnapshotResponse& chunk) {
    std::string octets;
    for (const v1::ReplicaEntry& entry : chunk.entries()) {
      AppendCanonical(entry, &octets);
      const std::string key = KeyOf(entry);
      EXPECT_TRUE(entries_.empty() || entries_.rbegin()->first < key) << "not in key order, or twice";
      entries_[key] = entry;
    }
    EXPECT_EQ(chunk.checksum(), Crc32(octets));
    EXPECT_EQ(chunk.entries_so_far(), static_cast<int>(entries_.size()));
    if (!resume_key_.empty()) {
      EXPECT_EQ(chunk.token(), token_) << "every chunk is of one revision";
    }
    token_ = chunk.token();
    resume_key_ = chunk.resume_key();
    loaded_ = chunk.last();
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
  void Apply(const v1::ReplicationServiceWatchResponse& step) {
    for (const v1::ReplicaEntry& entry : step.entries()) {
      v1::ReplicaEntry& known = entries_[KeyOf(entry)];
      EXPECT_LT(known.revision(), entry.revision()) << "applied before";
      known = entry;
    }
    token_ = step.token();
  }
  // Watches until it is at this state.
  grpc::Status WatchUntil(Stub* stub, const std::string& token) {
    grpc::ClientContext context;
    const auto reader = stub->Watch(&context, WatchRequest());
    v1::ReplicationServiceWatchResponse step;
    while (token_ != token && reader->Read(&step)) Apply(step);
    if (token_ == token) context.TryCancel();
    return reader->Finish();
  }

  // What RangeChecksums answers for all of it in one range.
  std::string Sum() const {
    std::string octets;
    for (const auto& [key, entry] : entries_) AppendCanonical(entry, &octets);
    return Sha256(octets);
  }

  static std::string KeyOf(const v1::ReplicaEntry& entry) {
    const stored::Target target = TargetOf(entry.suppression().address());
    return EntryKey({entry.suppression().tenant(), target.domain(), target.local_part()});
  }

  const std::map<std::string, v1::ReplicaEntry>& entries() const { return entries_; }
  const std::string& token() const { return token_; }
  const std::string& resume_key() const { return resume_key_; }
  bool loaded() const { return loaded_; }

 private:
  const std::string id_;
  const std::vector<std::string> tenants_;
  std::map<std::string, v1::ReplicaEntry> entries_;
  std::string token_;
  std::string resume_key_;
  bool loaded_ = false;
};

}  // namespace suppression
