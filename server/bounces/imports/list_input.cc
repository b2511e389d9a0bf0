#include "server/bounces/imports/list_input.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace suppressd {
namespace {

constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";

// The first bytes of a kind of file.
struct Signature {
  absl::string_view bytes;
  absl::string_view what;
};

constexpr Signature kBinaries[] = {
    {"\x1F\x8B", "a gzip file: unpack it first"},
    {"\xFD"
     "7zXZ",
     "an xz file: unpack it first"},
    {"\x28\xB5\x2F\xFD", "a zstd file: unpack it first"},
    {"7z\xBC\xAF", "a 7z file: unpack it first"},
    {"\xD0\xCF\x11\xE0", "an Excel file: save it as CSV in UTF-8 first"},
    {"%PDF", "a PDF file"},
    {"SQLite format 3", "an SQLite database"},
    {"\xFF\xFE", "text in UTF-16: save it as UTF-8 first"},
    {"\xFE\xFF", "text in UTF-16: save it as UTF-8 first"},
};

// What a bzip2 file begins with: "BZh", a digit, and the mark of its first block.
constexpr absl::string_view kBzip2Block = "1AY&SY";
constexpr size_t kBzip2HeadBytes = 10;

constexpr Signature kTexts[] = {
    {"<!doctype html", "an HTML page, perhaps an error page in place of the file"},
    {"<html", "an HTML page, perhaps an error page in place of the file"},
    {"<", "XML or HTML"},
    {"From ", "a mailbox of mails (mbox)"},
    {"Return-Path:", "a mail"},
    {"Received:", "a mail"},
    {"MIME-Version:", "a mail"},
};

std::string OfZip(absl::string_view beginning) {
  const bool excel = absl::StrContains(beginning, "[Content_Types].xml") || absl::StrContains(beginning, "xl/");
  return excel ? "an Excel file: save it as CSV in UTF-8 first" : "a zip file: unpack it first";
}

}  // namespace

ListInput::ListInput(std::istream* stream) : stream_(stream), buffer_(kListBufferBytes) {
  Fill();
  if (absl::StartsWith(Ahead(), kByteOrderMark)) next_ += kByteOrderMark.size();
}

void ListInput::Fill() {
  next_ = size_ = 0;
  if (failed_) return;
  stream_->read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  size_ = static_cast<size_t>(stream_->gcount());
  failed_ = stream_->bad();
  if (!failed_) stream_->clear();
}

absl::string_view ListInput::Ahead() {
  if (next_ == size_) Fill();
  return absl::string_view(buffer_.data() + next_, size_ - next_);
}

bool ListInput::Line(size_t bytes_max, std::string* line, bool* too_long) {
  line->clear();
  *too_long = false;
  int c = Get();
  if (c == kEnd) return false;
  for (; c != kEnd; c = Get()) {
    if (line->size() < bytes_max) {
      line->push_back(static_cast<char>(c));
    } else {
      *too_long = true;
    }
    if (c == '\n' || (c == '\r' && Peek() != '\n')) break;
  }
  return true;
}

std::string OtherKindOfFile(absl::string_view beginning) {
  for (const Signature& signature : kBinaries) {
    if (absl::StartsWith(beginning, signature.bytes)) return std::string(signature.what);
  }
  if (absl::StartsWith(beginning, "PK\x03\x04")) return OfZip(beginning);
  // "BZh" alone may begin an address.
  if (absl::StartsWith(beginning, "BZh") && absl::StrContains(beginning.substr(0, kBzip2HeadBytes), kBzip2Block)) {
    return "a bzip2 file: unpack it first";
  }
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(beginning);
  for (const Signature& signature : kTexts) {
    if (absl::StartsWithIgnoreCase(text, signature.bytes)) return std::string(signature.what);
  }
  const absl::string_view first_line = text.substr(0, text.find('\n'));
  return absl::StrContains(first_line, '\0') ? "binary data" : "";
}

}  // namespace suppressd
