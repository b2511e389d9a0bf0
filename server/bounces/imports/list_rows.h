// The rows of a list file, whatever its syntax: names and values, in the order of the file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/bounces/imports/list_input.h"

namespace suppressd {

// Most levels of objects and arrays within an element.
inline constexpr int kListDepthMax = 32;
// Longest text of a row that is kept for messages, in bytes.
inline constexpr size_t kListTextBytesMax = 4 << 10;

// A value that a row names.
struct ListField {
  // As PlainName has it; members of objects with the names of those before them: "reason.code". The members of an array
  // all have its name. Of a table without a header the number of the column, from "1"; that of a bare value too.
  std::string name;
  // Valid UTF-8 without NUL, trimmed, and in a table without the ' that keeps spreadsheets from calculating.
  std::string value;
};

// A row: of a table, of a file of lines, or an element of an array.
using ListRecord = std::vector<ListField>;

// Lower case, and "_" for white space and "-" within: "Created At" is "created_at". Pure and thread-safe.
std::string PlainName(absl::string_view name);

// What was assumed of a file. Not thread-safe.
class ListRemarks {
 public:
  // Each is kept once; and so many of them.
  static constexpr size_t kMax = 16;
  void Say(absl::string_view remark);
  const std::vector<std::string>& all() const { return remarks_; }

 private:
  std::vector<std::string> remarks_;
};

// Text as UTF-8 without NUL; what is not UTF-8 is read as Windows-1252, and that is remarked.
std::string DecodeListText(absl::string_view bytes, ListRemarks* remarks);

// The rows of a file one after the other. Not thread-safe.
class ListRows {
 public:
  struct Row {
    enum Kind {
      kRecord,
      kBad,  // `why`; reading goes on behind it
      kEnd,  // with `why`: the file is cut, or cannot be read on. So does every later call
    };
    Kind kind = kEnd;
    ListRecord record;
    int64_t line = 0;  // that it begins in
    std::string why;
    std::string text;  // as it stands in the file, cut
  };

  virtual ~ListRows() = default;
  virtual Row Next() = 0;
  // The names of the columns, of a table that has a header; else empty.
  virtual const std::vector<std::string>& header() const = 0;
  // The name of the array that the last record was in, as PlainName has it. Empty: none.
  virtual const std::string& array() const = 0;
};

// A table: values separated by commas, semicolons or tabs (the header tells which), RFC 4180, and more lenient. Where
// the first line has an "@" it is no header: then a table of numbered columns, or one address a line; empty lines and
// lines that begin with "#" are passed over. Borrows both.
std::unique_ptr<ListRows> MakeTableRows(ListInput* input, ListRemarks* remarks);

// JSON: the elements of an array, or of the one array that matters of an object; or objects one behind the other, each
// on a line or not. Borrows both.
std::unique_ptr<ListRows> MakeJsonRows(ListInput* input, ListRemarks* remarks);

// The values of one JSON text. False: it is none, or is too deep or has too many values; and `why`. A text that is no
// object is one value by the name of `array`, or "1". Pure and thread-safe.
bool ReadJsonRecord(absl::string_view text, const std::string& array, ListRecord* record, std::string* why);

}  // namespace suppressd
