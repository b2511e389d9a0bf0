#include "server/bounces/imports/list_file.h"

#include <deque>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/bounces/imports/export_rows.h"
#include "server/bounces/imports/list_formats.h"
#include "server/bounces/imports/list_input.h"
#include "server/bounces/imports/list_rows.h"

namespace suppressd {
namespace {

// Bad elements of JSON before the first good one, which tells the format.
constexpr size_t kBadRowsFirstMax = 100;

class FormattedFile final : public ListFile {
 public:
  FormattedFile(std::unique_ptr<ListInput> input, ListFileOptions options)
      : input_(std::move(input)), options_(std::move(options)) {}

  // Finds out which format it is.
  absl::Status Begin() {
    const absl::string_view text = absl::StripLeadingAsciiWhitespace(input_->Ahead());
    is_json_ = absl::StartsWith(text, "{") || absl::StartsWith(text, "[");
    rows_ = is_json_ ? MakeJsonRows(input_.get(), &remarks_) : MakeTableRows(input_.get(), &remarks_);
    const absl::StatusOr<ListShape> shape = LookAhead();
    if (!shape.ok()) return shape.status();
    if (absl::Status status = CheckNoExport(*shape); !status.ok()) return status;
    const absl::StatusOr<const ListLayout*> layout = FindLayout(options_.from, *shape);
    if (!layout.ok()) return layout.status();
    layout_ = *layout;
    if (layout_->read == nullptr) return absl::InvalidArgumentError("the file is no export of suppressd");
    return absl::OkStatus();
  }

  const ListFormat& format() const override { return layout_->format; }

  Item Next() override {
    if (ready_.empty()) ReadRow();
    Item item = std::move(ready_.front());
    ready_.pop_front();
    return item;
  }

  std::vector<std::string> Remarks() const override {
    std::vector<std::string> remarks = remarks_.all();
    if (!streams_.empty()) remarks.push_back(absl::StrCat("rows name streams: ", absl::StrJoin(streams_, ", ")));
    return remarks;
  }

 private:
  // Reads up to the first good row.
  absl::StatusOr<ListShape> LookAhead() {
    ListShape shape;
    shape.names = rows_->header();
    shape.has_names = is_json_ || !shape.names.empty();
    do {
      ahead_.push_back(rows_->Next());
    } while (is_json_ && ahead_.back().kind == ListRows::Row::kBad && ahead_.size() < kBadRowsFirstMax);
    const ListRows::Row& row = ahead_.back();
    if (row.kind == ListRows::Row::kRecord) {
      shape.has_rows = true;
      shape.first = row.record;
      for (const ListField& field : row.record) {
        if (is_json_) shape.names.push_back(field.name);
      }
    } else if (rows_->header().empty() && (ahead_.size() > 1 || !row.why.empty())) {
      return absl::InvalidArgumentError(
          absl::StrCat("its first row cannot be read (line ", ahead_.front().line, "): ", ahead_.front().why));
    }
    return shape;
  }

  // What an export for people leaves out would be lost.
  absl::Status CheckNoExport(const ListShape& shape) const {
    const std::vector<std::string>& names = shape.names;
    const bool is_export =
        !is_json_ && names.size() > 3 && names[0] == "address" && names[1] == "suppressed" && names[2] == "causes";
    if (!is_export) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "the file is an export of suppressd as CSV, which is for people: import the export as JSON lines instead");
  }

  ListRows::Row NextRaw() {
    if (ahead_.empty()) return rows_->Next();
    ListRows::Row row = std::move(ahead_.front());
    ahead_.pop_front();
    return row;
  }

  // Adds at least one item to those that are ready.
  void ReadRow() {
    const ListRows::Row raw = NextRaw();
    std::vector<Item> items(1);
    if (raw.kind == ListRows::Row::kEnd) {
      items[0].why = raw.why;
    } else {
      ++number_;
      if (raw.kind == ListRows::Row::kBad) {
        items[0].kind = Item::kBad;
        items[0].field = "row";
        items[0].why = raw.why;
      } else {
        const ListContext context{options_, remarks_, streams_};
        ListRow row(raw.record, *layout_, context);
        layout_->read(row);
        items = row.Finish();
      }
    }
    for (Item& item : items) {
      item.number = number_;
      item.line = raw.line;
      item.text = raw.text;
      ready_.push_back(std::move(item));
    }
  }

  const std::unique_ptr<ListInput> input_;
  const ListFileOptions options_;
  ListRemarks remarks_;
  std::set<std::string> streams_;
  std::unique_ptr<ListRows> rows_;
  const ListLayout* layout_ = nullptr;
  bool is_json_ = false;
  std::deque<ListRows::Row> ahead_;
  std::deque<Item> ready_;
  int64_t number_ = 0;
};

absl::Status CheckStream(const std::string& stream) {
  if (stream.empty() || IsStreamName(stream)) return absl::OkStatus();
  return absl::InvalidArgumentError("the stream must be 1 to 63 of a-z 0-9 . _ - and start with a letter or digit");
}

absl::StatusOr<std::unique_ptr<ListFile>> OpenFile(std::istream* stream, const ListFileOptions& options) {
  if (absl::Status status = CheckFrom(options.from); !status.ok()) return status;
  if (absl::Status status = CheckStream(options.stream); !status.ok()) return status;
  auto input = std::make_unique<ListInput>(stream);
  const absl::string_view beginning = input->Ahead();
  if (input->failed()) return absl::InvalidArgumentError("the file cannot be read");
  if (const std::string other = OtherKindOfFile(beginning); !other.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the file is no list; it looks like ", other));
  }
  const bool fits_buffer = beginning.size() < kListBufferBytes;
  if (fits_buffer && absl::StripAsciiWhitespace(beginning).empty()) {
    return absl::InvalidArgumentError("the file is empty");
  }
  const bool may_be_export = options.from == "auto" || options.from == ExportLayout().format.name;
  if (IsExport(beginning)) {
    if (may_be_export) return OpenExport(std::move(input));
    return absl::InvalidArgumentError(
        absl::StrCat("the file is not of the format ", options.from, ": it looks like ", ExportLayout().format.name));
  }
  auto file = std::make_unique<FormattedFile>(std::move(input), options);
  if (absl::Status status = file->Begin(); !status.ok()) return status;
  return file;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ListFile>> ListFile::Open(std::istream* stream, const ListFileOptions& options) {
  absl::StatusOr<std::unique_ptr<ListFile>> file = OpenFile(stream, options);
  if (file.ok()) return file;
  return absl::Status(file.status().code(), absl::StrCat(options.name, ": ", file.status().message()));
}

}  // namespace suppressd
