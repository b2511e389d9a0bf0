// Text for a terminal: strangers' words made harmless, columns, times.
#pragma once

#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace suppressd::suppressctl {

// `text` with everything that could steer a terminal or reorder a line written out: C0, DEL and C1
// controls and bytes that are not UTF-8 as \xNN (line ends as \n and \r, tabs as \t), bidirectional
// overrides and separators as \u{NNNN}, "\" as \\. Pure.
std::string Escape(const std::string& text);

// `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD; controls and
// bidirectional overrides are written as \uNNNN. Pure.
std::string JsonString(const std::string& text);

// JSON that somebody else wrote, with what could steer a terminal or reorder a line written as \uNNNN: the same values.
// Pure.
std::string EscapeJson(const std::string& json);

// RFC 3339 in UTC with as many decimals as needed; "-" when unset.
std::string TimeText(const std::optional<absl::Time>& time);

// Seconds with as many decimals as needed, as protobuf's JSON mapping writes them: "1.5s", "90s". Pure.
std::string DurationText(absl::Duration duration);

// Rows under a header, in columns two spaces apart. Cells are escaped on the way out; an empty cell
// shows as "-".
class Table {
 public:
  explicit Table(std::vector<std::string> header) { rows_.push_back(std::move(header)); }
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  void Print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace suppressd::suppressctl
