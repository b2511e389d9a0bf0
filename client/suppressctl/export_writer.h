// The two forms of an export: lines of JSON that lose nothing, and a table for people.
#pragma once

#include <memory>
#include <ostream>
#include <string>

#include "suppressd/v1/admin_service.pb.h"

namespace suppressd::suppressctl {

// Not thread-safe. Pure, but for the stream that it writes to.
class ExportWriter {
 public:
  virtual ~ExportWriter() = default;
  // What stands before the entries.
  virtual std::string Head(const std::string& tenant, bool with_history) const = 0;
  virtual std::string Line(const v1::ExportedEntry& entry) const = 0;
  // The last line: without it the export is cut.
  virtual std::string Proof(const v1::ExportProof& proof) const = 0;
};

// JSON, one object a line (docs/import.md): the export, each entry by the names of its fields, the proof.
std::unique_ptr<ExportWriter> MakeJsonWriter();
// CSV (RFC 4180), UTF-8, times absolute and in UTC, one row for each entry. A cell that a spreadsheet would take for a
// formula has ' before it. `now_micros` decides what has expired.
std::unique_ptr<ExportWriter> MakeCsvWriter(int64_t now_micros);

// A cell of CSV, quoted where it must be, and safe for spreadsheets.
std::string CsvCell(const std::string& text);

}  // namespace suppressd::suppressctl
