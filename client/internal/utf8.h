// UTF-8, and what of a request is none: proto3 text must be, or the service cannot read the request at all.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace suppressd::client_internal {

struct CodePoint {
  uint32_t value = 0;
  size_t bytes = 1;
  bool valid = false;
};

// The code point at `position`, which must be within the text; invalid, one byte long and with that byte as its
// value, where there is no well-formed UTF-8 (RFC 3629).
CodePoint DecodeUtf8(absl::string_view text, size_t position);

// Whether all of a text is well-formed UTF-8.
bool IsUtf8(absl::string_view text);

// OK, or INVALID_ARGUMENT (INVALID_FIELD) that names the first text field that is not UTF-8. All functions are pure and
// thread-safe.
absl::Status CheckUtf8(const google::protobuf::Message& request);

}  // namespace suppressd::client_internal
