#include "storage/revision_token.h"

#include <zlib.h>

#include "absl/strings/escaping.h"
#include "common/error.h"

namespace suppressd {
namespace {

constexpr char kVersion = 1;
constexpr size_t kSummedBytes = 1 + 8 + 8;
constexpr size_t kBytes = kSummedBytes + 4;

void AppendNumber(uint64_t number, int bytes, std::string* out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out->push_back(static_cast<char>(number >> shift));
}

uint64_t ReadNumber(absl::string_view bytes) {
  uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<uint8_t>(byte);
  return number;
}

uint32_t CheckSum(absl::string_view bytes) {
  return crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size()));
}

}  // namespace

std::string EncodeToken(const RevisionToken& token) {
  std::string bytes(1, kVersion);
  bytes.reserve(kBytes);
  AppendNumber(token.lineage, 8, &bytes);
  AppendNumber(token.revision, 8, &bytes);
  AppendNumber(CheckSum(bytes), 4, &bytes);
  return absl::WebSafeBase64Escape(bytes);
}

absl::StatusOr<RevisionToken> DecodeToken(absl::string_view text, absl::string_view field) {
  std::string bytes;
  if (text.size() != 28 || !absl::WebSafeBase64Unescape(text, &bytes) || bytes.size() != kBytes ||
      bytes[0] != kVersion) {
    return InvalidArgument(v1::INVALID_TOKEN, "not a revision token", field);
  }
  const absl::string_view view = bytes;
  if (ReadNumber(view.substr(kSummedBytes)) != CheckSum(view.substr(0, kSummedBytes))) {
    return InvalidArgument(v1::INVALID_TOKEN, "the revision token is garbled", field);
  }
  return RevisionToken{.lineage = ReadNumber(view.substr(1, 8)), .revision = ReadNumber(view.substr(9, 8))};
}

absl::StatusOr<RevisionToken> DecodeToken(absl::string_view text, uint64_t lineage, absl::string_view field) {
  absl::StatusOr<RevisionToken> token = DecodeToken(text, field);
  if (token.ok() && token->lineage != lineage) {
    return MakeError(absl::StatusCode::kFailedPrecondition, v1::LINEAGE_MISMATCH,
                     "the token is of another lineage: the data was replaced since; read again without it", field);
  }
  return token;
}

}  // namespace suppressd
