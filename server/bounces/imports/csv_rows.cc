// Tables, by libcsv. It is given one line after the other, so that what it holds is never more than a row.
#include <csv.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/bounces/imports/list_file.h"
#include "server/bounces/imports/list_rows.h"
#include "server/bounces/rules/reply_text.h"

namespace suppressd {
namespace {

// Of the states of a parser (its source names them, its header does not): a value has begun and has not ended.
constexpr int kFieldBegun = 2;
// A quote that no text has: mysql writes values between tabs as they are.
constexpr unsigned char kNoQuote = 0;

struct Cells {
  std::vector<std::string> values;
  size_t count = 0;  // those that are not kept counted too
};

class TableRows final : public ListRows {
 public:
  TableRows(ListInput* input, ListRemarks* remarks) : input_(*input), remarks_(*remarks) {
    StartParser();
    ReadHeader();
  }
  ~TableRows() override { csv_free(&parser_); }

  Row Next() override {
    if (first_.has_value()) {
      Row row = *std::move(first_);
      first_.reset();
      return row;
    }
    return ReadRow();
  }
  const std::vector<std::string>& header() const override { return header_; }
  const std::string& array() const override { return array_; }

 private:
  static void OnValue(void* bytes, size_t size, void* self) {
    Cells& cells = static_cast<TableRows*>(self)->cells_;
    if (++cells.count > kListColumnsMax) return;
    cells.values.emplace_back(static_cast<const char*>(bytes), size);
  }
  static void OnRow(int, void* self) {
    auto* rows = static_cast<TableRows*>(self);
    rows->complete_.push_back(std::exchange(rows->cells_, {}));
  }

  void StartParser() {
    csv_init(&parser_, 0);
    csv_set_delim(&parser_, static_cast<unsigned char>(separator_));
    if (separator_ == '\t') csv_set_quote(&parser_, kNoQuote);
    cells_ = {};
    text_.clear();
    bytes_ = 0;
    has_nul_ = false;
  }

  // The separator that the first line has most of; a comma where it has none.
  static char SeparatorOf(absl::string_view beginning) {
    const absl::string_view line = beginning.substr(0, beginning.find_first_of("\r\n"));
    const auto count = [&](char separator) { return std::count(line.begin(), line.end(), separator); };
    char best = ',';
    for (const char separator : {';', '\t'}) {
      if (count(separator) > count(best)) best = separator;
    }
    return best;
  }

  // Takes the header, or finds that there is none and keeps the first row.
  void ReadHeader() {
    PassComments();
    separator_ = SeparatorOf(input_.Ahead());
    csv_free(&parser_);
    StartParser();
    Row row = ReadRow();
    const bool is_header = row.kind == Row::kRecord &&
                           std::none_of(row.record.begin(), row.record.end(),
                                        [](const ListField& field) { return absl::StrContains(field.value, '@'); });
    if (!is_header) {
      first_ = std::move(row);
      return;
    }
    for (const ListField& field : row.record) header_.push_back(PlainName(field.value));
  }

  // Empty lines and comments before the first row.
  void PassComments() {
    std::string line;
    bool too_long = false;
    for (int c = input_.Peek(); c == '#' || c == '\n' || c == '\r'; c = input_.Peek()) {
      input_.Line(0, &line, &too_long);
    }
  }

  // Reads lines until a row is complete.
  Row ReadRow() {
    while (complete_.empty()) {
      if (ended_) return End();
      const bool between = bytes_ == 0;
      if (between) {
        if (header_.empty()) PassComments();
        line_ = input_.line();
      }
      std::string line;
      bool too_long = false;
      if (!input_.Line(kListRowBytesMax, &line, &too_long)) {
        ended_ = true;
        unfinished_ = parser_.pstate == kFieldBegun && parser_.quoted != 0;
        csv_fini(&parser_, OnValue, OnRow, this);
        if (unfinished_) complete_.clear();
      } else if (!Feed(line, too_long)) {
        return TooLong();
      } else if (complete_.empty() && cells_.count == 0 && parser_.pstate < kFieldBegun) {
        StartRow();  // an empty line
      }
    }
    Row row = ToRow(std::move(complete_.front()));
    complete_.pop_front();
    if (complete_.empty()) StartRow();
    return row;
  }

