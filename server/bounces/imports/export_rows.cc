#include "server/bounces/imports/export_rows.h"

#include <google/protobuf/util/json_util.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/export_chain.h"
#include "server/bounces/imports/list_formats.h"
#include "server/bounces/imports/list_rows.h"
#include "server/bounces/rules/reply_text.h"
#include "server/bounces/rules/text_decoding.h"

namespace suppressd {
namespace {

constexpr absl::string_view kHead = "suppressd_export";
constexpr absl::string_view kProof = "proof";
constexpr absl::string_view kVersion = "1";

// Whether a line is an object whose first member has this name.
bool BeginsWith(absl::string_view line, absl::string_view name) {
  line = absl::StripLeadingAsciiWhitespace(line);
  if (!absl::ConsumePrefix(&line, "{")) return false;
  line = absl::StripLeadingAsciiWhitespace(line);
  return absl::ConsumePrefix(&line, "\"") && absl::ConsumePrefix(&line, name) && absl::StartsWith(line, "\"");
}

std::string ValueOf(const ListRecord& record, absl::string_view name) {
  for (const ListField& field : record) {
    if (field.name == name) return field.value;
  }
  return "";
}

class ExportFile final : public ListFile {
 public:
  explicit ExportFile(std::unique_ptr<ListInput> input) : input_(std::move(input)) {}

  const ListFormat& format() const override { return ExportLayout().format; }
  std::vector<std::string> Remarks() const override { return remarks_; }

  // The first line.
  absl::Status ReadHead() {
    std::string line, why;
    bool too_long = false;
    input_->Line(kListRowBytesMax, &line, &too_long);
    ListRecord head;
    if (too_long || !ReadJsonRecord(line, "", &head, &why)) {
      return absl::InvalidArgumentError("the first line of the export is not JSON");
    }
    if (ValueOf(head, kHead) == kVersion) return absl::OkStatus();
    return absl::InvalidArgumentError("the export is of a newer version than this program: take a newer program");
  }

  Item Next() override {
    Item item;
    if (ended_) return End();
    std::string line;
    do {
      item.line = input_->line();
      bool too_long = false;
      if (!input_->Line(kListEntryBytesMax, &line, &too_long)) {
        ended_ = true;
        return End();
      }
      if (too_long) {
        return Bad(line, absl::StrCat("is longer than ", kListEntryBytesMax, " bytes"), std::move(item));
      }
    } while (absl::StripAsciiWhitespace(line).empty());
    if (proven_) return Bad(line, "stands behind the proof, which is the last line", std::move(item));
    if (BeginsWith(line, kProof)) return ReadProof(line);
    return ReadEntry(line, std::move(item));
  }

 private:
  Item ReadEntry(const std::string& line, Item item) {
    google::protobuf::util::JsonParseOptions options;
    options.ignore_unknown_fields = false;
    // The parser says where, and quotes what stands there.
    const bool parsed =
        IsValidUtf8(line) && google::protobuf::util::JsonStringToMessage(line, item.row.mutable_entry(), options).ok();
    if (!parsed || !item.row.entry().has_suppression()) {
      item.row.Clear();
      return Bad(line, "expected an entry as the export writes it (ExportedEntry in JSON)", std::move(item));
    }
    item.kind = Item::kRow;
    item.number = ++rows_;
    checksum_ = ExportChecksum(checksum_, item.row.entry());
    item.text = std::string(Utf8Prefix(absl::StripTrailingAsciiWhitespace(line), kListTextBytesMax));
    return item;
  }

  Item Bad(absl::string_view line, std::string why, Item item) {
    item.kind = Item::kBad;
    item.number = ++rows_;
    any_bad_ = true;
    item.field = "entry";
    item.why = std::move(why);
    const std::string text = ReplaceInvalidUtf8(Utf8Prefix(line, kListTextBytesMax));
    item.text = std::string(Utf8Prefix(absl::StripTrailingAsciiWhitespace(text), kListTextBytesMax));
    return item;
  }

  Item ReadProof(const std::string& line) {
    proven_ = true;
    ListRecord proof;
    std::string why;
    int64_t count = -1;
    const bool read = line.size() <= kListRowBytesMax && ReadJsonRecord(line, "", &proof, &why) &&
                      absl::SimpleAtoi(ValueOf(proof, "proof.entry_count"), &count);
    if (!read) return Fail("the proof, the last line of the file, cannot be read");
    if (count != rows_) {
      return Fail(absl::StrCat("the file is not whole: its proof says ", count, " entries, and it holds ", rows_));
    }
    // A bad entry was told already.
    if (!any_bad_ && ValueOf(proof, "proof.sha256") != absl::BytesToHexString(checksum_)) {
      return Fail("the file was changed: the checksum of its entries is not that of its proof");
    }
    return Next();
  }

  Item Fail(std::string why) {
    ended_ = true;
    why_ = std::move(why);
    return End();
  }

  Item End() const {
    Item item;
    item.number = rows_;
    item.line = input_->line();
    if (input_->failed()) {
      item.why = "the file cannot be read on";
    } else if (!proven_) {
      item.why = "the file is cut: its last line, the proof, is missing";
    } else {
      item.why = why_;
    }
    return item;
  }

  const std::unique_ptr<ListInput> input_;
  const std::vector<std::string> remarks_;
  int64_t rows_ = 0;
  std::string checksum_ = EmptyExportChecksum();
  bool any_bad_ = false;
  bool proven_ = false;
  bool ended_ = false;
  std::string why_;
};

}  // namespace

bool IsExport(absl::string_view beginning) {
  return BeginsWith(beginning, kHead);
}

absl::StatusOr<std::unique_ptr<ListFile>> OpenExport(std::unique_ptr<ListInput> input) {
  auto file = std::make_unique<ExportFile>(std::move(input));
  if (absl::Status status = file->ReadHead(); !status.ok()) return status;
  return file;
}

}  // namespace suppressd
