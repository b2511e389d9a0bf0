#include "common/export_chain.h"

#include <openssl/sha.h>

#include "absl/strings/str_cat.h"
#include "common/canonical.h"

namespace suppressd {

std::string ExportChecksum(absl::string_view before, const v1::ExportedEntry& entry) {
  const std::string bytes = absl::StrCat(before, CanonicalDigest("exported entry", entry));
  std::string checksum(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(checksum.data()));
  return checksum;
}

std::string EmptyExportChecksum() {
  return std::string(SHA256_DIGEST_LENGTH, '\0');
}

}  // namespace suppressd
