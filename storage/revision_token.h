// Revision tokens: the opaque text that names a state of the data to callers.
//
// A token is base64url of a version byte, the lineage, the revision and a check sum: 28 characters. The lineage is a
// random number made with the data directory: revisions of two lineages cannot be compared. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace suppressd {

// A state of the data.
struct RevisionToken {
  uint64_t lineage = 0;
  uint64_t revision = 0;
};

// The text of a token.
std::string EncodeToken(const RevisionToken& token);

// Reads a token of any lineage. INVALID_ARGUMENT (INVALID_TOKEN) when it is not one.
absl::StatusOr<RevisionToken> DecodeToken(absl::string_view text, absl::string_view field);

// Reads a token. INVALID_ARGUMENT (INVALID_TOKEN) when it is not one, FAILED_PRECONDITION (LINEAGE_MISMATCH) when it is
// of another lineage than `lineage`. `field` names the request field in the error.
absl::StatusOr<RevisionToken> DecodeToken(absl::string_view text, uint64_t lineage, absl::string_view field);

}  // namespace suppressd
