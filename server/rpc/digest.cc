#include "server/rpc/digest.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/audit_chain.h"
#include "common/error.h"

namespace suppressd {

std::string Sha256(absl::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::string Sha256(absl::string_view label, const google::protobuf::Message& message) {
  std::string bytes(label);
  bytes.push_back('\0');
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return Sha256(bytes);
}

std::string EventDigest(v1::ReportBounceRequest::ReportCase kind, const storage::v1::ReportOperation& report) {
  storage::v1::ReportOperation identity;
  for (const storage::v1::RecipientReport& recipient : report.recipients()) {
    storage::v1::Target* target = identity.add_recipients()->mutable_target();
    target->set_domain(recipient.target().domain());
    target->set_local_part(recipient.target().local_part());
  }
  return Sha256(absl::StrCat("event of kind ", static_cast<int>(kind)), identity);
}

std::string ContentDigest(absl::string_view recipient, const v1::BounceEvent& event) {
  constexpr size_t kBytes = 16;
  v1::BounceEvent identity;
  identity.set_source(std::string(recipient));
  identity.set_provider(event.provider());
  identity.set_diagnostic(event.diagnostic());
  identity.set_remote_mta(event.remote_mta());
  identity.set_message_id(event.message_id());
  identity.set_feedback_type(event.feedback_type());
  if (event.has_occurred_at()) *identity.mutable_occurred_at() = event.occurred_at();
  if (event.has_mail_sent_at()) *identity.mutable_mail_sent_at() = event.mail_sent_at();
  const v1::Verdict::Class bounce_class = event.verdict().bounce_class();
  const bool failed = bounce_class == v1::Verdict::HARD || bounce_class == v1::Verdict::SENDER_SIDE;
  identity.mutable_verdict()->set_bounce_class(failed ? v1::Verdict::SOFT : bounce_class);
  return absl::BytesToHexString(Sha256("content of event", identity).substr(0, kBytes));
}

absl::StatusOr<std::string> NewAuditSalt() {
  std::string salt(kAuditSaltBytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(salt.data()), static_cast<int>(salt.size())) == 1) return salt;
  return MakeError(absl::StatusCode::kInternal, v1::INTERNAL_ERROR, "the system gives no random numbers");
}

}  // namespace suppressd
