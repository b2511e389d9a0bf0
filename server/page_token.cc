#include "server/page_token.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "protos/error.h"
#include "server/digest.h"
#include "suppression/internal/v1/page_token.pb.h"

namespace suppression {
namespace {

constexpr size_t kSumOctets = 8;
constexpr size_t kTokenOctetsMax = 4096;

std::string FilterDigest(v1::ListSuppressionsRequest request) {
  request.clear_page_size();
  request.clear_page_token();
  request.clear_with_counts();
  request.clear_at_least();
  return Sha256("page filter", request);
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
  const std::string octets = token.SerializeAsString();
  return absl::WebSafeBase64Escape(absl::StrCat(Sha256(octets).substr(0, kSumOctets), octets));
}

absl::Status DecodePageToken(uint64_t lineage, const v1::ListSuppressionsRequest& request, ListQuery* query) {
  std::string octets;
  internal::v1::PageToken token;
  if (request.page_token().size() > kTokenOctetsMax || !absl::WebSafeBase64Unescape(request.page_token(), &octets) ||
      octets.size() <= kSumOctets ||
      Sha256(octets.substr(kSumOctets)).substr(0, kSumOctets) != octets.substr(0, kSumOctets) ||
      !token.ParseFromString(octets.substr(kSumOctets)) || token.after_key().empty()) {
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

}  // namespace suppression
