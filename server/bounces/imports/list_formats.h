// Which format a file has.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/bounces/imports/list_layout.h"

namespace suppressd {

// What is known of a file before its rows are read.
struct ListShape {
  std::vector<std::string> names;  // of the header, or of the first element of JSON
  ListRecord first;                // the first row
  bool has_names = false;          // a table with a header, or JSON
  bool has_rows = false;
};

// All formats, in the order in which they are listed.
const std::vector<const ListLayout*>& AllLayouts();

// The lossless export.
const ListLayout& ExportLayout();

// The format of a file: of those that `from` allows (the name of one, of a provider, or "auto") the one whose names the
// file has, and of several the one that needs the most. INVALID_ARGUMENT: none, or several that look alike. The message
// names neither values nor rows. Pure and thread-safe.
absl::StatusOr<const ListLayout*> FindLayout(absl::string_view from, const ListShape& shape);

// INVALID_ARGUMENT: no format and no provider has this name. Pure and thread-safe.
absl::Status CheckFrom(absl::string_view from);

}  // namespace suppressd
