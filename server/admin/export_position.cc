#include "server/admin/export_position.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "server/rpc/digest.h"

namespace suppressd {
namespace {

constexpr size_t kSumBytes = 8;
constexpr size_t kDigestBytes = 32;
constexpr size_t kPositionBytesMax = 4'096;

}  // namespace

std::string EncodeExportPosition(const internal::v1::ExportPosition& position) {
  const std::string bytes = position.SerializeAsString();
  return absl::WebSafeBase64Escape(absl::StrCat(Sha256(bytes).substr(0, kSumBytes), bytes));
}

absl::StatusOr<internal::v1::ExportPosition> DecodeExportPosition(const v1::ExportRequest& request) {
  std::string bytes;
  internal::v1::ExportPosition position;
  if (request.after().size() > kPositionBytesMax || !absl::WebSafeBase64Unescape(request.after(), &bytes) ||
      bytes.size() <= kSumBytes || Sha256(bytes.substr(kSumBytes)).substr(0, kSumBytes) != bytes.substr(0, kSumBytes) ||
      !position.ParseFromString(bytes.substr(kSumBytes)) || position.sha256().size() != kDigestBytes) {
    return InvalidArgument(v1::INVALID_PAGE_TOKEN, "the position is garbled or was not made by this service", "after");
  }
  if (position.request_digest() != ExportDigest(request)) {
    return InvalidArgument(v1::INVALID_PAGE_TOKEN, "the position belongs to an export of another list or filter",
                           "after");
  }
  return position;
}

std::string ExportDigest(const v1::ExportRequest& request) {
  v1::ExportRequest bound = request;
  bound.clear_after();
  bound.clear_at_least();
  if (bound.tenant().empty()) bound.set_tenant("default");
  return Sha256("export", bound);
}

}  // namespace suppressd
