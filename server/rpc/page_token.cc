#include "server/rpc/page_token.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "server/rpc/digest.h"
#include "storage/keys.h"
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

std::string FilterDigest(v1::ListAuditRequest request) {
  request.clear_page_size();
  request.clear_page_token();
  request.clear_at_least();
  return Sha256("audit page filter", request);
}

absl::Status Garbled() {
  return InvalidArgument(v1::INVALID_PAGE_TOKEN, "the page token is garbled or was not made by this service",
                         "page_token");
}

std::string Seal(const internal::v1::PageToken& token) {
  const std::string bytes = token.SerializeAsString();
  return absl::WebSafeBase64Escape(absl::StrCat(Sha256(bytes).substr(0, kSumBytes), bytes));
}

// Reads a token that was made with this digest and of this lineage.
absl::Status Open(absl::string_view text, uint64_t lineage, const std::string& digest, internal::v1::PageToken* token) {
  std::string bytes;
  if (text.size() > kTokenBytesMax || !absl::WebSafeBase64Unescape(text, &bytes) || bytes.size() <= kSumBytes ||
      Sha256(bytes.substr(kSumBytes)).substr(0, kSumBytes) != bytes.substr(0, kSumBytes) ||
      !token->ParseFromString(bytes.substr(kSumBytes)) || token->after_key().empty()) {
    return Garbled();
  }
  if (token->filter_digest() != digest) {
    return InvalidArgument(v1::INVALID_PAGE_TOKEN, "the page token belongs to another filter, order or tenant",
                           "page_token");
  }
  if (token->lineage() != lineage) {
    return MakeError(absl::StatusCode::kFailedPrecondition, v1::PAGE_TOKEN_EXPIRED,
                     "the data was replaced since this listing began; start it again", "page_token");
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodePageToken(uint64_t lineage, const v1::ListSuppressionsRequest& request, const ListPage& page) {
  if (page.next_after_key.empty()) return "";
  internal::v1::PageToken token;
  token.set_lineage(lineage);
  token.set_first_revision(page.first_revision);
  token.set_filter_digest(FilterDigest(request));
  token.set_after_key(page.next_after_key);
  return Seal(token);
}

absl::Status DecodePageToken(uint64_t lineage, const v1::ListSuppressionsRequest& request, ListQuery* query) {
  internal::v1::PageToken token;
  absl::Status opened = Open(request.page_token(), lineage, FilterDigest(request), &token);
  if (!opened.ok()) return opened;
  query->after_key = token.after_key();
  query->first_revision = token.first_revision();
  return absl::OkStatus();
}

std::string EncodePageToken(uint64_t lineage, const v1::ListAuditRequest& request, uint64_t after_revision) {
  if (after_revision == 0) return "";
  internal::v1::PageToken token;
  token.set_lineage(lineage);
  token.set_filter_digest(FilterDigest(request));
  token.set_after_key(RevisionKey(after_revision));
  return Seal(token);
}

absl::StatusOr<uint64_t> DecodePageToken(uint64_t lineage, const v1::ListAuditRequest& request) {
  internal::v1::PageToken token;
  absl::Status opened = Open(request.page_token(), lineage, FilterDigest(request), &token);
  if (!opened.ok()) return opened;
  return ParseRevisionKey(token.after_key());
}

}  // namespace suppressd
