// SHA-256 (OpenSSL). Pure and thread-safe.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace suppression {

// The 32 octets of the digest.
std::string Sha256(absl::string_view octets);

// The digest of a message with a label in front, the same for equal messages.
std::string Sha256(absl::string_view label, const google::protobuf::Message& message);

}  // namespace suppression
