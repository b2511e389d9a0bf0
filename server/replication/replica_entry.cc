#include "server/replication/replica_entry.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <zlib.h>

#include <utility>

namespace suppressd {

v1::ReplicaEntry ToReplicaEntry(stored::StoredEntry entry) {
  v1::ReplicaEntry replica;
  *replica.mutable_suppression() = std::move(*entry.mutable_suppression());
  replica.set_revision(entry.revision());
  return replica;
}

void AppendCanonical(const v1::ReplicaEntry& entry, std::string* bytes) {
  const uint32_t size = static_cast<uint32_t>(entry.ByteSizeLong());
  for (int shift = 24; shift >= 0; shift -= 8) bytes->push_back(static_cast<char>(size >> shift));
  google::protobuf::io::StringOutputStream stream(bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  entry.SerializeToCodedStream(&coded);
}

uint32_t Crc32(absl::string_view bytes, uint32_t before) {
  return static_cast<uint32_t>(
      crc32(before, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

}  // namespace suppressd
