#include "common/audit_chain.h"

#include "common/canonical.h"

namespace suppressd {

std::string AuditTextHash(const v1::AuditText& text) {
  return CanonicalDigest("audit text", text);
}

std::string AuditRecordHash(const v1::AuditRecord& record) {
  v1::AuditRecord hashed = record;
  hashed.clear_hash();
  hashed.clear_text();
  return CanonicalDigest("audit record", hashed);
}

}  // namespace suppressd