  // False: the row is too long, or the parser had no memory for it.
  bool Feed(std::string& line, bool too_long) {
    bytes_ += line.size();
    if (too_long || bytes_ > kListRowBytesMax) return false;
    if (text_.size() < kListTextBytesMax) text_.append(line, 0, kListTextBytesMax - text_.size());
    if (absl::StrContains(line, '\0')) {
      has_nul_ = true;
      std::replace(line.begin(), line.end(), '\0', ' ');
    }
    return csv_parse(&parser_, line.data(), line.size(), OnValue, OnRow, this) == line.size();
  }

  void StartRow() {
    text_.clear();
    bytes_ = 0;
    has_nul_ = false;
  }

  Row TooLong() {
    Row row;
    row.kind = Row::kBad;
    row.line = line_;
    row.why = absl::StrCat("is longer than ", kListRowBytesMax, " bytes: perhaps a quote that is not closed");
    row.text = Text();
    csv_free(&parser_);
    StartParser();
    return row;
  }

  Row End() const {
    Row row;
    row.line = input_.line();
    if (input_.failed()) {
      row.why = "the file cannot be read on";
    } else if (unfinished_) {
      row.why = absl::StrCat("the file is cut: it ends within quotes that were opened in the row of line ", line_);
    }
    return row;
  }

  std::string Text() {
    absl::string_view text = text_;
    while (absl::EndsWith(text, "\n") || absl::EndsWith(text, "\r")) text.remove_suffix(1);
    return std::string(Utf8Prefix(DecodeListText(text, &remarks_), kListTextBytesMax));
  }

  Row ToRow(Cells cells) {
    Row row;
    row.line = line_;
    row.text = Text();
    row.kind = Row::kBad;
    if (cells.count > kListColumnsMax) {
      row.why = absl::StrCat("has ", cells.count, " columns; at most ", kListColumnsMax, " are read");
    } else if (has_nul_) {
      row.why = "holds a NUL byte";
    } else if (!header_.empty() && HasMore(cells)) {
      row.why = absl::StrCat("has ", cells.count, " values; the header has ", header_.size());
    } else {
      row.kind = Row::kRecord;
    }
    for (size_t i = 0; i < cells.values.size() && row.kind == Row::kRecord; ++i) {
      std::string name = header_.empty() ? absl::StrCat(i + 1) : i < header_.size() ? header_[i] : "";
      row.record.push_back({std::move(name), CellText(cells.values[i])});
    }
    return row;
  }

  // Values beyond the header; empty ones are no mistake.
  bool HasMore(const Cells& cells) const {
    if (cells.count <= header_.size()) return false;
    return std::any_of(cells.values.begin() + static_cast<std::ptrdiff_t>(header_.size()), cells.values.end(),
                       [](const std::string& value) { return !value.empty(); });
  }

  std::string CellText(absl::string_view bytes) {
    std::string decoded = DecodeListText(absl::StripAsciiWhitespace(bytes), &remarks_);
    const bool escaped = decoded.size() > 1 && decoded[0] == '\'' && absl::StrContains("=+-@", decoded[1]);
    if (escaped) decoded.erase(0, 1);
    return separator_ == '\t' && decoded == "NULL" ? "" : decoded;
  }

  ListInput& input_;
  ListRemarks& remarks_;
  csv_parser parser_;
  char separator_ = ',';
  std::vector<std::string> header_;
  const std::string array_;
  std::optional<Row> first_;  // read in search of a header

  Cells cells_;                 // of the row that is being read
  std::deque<Cells> complete_;  // of one line
  int64_t line_ = 0;
  std::string text_;
  size_t bytes_ = 0;
  bool has_nul_ = false;
  bool ended_ = false;
  bool unfinished_ = false;
};

}  // namespace

std::unique_ptr<ListRows> MakeTableRows(ListInput* input, ListRemarks* remarks) {
  return std::make_unique<TableRows>(input, remarks);
}

}  // namespace suppressd
