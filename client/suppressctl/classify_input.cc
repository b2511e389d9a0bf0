#include "client/suppressctl/classify_input.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/mail/mime_mail.h"

namespace suppression::suppressctl {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLineOctetsMax = 1 << 16;

// Reads up to and with the next line end, or a long line in pieces. False: nothing is left.
bool ReadPiece(std::istream& in, std::string* piece) {
  piece->clear();
  char c;
  while (piece->size() < kLineOctetsMax && in.get(c)) {
    piece->push_back(c);
    if (c == '\n') break;
  }
  return !piece->empty();
}

bool IsBlank(const std::string& line) {
  return line == "\n" || line == "\r\n";
}

// "From jo@example.com Tue Nov  3 10:00:00 2026": the time tells it from a sentence that begins with the word.
bool IsFromLine(const std::string& line) {
  if (!absl::StartsWith(line, "From ")) return false;
  for (size_t i = 5; i + 4 < line.size(); ++i) {
    const bool time = absl::ascii_isdigit(line[i]) && absl::ascii_isdigit(line[i + 1]) && line[i + 2] == ':' &&
                      absl::ascii_isdigit(line[i + 3]) && absl::ascii_isdigit(line[i + 4]);
    if (time) return true;
  }
  return false;
}

// Cuts a stream into mails. Without a "From " line at the head it is one.
class MboxSplitter {
 public:
  MboxSplitter(std::string name, const TakeInput& take) : name_(std::move(name)), take_(take) {}

  void Add(const std::string& piece) {
    if (first_) mbox_ = absl::StartsWith(piece, "From ");
    if (mbox_ && after_blank_ && IsFromLine(piece)) Flush();
    first_ = false;
    after_blank_ = IsBlank(piece);
    const size_t room = kMailOctetsMax + 1 - content_.size();
    content_.append(piece, 0, room);
    started_ = true;
  }
  void Flush() {
    if (!started_) return;
    ++count_;
    ClassifyInput input;
    input.name = count_ == 1 ? name_ : absl::StrCat(name_, "#", count_);
    input.truncated = content_.size() > kMailOctetsMax;
    content_.resize(std::min(content_.size(), kMailOctetsMax));
    input.content = std::move(content_);
    content_.clear();
    started_ = false;
    take_(std::move(input));
  }

 private:
  const std::string name_;
  const TakeInput& take_;
  std::string content_;
  int count_ = 0;
  bool first_ = true;
  bool mbox_ = false;
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

bool LooksLikeMail(const std::string& text) {
  if (absl::StartsWith(text, "From ")) return true;
  const size_t colon = text.find(':');
  if (colon == std::string::npos || colon == 0 || colon > 76) return false;
  const bool name = std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(colon),
                                [](unsigned char c) { return c > ' ' && c < 0x7f; });
  return name && absl::ascii_isalpha(static_cast<unsigned char>(text[0])) && colon + 1 < text.size() &&
         (text[colon + 1] == ' ' || text[colon + 1] == '\t' || text[colon + 1] == '\r' || text[colon + 1] == '\n');
}

}  // namespace suppression::suppressctl
