// Sorts more rows than memory holds: sorted runs are put into files, and merged when they are read back.
//
//   RowSorter rows(env, "/data/load", 8 << 20);
//   rows.Add({.group = 1, .order = 7, .text = "b"});
//   rows.Merge([](const SortedRow& row) { ...; return rocksdb::Status::OK(); });
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "rocksdb/env.h"
#include "rocksdb/status.h"

namespace suppressd {

// Rows are sorted by group, then by order, then as they were added. At most 64 KiB of text.
struct SortedRow {
  uint64_t group = 0;
  uint64_t order = 0;
  absl::string_view text;
};

// Not thread-safe.
class RowSorter {
 public:
  // Files are made in this directory, which exists; they are deleted with the sorter. Holds at most so many bytes of
  // rows in memory; while it merges, it reads ahead 4 MiB of its files instead.
  RowSorter(rocksdb::Env* env, std::string directory, size_t memory_bytes_max);
  ~RowSorter();
  RowSorter(const RowSorter&) = delete;
  RowSorter& operator=(const RowSorter&) = delete;

  // Fails when a file cannot be written or a text is too long; then the sorter is of no more use.
  rocksdb::Status Add(const SortedRow& row);
  // Calls `visit` with each row in order, whose text is valid during the call; ends with the first failure of it. Call
  // it once, at the end.
  rocksdb::Status Merge(absl::FunctionRef<rocksdb::Status(const SortedRow& row)> visit);

 private:
  class Run;
  struct Place {
    uint64_t group;
    uint64_t order;
    size_t offset;  // of the row's text in text_, behind its length
  };

  size_t memory_bytes() const { return text_.size() + places_.size() * sizeof(Place); }
  std::string RunPath(size_t run) const;
  void Sort();
  SortedRow RowAt(const Place& place) const;
  rocksdb::Status WriteRun();

  rocksdb::Env* const env_;
  const std::string directory_;
  const size_t memory_bytes_max_;
  std::string text_;
  std::vector<Place> places_;
  size_t runs_ = 0;
};

}  // namespace suppressd
