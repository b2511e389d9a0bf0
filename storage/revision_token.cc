#include "storage/revision_token.h"

#include <zlib.h>

#include "absl/strings/escaping.h"
#include "protos/error.h"

namespace suppression {
namespace {

constexpr char kVersion = 1;
constexpr size_t kSummedOctets = 1 + 8 + 8;
constexpr size_t kOctets = kSummedOctets + 4;

void AppendNumber(uint64_t number, int octets, std::string* out) {
  for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8) out->push_back(static_cast<char>(number >> shift));
}

uint64_t ReadNumber(absl::string_view octets) {
  uint64_t number = 0;
  for (const char octet : octets) number = number << 8 | static_cast<uint8_t>(octet);
  return number;
}

uint32_t CheckSum(absl::string_view octets) {
  return crc32(0, reinterpret_cast<const Bytef*>(octets.data()), static_cast<uInt>(octets.size()));
}

}  // namespace

std::string EncodeToken(const RevisionToken& token) {
  std::string octets(1, kVersion);
  octets.reserve(kOctets);
  AppendNumber(token.lineage, 8, &octets);
  AppendNumber(token.revision, 8, &octets);
  AppendNumber(CheckSum(octets), 4, &octets);
  return absl::WebSafeBase64Escape(octets);
}

absl::StatusOr<RevisionToken> DecodeToken(absl::string_view text, absl::string_view field) {
  std::string octets;
  if (text.size() != 28 || !absl::WebSafeBase64Unescape(text, &octets) || octets.size() != kOctets ||
      octets[0] != kVersion) {
    return InvalidArgument(v1::INVALID_TOKEN, "not a revision token", field);
  }
  const absl::string_view view = octets;
  if (ReadNumber(view.substr(kSummedOctets)) != CheckSum(view.substr(0, kSummedOctets))) {
    return InvalidArgument(v1::INVALID_TOKEN, "the revision token is garbled", field);
  }
  return RevisionToken{.lineage = ReadNumber(view.substr(1, 8)), .revision = ReadNumber(view.substr(9, 8))};
}

absl::StatusOr<RevisionToken> DecodeToken(absl::string_view text, uint64_t lineage, absl::string_view field) {
  const absl::StatusOr<RevisionToken> token = DecodeToken(text, field);
  if (token.ok() && token->lineage != lineage) {
    return MakeError(absl::StatusCode::kFailedPrecondition, v1::LINEAGE_MISMATCH,
                     "the token is of another lineage: the data was replaced since; read again without it", field);
  }
  return token;
}

}  // namespace suppression
