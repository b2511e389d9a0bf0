// Every file gives bounded rows in valid UTF-8, or is refused with a message that says no more than it may. The first
// byte picks the format that is asked for, from "0"; "0" is "auto".
#include <cstddef>
#include <cstdint>
#include <sstream>

#include "absl/status/status.h"
#include "server/bounces/imports/list_file.h"
#include "tests/fuzz/check.h"

using suppressd::ListFile;
namespace v1 = suppressd::v1;

namespace {

constexpr size_t kMessageBytesMax = 2'000;
constexpr size_t kTextBytesMax = 4 << 10;

bool IsTime(const google::protobuf::Timestamp& time) {
  return time.seconds() >= 0 && time.seconds() <= 253'402'300'799 && time.nanos() >= 0 && time.nanos() <= 999'999'999;
}

void CheckRow(const v1::ImportRow& row) {
  // Protobuf refuses strings that are not UTF-8 when it parses.
  FUZZ_CHECK(v1::ImportRow().ParseFromString(row.SerializeAsString()));
  FUZZ_CHECK(row.target_case() != v1::ImportRow::TARGET_NOT_SET);
  if (row.has_entry()) return;
  FUZZ_CHECK(row.type() != v1::Cause::TYPE_UNSPECIFIED);
  FUZZ_CHECK(!row.address().empty() || !row.domain().empty());
  FUZZ_CHECK(row.address().size() <= 1'024 && row.domain().size() <= 1'024 && row.stream().size() <= 63);
  FUZZ_CHECK(row.diagnostic().size() <= 16'384 && row.note().size() <= 2'000);
  FUZZ_CHECK(row.code() == 0 || (row.code() >= 200 && row.code() <= 599));
  FUZZ_CHECK(IsTime(row.happened_at()) && IsTime(row.expires_at()) && IsTime(row.lifted_at()));
}

void CheckItem(const ListFile::Item& item) {
  FUZZ_CHECK(item.line >= 1 && item.number >= 0);
  FUZZ_CHECK(item.text.size() <= kTextBytesMax);
  FUZZ_CHECK(item.why.size() <= kMessageBytesMax && item.field.size() <= kMessageBytesMax);
  FUZZ_CHECK(item.why.find("@example") == std::string::npos);
  if (item.kind == ListFile::Item::kRow) CheckRow(item.row);
  if (item.kind == ListFile::Item::kBad || item.kind == ListFile::Item::kSkip) FUZZ_CHECK(!item.why.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto formats = suppressd::ListFormats();
  const size_t asked = static_cast<uint8_t>(data[0] - '0') % (formats.size() + 1);
  suppressd::ListFileOptions options;
  if (asked > 0) options.from = std::string(formats[asked - 1].name);
  std::istringstream stream(std::string(reinterpret_cast<const char*>(data + 1), size - 1));
  const auto file = ListFile::Open(&stream, options);
  if (!file.ok()) {
    FUZZ_CHECK(absl::IsInvalidArgument(file.status()));
    FUZZ_CHECK(!file.status().message().empty() && file.status().message().size() <= kMessageBytesMax);
    FUZZ_CHECK(file.status().message().find("@example") == absl::string_view::npos);
    return 0;
  }
  // A byte gives a row at most, and a row at most as many as it has streams.
  for (size_t left = size * 64 + 1;; --left) {
    FUZZ_CHECK(left > 0);
    const ListFile::Item item = (*file)->Next();
    CheckItem(item);
    if (item.kind == ListFile::Item::kEnd) break;
  }
  FUZZ_CHECK((*file)->Remarks().size() <= 17);
  return 0;
}
