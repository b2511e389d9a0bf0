#include "storage/row_sorter.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <queue>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"

namespace suppressd {
namespace {

constexpr size_t kFileBufferBytes = 64 << 10;
// What all runs together read ahead.
constexpr size_t kReadAheadMaxBytes = 4 << 20;

// A row in a file: group, order, length of the text (all as the machine has them: the file does not outlive the
// process), text.
struct RunHead {
  uint64_t group;
  uint64_t order;
  uint64_t bytes;
};

}  // namespace

// A run being read.
class RowSorter::Run {
 public:
  Run(std::unique_ptr<rocksdb::SequentialFile> file, size_t buffer_bytes)
      : file_(std::move(file)), buffer_(std::max(buffer_bytes, sizeof(RunHead))) {}

  const SortedRow& row() const { return row_; }

  // Reads the next row; `*end` tells that there is none.
  rocksdb::Status Next(bool* end) {
    begin_ += consumed_;
    consumed_ = 0;
    if (rocksdb::Status status = Need(sizeof(RunHead)); !status.ok()) return status;
    *end = end_ == begin_;
    if (*end) return rocksdb::Status::OK();
    RunHead head;
    if (end_ - begin_ < sizeof(head)) return rocksdb::Status::Corruption("a run is cut off");
    std::memcpy(&head, buffer_.data() + begin_, sizeof(head));
    const size_t bytes = sizeof(head) + head.bytes;
    if (rocksdb::Status status = Need(bytes); !status.ok()) return status;
    if (end_ - begin_ < bytes) return rocksdb::Status::Corruption("a run is cut off");
    row_ = {head.group, head.order, absl::string_view(buffer_.data() + begin_ + sizeof(head), head.bytes)};
    consumed_ = bytes;
    return rocksdb::Status::OK();
  }

 private:
  // Has so many bytes in the buffer, or all there are.
  rocksdb::Status Need(size_t bytes) {
    if (end_ - begin_ >= bytes) return rocksdb::Status::OK();
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
    if (buffer_.size() < bytes) buffer_.resize(bytes);
    while (end_ < bytes) {
      rocksdb::Slice read;
      rocksdb::Status status = file_->Read(buffer_.size() - end_, &read, buffer_.data() + end_);
      if (!status.ok()) return status;
      if (read.empty()) break;
      if (read.data() != buffer_.data() + end_) std::memmove(buffer_.data() + end_, read.data(), read.size());
      end_ += read.size();
    }
    return rocksdb::Status::OK();
  }

  const std::unique_ptr<rocksdb::SequentialFile> file_;
  std::vector<char> buffer_;
  size_t begin_ = 0;     // of the row
  size_t end_ = 0;       // of what was read
  size_t consumed_ = 0;  // bytes of the row
  SortedRow row_;
};

RowSorter::RowSorter(rocksdb::Env* env, std::string directory, size_t memory_bytes_max)
    : env_(env), directory_(std::move(directory)), memory_bytes_max_(memory_bytes_max) {}

RowSorter::~RowSorter() {
  for (size_t run = 0; run < runs_; ++run) env_->DeleteFile(RunPath(run)).PermitUncheckedError();
}

std::string RowSorter::RunPath(size_t run) const {
  return absl::StrCat(directory_, "/rows-", run);
}

rocksdb::Status RowSorter::Add(const SortedRow& row) {
  if (row.text.size() > std::numeric_limits<uint16_t>::max()) return rocksdb::Status::InvalidArgument("too long a row");
  if (text_.capacity() == 0) text_.reserve(memory_bytes_max_ / 4 * 3);
  if (memory_bytes() + row.text.size() + sizeof(uint16_t) + sizeof(Place) > memory_bytes_max_) {
    if (rocksdb::Status status = WriteRun(); !status.ok()) return status;
  }
  places_.push_back({row.group, row.order, text_.size()});
  const uint16_t bytes = static_cast<uint16_t>(row.text.size());
  text_.append(reinterpret_cast<const char*>(&bytes), sizeof(bytes));
  text_.append(row.text.data(), bytes);
  return rocksdb::Status::OK();
}

SortedRow RowSorter::RowAt(const Place& place) const {
  uint16_t bytes = 0;
  std::memcpy(&bytes, text_.data() + place.offset, sizeof(bytes));
  return {place.group, place.order, absl::string_view(text_.data() + place.offset + sizeof(bytes), bytes)};
}

void RowSorter::Sort() {
  std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
    return std::tie(a.group, a.order, a.offset) < std::tie(b.group, b.order, b.offset);
  });
}

rocksdb::Status RowSorter::WriteRun() {
  if (places_.empty()) return rocksdb::Status::OK();
  Sort();
  std::unique_ptr<rocksdb::WritableFile> file;
  rocksdb::Status status = env_->NewWritableFile(RunPath(runs_), &file, {});
  if (!status.ok()) return status;
  ++runs_;
  std::string buffer;
  buffer.reserve(2 * kFileBufferBytes);
  for (const Place& place : places_) {
    const SortedRow row = RowAt(place);
    const RunHead head{row.group, row.order, row.text.size()};
    buffer.append(reinterpret_cast<const char*>(&head), sizeof(head));
    buffer.append(row.text.data(), row.text.size());
    if (buffer.size() < kFileBufferBytes) continue;
    if (status = file->Append(buffer); !status.ok()) return status;
    buffer.clear();
  }
  status = file->Append(buffer);
  if (status.ok()) status = file->Close();
  text_.clear();
  places_.clear();
  return status;
}

rocksdb::Status RowSorter::Merge(absl::FunctionRef<rocksdb::Status(const SortedRow& row)> visit) {
  if (runs_ == 0) {
    Sort();
    for (const Place& place : places_) {
      if (rocksdb::Status status = visit(RowAt(place)); !status.ok()) return status;
    }
    return rocksdb::Status::OK();
  }
  rocksdb::Status status = WriteRun();
  if (!status.ok()) return status;
  std::string().swap(text_);
  std::vector<Place>().swap(places_);
  std::vector<std::unique_ptr<Run>> runs;
  // Of equal rows those of an earlier run were added earlier.
  const auto later = [&](size_t a, size_t b) {
    const SortedRow &x = runs[a]->row(), &y = runs[b]->row();
    return std::tie(x.group, x.order, a) > std::tie(y.group, y.order, b);
  };
  std::priority_queue<size_t, std::vector<size_t>, decltype(later)> next(later);
  const auto advance = [&](size_t run) {
    bool end = false;
    rocksdb::Status read = runs[run]->Next(&end);
    if (read.ok() && !end) next.push(run);
    return read;
  };
  for (size_t run = 0; run < runs_; ++run) {
    std::unique_ptr<rocksdb::SequentialFile> file;
    if (status = env_->NewSequentialFile(RunPath(run), &file, {}); !status.ok()) return status;
    runs.push_back(std::make_unique<Run>(std::move(file), std::min(kFileBufferBytes, kReadAheadMaxBytes / runs_)));
    if (status = advance(run); !status.ok()) return status;
  }
  while (!next.empty()) {
    const size_t run = next.top();
    next.pop();
    if (status = visit(runs[run]->row()); !status.ok()) return status;
    if (status = advance(run); !status.ok()) return status;
  }
  return status;
}

}  // namespace suppressd
