#include "client/suppressctl/classify_input.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/bounces/mail/mime_mail.h"

namespace suppressd::suppressctl {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLineBytesMax = 1 << 16;

constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Reads up to and with the next line end (LF, CRLF or CR), or a long line in pieces. False: nothing is left.
bool ReadPiece(std::istream& in, std::string* piece) {
  piece->clear();
  char c;
  while (piece->size() < kLineBytesMax && in.get(c)) {
    piece->push_back(c);
    if (c == '\n' || (c == '\r' && in.peek() != '\n')) break;
  }
  return !piece->empty();
}

bool IsBlank(absl::string_view line) {
  return absl::StripAsciiWhitespace(line).empty();
}

bool HasTime(absl::string_view line) {
  for (size_t i = 0; i + 4 < line.size(); ++i) {
    const bool time = absl::ascii_isdigit(line[i]) && absl::ascii_isdigit(line[i + 1]) && line[i + 2] == ':' &&
                      absl::ascii_isdigit(line[i + 3]) && absl::ascii_isdigit(line[i + 4]);
    if (time) return true;
  }
  return false;
}

// A weekday or comma, a month and a year, as asctime and RFC 5322 write them: "Tue Nov  3 10:00:00 2026".
bool HasDate(absl::string_view line) {
  static constexpr absl::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  bool month = false;
  bool year = false;
  for (const absl::string_view word : absl::StrSplit(line, ' ')) {
    month |= std::find(std::begin(kMonths), std::end(kMonths), word) != std::end(kMonths);
    const bool digits = word.size() == 4 && std::all_of(word.begin(), word.end(), absl::ascii_isdigit);
    year |= digits && (absl::StartsWith(word, "19") || absl::StartsWith(word, "20"));
  }
  return month && year;
}

// "From jo@example.com Tue Nov  3 10:00:00 2026": the time tells it from a sentence that begins with the word, and
// where no blank line stands before it the date.
bool IsFromLine(absl::string_view line, bool after_blank) {
  line = absl::StripTrailingAsciiWhitespace(line);
  return absl::ConsumePrefix(&line, "From ") && HasTime(line) && (after_blank || HasDate(line));
}

// Cuts a stream into mails. Without a "From " line at the head, behind a byte order mark and blank lines, it is one.
class MboxSplitter {
 public:
  MboxSplitter(std::string name, const TakeInput& take) : name_(std::move(name)), take_(take) {}

  void Add(absl::string_view piece) {
    if (first_) absl::ConsumePrefix(&piece, kByteOrderMark);
    first_ = false;
    if (!headed_ && !IsBlank(piece)) {
      headed_ = true;
      mbox_ = absl::StartsWith(piece, "From ");
      if (mbox_) content_.clear();  // what stands in front of it is no mail
    }
    if (mbox_ && line_start_ && IsFromLine(piece, after_blank_)) Flush();
    after_blank_ = line_start_ && IsBlank(piece);
    line_start_ = absl::EndsWith(piece, "\n") || absl::EndsWith(piece, "\r");
    const size_t room = kMailBytesMax + 1 - content_.size();
    content_.append(piece.data(), std::min(piece.size(), room));
    started_ |= headed_ || !mbox_;
  }
  void Flush() {
    if (!started_) return;
    started_ = false;
    if (mbox_ && IsBlank(content_)) return;
    ++count_;
    ClassifyInput input;
    input.name = count_ == 1 ? name_ : absl::StrCat(name_, "#", count_);
    input.truncated = content_.size() > kMailBytesMax;
    content_.resize(std::min(content_.size(), kMailBytesMax));
    input.content = std::move(content_);
    content_.clear();
    take_(std::move(input));
  }

 private:
  const std::string name_;
  const TakeInput& take_;
  std::string content_;
  int count_ = 0;
  bool first_ = true;
  bool headed_ = false;  // something that is not blank has come
  bool mbox_ = false;
  bool line_start_ = true;
  bool after_blank_ = false;
  bool started_ = false;
};

absl::Status ReadFile(const fs::path& path, const std::string& name, const TakeInput& take) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path.string()));
  if (file.peek() == std::ifstream::traits_type::eof()) take({name, "", false});
  ReadStream(name, file, take);
  return file.bad() ? absl::UnavailableError(absl::StrCat("cannot read ", path.string())) : absl::OkStatus();
}

}  // namespace

void ReadStream(const std::string& name, std::istream& in, const TakeInput& take) {
  MboxSplitter splitter(name, take);
  std::string piece;
  while (ReadPiece(in, &piece)) splitter.Add(piece);
  splitter.Flush();
}

absl::Status ReadPath(const std::string& path, const TakeInput& take) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return ReadFile(path, fs::path(path).filename().string(), take);
  std::vector<fs::path> files;
  fs::recursive_directory_iterator it(path, fs::directory_options::skip_permission_denied, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code file_error;
    if (it->is_regular_file(file_error)) files.push_back(it->path());
  }
  if (error) return absl::UnavailableError(absl::StrCat("cannot read ", path, ": ", error.message()));
  std::sort(files.begin(), files.end());
  absl::Status status;
  for (const fs::path& file : files) status.Update(ReadFile(file, file.lexically_relative(path).string(), take));
  return status;
}

bool LooksLikeMail(absl::string_view text) {
  absl::ConsumePrefix(&text, kByteOrderMark);
  text = absl::StripLeadingAsciiWhitespace(text);
  if (absl::StartsWith(text, "From ")) return true;
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos || colon == 0 || colon > 76) return false;
  const bool name = std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon),
                                [](unsigned char c) { return c > ' ' && c < 0x7f; });
  return name && absl::ascii_isalpha(static_cast<unsigned char>(text[0])) && colon + 1 < text.size() &&
         (text[colon + 1] == ' ' || text[colon + 1] == '\t' || text[colon + 1] == '\r' || text[colon + 1] == '\n');
}

}  // namespace suppressd::suppressctl
