// One JSON text to names and values.
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/bounces/imports/list_file.h"
#include "server/bounces/imports/list_rows.h"

namespace suppressd {
namespace {

using nlohmann::json;

// Longest name that is told apart from others, in bytes; of nested names together.
constexpr size_t kNameBytesMax = 256;

// Takes values down as they come. Nothing is kept of their nesting but the names.
class RecordWriter final : public nlohmann::json_sax<json> {
 public:
  RecordWriter(const std::string& array, ListRecord* record) : record_(*record) {
    if (!array.empty()) names_.push_back(array);
  }

  // A name without a value still tells the format.
  bool null() override { return Add(""); }
  bool boolean(bool value) override { return Add(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return Add(absl::StrCat(value)); }
  bool number_unsigned(number_unsigned_t value) override { return Add(absl::StrCat(value)); }
  // As it is written: times have more digits than a double.
  bool number_float(number_float_t, const string_t& written) override { return Add(written); }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    // The array that the object is an element of names it no longer.
    if (depth_ == 0) names_.clear();
    names_.emplace_back();
    return Deeper();
  }
  bool key(string_t& name) override {
    names_.back() = PlainName(absl::string_view(name).substr(0, kNameBytesMax));
    return true;
  }
  bool end_object() override {
    names_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(std::size_t) override {
    sizes_.push_back(record_.size());
    return Deeper();
  }
  bool end_array() override {
    const bool is_empty = sizes_.back() == record_.size();
    sizes_.pop_back();
    --depth_;
    return is_empty ? Add("") : true;
  }
  bool parse_error(std::size_t position, const std::string&, const json::exception&) override {
    why_ = absl::StrCat("is not JSON, see its byte ", position);
    return false;
  }
  const std::string& why() const { return why_; }

 private:
  bool Deeper() {
    if (++depth_ <= kListDepthMax) return true;
    why_ = absl::StrCat("is nested deeper than ", kListDepthMax, " levels");
    return false;
  }

  bool Add(const std::string& value) {
    if (record_.size() >= kListColumnsMax) {
      why_ = absl::StrCat("has more than ", kListColumnsMax, " values");
      return false;
    }
    if (value.find('\0') != std::string::npos) {
      why_ = "holds a NUL character";
      return false;
    }
    std::string name = names_.empty() ? "1" : absl::StrJoin(names_, ".").substr(0, kNameBytesMax);
    record_.push_back({std::move(name), std::string(absl::StripAsciiWhitespace(value))});
    return true;
  }

  ListRecord& record_;
  std::vector<std::string> names_;
  std::vector<size_t> sizes_;  // of the record, where the arrays around the place begin
  std::string why_;
  int depth_ = 0;
};

}  // namespace

bool ReadJsonRecord(absl::string_view text, const std::string& array, ListRecord* record, std::string* why) {
  RecordWriter writer(array, record);
  if (json::sax_parse(text.begin(), text.end(), &writer)) return true;
  *why = writer.why().empty() ? "is not JSON" : writer.why();
  return false;
}

}  // namespace suppressd
