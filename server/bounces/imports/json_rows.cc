// The elements of a JSON file, cut out of it one by one. Each is parsed for itself, so that memory is bounded, and a
// bad one costs only itself. Only what is around the elements is understood here.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/bounces/imports/list_file.h"
#include "server/bounces/imports/list_rows.h"
#include "server/bounces/rules/reply_text.h"

namespace suppressd {
namespace {

// The arrays that hold rows, in an object or in its member "data".
constexpr absl::string_view kArrays[] = {"suppresseddestinationsummaries",
                                         "items",
                                         "suppressions",
                                         "bounces",
                                         "results",
                                         "contacts",
                                         "domains",
                                         "data",
                                         "rejects"};
// What Amazon SES says of one address.
constexpr absl::string_view kSingle = "suppresseddestination";
constexpr absl::string_view kOuter = "data";
// Says that this is not the last page.
constexpr absl::string_view kMorePages = "nexttoken";
constexpr size_t kKeyBytesMax = 128;

bool IsSpace(int c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

class JsonRows final : public ListRows {
 public:
  JsonRows(ListInput* input, ListRemarks* remarks) : input_(*input), remarks_(*remarks) {}

  Row Next() override {
    Row row;
    while (!Step(&row)) {
    }
    return row;
  }
  const std::vector<std::string>& header() const override { return header_; }
  const std::string& array() const override { return array_; }

 private:
  enum class Place { kTop, kMembers, kElements, kBroken };

  // Goes on by one value, or less. True: that gave a row.
  bool Step(Row* row) {
    if (place_ == Place::kBroken) return End(row);
    SkipSpace();
    if (input_.Peek() == ListInput::kEnd) return End(row);
    switch (place_) {
      case Place::kTop:
        return AtTop(row);
      case Place::kMembers:
        return AtMember(row);
      default:
        return AtElement(row);
    }
  }

  bool AtTop(Row* row) {
    Begin();
    const int c = Take();
    if (c == '[') {
      array_.clear();
      levels_ = 0;
      place_ = Place::kElements;
      return false;
    }
    if (c == '{') {
      is_record_ = true;
      levels_ = 1;
      place_ = Place::kMembers;
      return false;
    }
    SkipLine();
    return Bad("is no JSON object", row);
  }

  bool AtMember(Row* row) {
    if (input_.Peek() != '"') return AtPunctuation(row);
    std::string key;
    if (!TakeString(&key)) return Broken(row);
    key = PlainName(key);
    SkipSpace();
    if (input_.Peek() != ':') return Broken(row);
    Take();
    SkipSpace();
    const int c = input_.Peek();
    if (c == '[' && std::find(std::begin(kArrays), std::end(kArrays), key) != std::end(kArrays)) {
      Take();
      is_record_ = false;
      array_ = key;
      place_ = Place::kElements;
      return false;
    }
    if (c == '{' && levels_ == 1 && key == kOuter) {
      Take();
      ++levels_;
      return false;
    }
    if (c == '{' && key == kSingle) {
      is_record_ = false;
      array_ = key;
      return AtElement(row);
    }
    if (c == '"' && key == kMorePages) {
      remarks_.Say("the file is one page of several: it names a next one (NextToken)");
    }
    return TakeValue() ? false : Broken(row);
  }

  bool AtPunctuation(Row* row) {
    const int c = input_.Peek();
    if (c != ',' && c != '}') return Broken(row);
    Take();
    if (c == ',' || --levels_ > 0) return false;
    place_ = Place::kTop;
    if (!is_record_) return false;
    array_.clear();
    return Record(row);
  }

  bool AtElement(Row* row) {
    const int c = input_.Peek();
    if (place_ == Place::kElements && (c == ',' || c == ']')) {
      Take();
      if (c == ']') place_ = levels_ == 0 ? Place::kTop : Place::kMembers;
      return false;
    }
    if (c == '}' || c == ':') return Broken(row);
    Begin();
    // One that is broken is so for the parser, too; a file that is cut has no more of it.
    if (!TakeValue() && input_.Peek() == ListInput::kEnd) return End(row);
    return Record(row);
  }

  // What stands here cannot be understood. Objects that stand alone go on with the next line.
  bool Broken(Row* row) {
    const int c = input_.Peek();
    if (c == ListInput::kEnd) return End(row);
    if (!is_record_) {
      broken_line_ = input_.line();
      place_ = Place::kBroken;
      return End(row);
    }
    place_ = Place::kTop;
    if (c != '{' && !after_line_) SkipLine();
    return Bad("is not JSON", row);
  }

  bool End(Row* row) const {
    row->kind = Row::kEnd;
    row->line = input_.line();
    if (input_.failed()) {
      row->why = "the file cannot be read on";
    } else if (place_ == Place::kBroken) {
      row->why = absl::StrCat("it is no longer JSON from line ", broken_line_, " on");
    } else if (place_ != Place::kTop) {
      row->why = "the file is cut: it ends within a JSON value";
    }
    return true;
  }

  // Begins to keep the text of a row.
  void Begin() {
    text_.clear();
    too_long_ = false;
    line_ = input_.line();
  }

  bool Record(Row* row) {
    if (too_long_) return Bad(absl::StrCat("is longer than ", kListRowBytesMax, " bytes"), row);
    const std::string decoded = DecodeListText(text_, &remarks_);
    std::string why;
    if (!ReadJsonRecord(decoded, array_, &row->record, &why)) return Bad(why, row);
    row->kind = Row::kRecord;
    row->line = line_;
    row->text = std::string(Utf8Prefix(decoded, kListTextBytesMax));
    return true;
  }

  bool Bad(absl::string_view why, Row* row) {
    row->kind = Row::kBad;
    row->record.clear();
    row->line = line_;
    row->why = std::string(why);
    // Cut before it is decoded, and after: that makes it longer.
    absl::string_view text = text_;
    if (text.size() > kListTextBytesMax) text = Utf8Prefix(text, kListTextBytesMax);
    row->text = std::string(Utf8Prefix(DecodeListText(text, &remarks_), kListTextBytesMax));
    return true;
  }

  int Take() {
    const int c = input_.Get();
    after_line_ = c == '\n';
    if (c == ListInput::kEnd) return c;
    if (text_.size() < kListRowBytesMax) {
      text_.push_back(static_cast<char>(c));
    } else {
      too_long_ = true;
    }
    return c;
  }

  void SkipSpace() {
    while (IsSpace(input_.Peek())) Take();
  }

  void SkipLine() {
    int c = 0;
    while (c != '\n' && c != ListInput::kEnd) c = Take();
  }

  // A string with its quotes; `content` gets the beginning of what is within, escapes as they are. False: the line or
  // the file ends within it.
  bool TakeString(std::string* content) {
    Take();
    for (int c = Take(); c != '"'; c = Take()) {
      if (c == ListInput::kEnd || c == '\n') return false;
      if (content != nullptr && content->size() < kKeyBytesMax) content->push_back(static_cast<char>(c));
      if (c == '\\' && Take() == ListInput::kEnd) return false;
    }
    return true;
  }

  // Any value, to its end. False: it has none, or a line ends within a string.
  bool TakeValue() {
    bool whole = true;
    int64_t depth = 0;
    do {
      const int c = input_.Peek();
      if (c == ListInput::kEnd) return false;
      if (c == '"') {
        whole &= TakeString(nullptr);
      } else if (c == '{' || c == '[') {
        ++depth;
        Take();
      } else if (c == '}' || c == ']') {
        --depth;
        Take();
      } else if (depth > 0) {
        Take();
      } else {
        TakeWord();
      }
      if (!whole && is_record_) return false;
    } while (depth > 0);
    return whole;
  }

  // A number or a name, or what stands in its place. At least one byte.
  void TakeWord() {
    int c = 0;
    do {
      Take();
      c = input_.Peek();
    } while (c != ListInput::kEnd && !IsSpace(c) && !absl::StrContains(",]}\"{[:", static_cast<char>(c)));
  }

  ListInput& input_;
  ListRemarks& remarks_;
  const std::vector<std::string> header_;
  std::string array_;
  Place place_ = Place::kTop;
  int levels_ = 0;          // objects around the place: none, one, or "data" within one
  bool is_record_ = false;  // no array was found in the object so far: it may be a row itself
  bool after_line_ = false;
  int64_t broken_line_ = 0;

  std::string text_;  // of the row that is being read, as far as it is kept
  bool too_long_ = false;
  int64_t line_ = 0;
};

}  // namespace

std::unique_ptr<ListRows> MakeJsonRows(ListInput* input, ListRemarks* remarks) {
  return std::make_unique<JsonRows>(input, remarks);
}

}  // namespace suppressd
