#include "server/rpc/page_token.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "server/rpc/digest.h"
#include "suppressd/internal/v1/page_token.pb.h"

namespace suppressd {
namespace {

constexpr size_t kSumBytes = 8;
constexpr size_t kTokenBytesMax = 4096;

std::string FilterDigest(const v1::ListSuppressionsRequest& request) {
  v1::ListSuppressionsRequest bound;
  bound.set_tenant(request.tenant());
  bound.set_order(request.order());
  *bound.mutable_filter() = request.filter();
  return Sha256("page filter", bound);
}

absl::Status Garbled() {
  return InvalidArgument(v1::INVALID_PAGE_TOKEN, "the page token is garbled or was not made by this service",
                         "page_token");
}

}  // namespace

std::string EncodePageToken(uint64_t lineage, const v1::ListSuppressionsRequest& request, const ListPage& page) {
  if (page.next_after_key.empty()) return "";
  internal::v1::PageToken token;
  token.set_lineage(lineage);
  token.set_first_revision(page.first_revision);
  token.set_filter_digest(FilterDigest(request));
  token.set_after_key(page.next_after_key);
  const std::string bytes = token.SerializeAsString();
  return absl::WebSafeBase64Escape(absl::StrCat(Sha256(bytes).substr(0, kSumBytes), bytes));
}

absl::Status DecodePageToken(uint64_t lineage, const v1::ListSuppressionsRequest& request, ListQuery* query) {
  std::string bytes;
  internal::v1::PageToken token;
  if (request.page_token().size() > kTokenBytesMax || !absl::WebSafeBase64Unescape(request.page_token(), &bytes) ||
      bytes.size() <= kSumBytes || Sha256(bytes.substr(kSumBytes)).substr(0, kSumBytes) != bytes.substr(0, kSumBytes) ||
      !token.ParseFromString(bytes.substr(kSumBytes)) || token.after_key().empty()) {
    return Garbled();
  }
  if (token.filter_digest() != FilterDigest(request)) {
    return InvalidArgument(v1::INVALID_PAGE_TOKEN, "the page token belongs to another filter, order or tenant",
                           "page_token");
  }
  if (token.lineage() != lineage) {
    return MakeError(absl::StatusCode::kFailedPrecondition, v1::PAGE_TOKEN_EXPIRED,
                     "the data was replaced since this listing began; start it again", "page_token");
  }
  query->after_key = token.after_key();
  query->first_revision = token.first_revision();
  return absl::OkStatus();
}

}  // namespace suppressd
