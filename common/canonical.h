// Bytes of a message that are the same for equal messages whatever the release of protobuf, which promises no such
// thing of its own serialisation; and their digest. Pure and thread-safe.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace suppressd {

// Version 1 of the form, of each field that is set, in the order of field numbers: the number (4 bytes), the type of
// protobuf's descriptor (1 byte), the count of values (4 bytes) and the values. A number, boolean or enum value has 8
// bytes; a text, a message or the rest that is not known has its length (8 bytes) before it. Numbers are big-endian.
// Entries of a map come in the order of their bytes.
void AppendCanonicalForm(const google::protobuf::Message& message, std::string* bytes);

// SHA-256 (32 bytes) of the version of the form, a label and the message.
std::string CanonicalDigest(absl::string_view label, const google::protobuf::Message& message);

}  // namespace suppressd
