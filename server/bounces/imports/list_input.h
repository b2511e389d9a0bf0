// The bytes of a list file, read once, from front to back, through a buffer of fixed size.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace suppressd {

// How much is read at once; also how far a file is looked into before its format is known.
inline constexpr size_t kListBufferBytes = 64 << 10;

// Not thread-safe. Borrows the stream, which must outlive it. The end of the stream leaves no flag set on it, so that
// its position can still be asked for.
class ListInput {
 public:
  static constexpr int kEnd = -1;

  // Reads the first buffer. A UTF-8 byte order mark is passed over.
  explicit ListInput(std::istream* stream);
  ListInput(const ListInput&) = delete;
  ListInput& operator=(const ListInput&) = delete;

  // What is in the buffer and not yet taken: at first the beginning of the file. Empty: the end.
  absl::string_view Ahead();
  // The next byte (0 to 255), or kEnd. Get takes it.
  int Peek() {
    if (next_ == size_) Fill();
    return next_ == size_ ? kEnd : static_cast<unsigned char>(buffer_[next_]);
  }
  int Get() {
    const int c = Peek();
    if (c == kEnd) return c;
    ++next_;
    if (c == '\n') ++line_;
    return c;
  }
  // A line with its end: LF, CR LF, or CR alone. Of one that is longer than bytes_max its beginning, and `too_long`:
  // the rest is passed over. False: the file has ended.
  bool Line(size_t bytes_max, std::string* line, bool* too_long);

  // The line of the next byte, from 1; lines end with LF.
  int64_t line() const { return line_; }
  // The stream broke: what was read is not all.
  bool failed() const { return failed_; }

 private:
  void Fill();

  std::istream* const stream_;
  std::vector<char> buffer_;
  size_t next_ = 0;
  size_t size_ = 0;
  int64_t line_ = 1;
  bool failed_ = false;
};

// What a file that is no list looks like, from its first bytes: "a gzip file: unpack it first". Empty: it may be one.
// Pure and thread-safe.
std::string OtherKindOfFile(absl::string_view beginning);

}  // namespace suppressd
