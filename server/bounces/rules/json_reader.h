// Reading JSON (RFC 8259) that somebody else wrote: bounded before it is parsed, and no access can fail worse than by
// finding nothing.
//
//   absl::StatusOr<JsonValue> root = ParseJson(payload, "");
//   const std::string address = root->Member("mail").Text("source");
//
// Every string that comes out is valid UTF-8: a payload that is not is refused. All errors are INVALID_ARGUMENT
// (MALFORMED_PAYLOAD) of the field provider_event.payload, and say what is wrong and where ("/bounce/timestamp"), never
// what stands there.
#pragma once

#include <initializer_list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace suppressd {

// Longest payload, in bytes; deepest, in levels of objects and arrays.
inline constexpr size_t kPayloadBytesMax = 1 << 20;
inline constexpr int kPayloadDepthMax = 32;

// MALFORMED_PAYLOAD at a place. Both must be ours, not the payload's.
absl::Status MalformedPayload(absl::string_view where, absl::string_view what);

// One value of a payload and where it stands, or the absence of one. A cheap value: copies share the payload.
// Immutable, thread-safe.
class JsonValue {
 public:
  // There is a value here, and it is not null.
  bool present() const;
  bool is_object() const;
  bool is_array() const;
  bool is_string() const;
  // True, as opposed to false, absent or of another type.
  bool is_true() const;
  // Items of an array, members of an object; else zero.
  size_t size() const;
  // Like a JSON pointer (RFC 6901): "/0/bounce". Empty: the whole payload.
  const std::string& where() const { return where_; }

  // What stands at a path of member names joined with "/"; absent when any of them is.
  JsonValue Member(absl::string_view path) const;
  // The n-th item of an array; absent beyond its end, and for anything else.
  JsonValue Item(size_t n) const;
  // The only member of an object, by whatever name; absent unless there is exactly one.
  JsonValue OnlyMember() const;

  // A string as it is, an integer in decimal, a fraction with its six digits; empty for anything else.
  std::string Text() const;
  // The text at a path; at several: the first that is not empty.
  std::string Text(absl::string_view path) const;
  std::string Text(std::initializer_list<absl::string_view> paths) const;

  // MALFORMED_PAYLOAD at this value.
  absl::Status Error(absl::string_view what) const;

 private:
  friend absl::StatusOr<JsonValue> ParseJson(absl::string_view text, absl::string_view where);
  JsonValue(std::shared_ptr<const nlohmann::json> payload, const nlohmann::json* value, std::string where);
  // Null: absent.
  const nlohmann::json* Find(absl::string_view path) const;

  std::shared_ptr<const nlohmann::json> payload_;
  const nlohmann::json* value_;  // within *payload_
  std::string where_;
};

// Of members of the same name the last counts. MALFORMED_PAYLOAD: longer or deeper than the limits above, not JSON, not
// UTF-8, empty. `where`: where the text itself was found.
absl::StatusOr<JsonValue> ParseJson(absl::string_view text, absl::string_view where);

}  // namespace suppressd
