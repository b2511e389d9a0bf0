#include "server/bounces/imports/list_rows.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "server/bounces/rules/text_decoding.h"

namespace suppressd {

std::string PlainName(absl::string_view name) {
  std::string plain = absl::AsciiStrToLower(absl::StripAsciiWhitespace(name));
  for (char& c : plain) {
    if (absl::ascii_isspace(static_cast<unsigned char>(c)) || c == '-') c = '_';
  }
  return plain;
}

void ListRemarks::Say(absl::string_view remark) {
  if (remarks_.size() >= kMax || std::find(remarks_.begin(), remarks_.end(), remark) != remarks_.end()) return;
  remarks_.emplace_back(remark);
}

std::string DecodeListText(absl::string_view bytes, ListRemarks* remarks) {
  if (!IsValidUtf8(bytes)) remarks->Say("some text is not UTF-8, and was read as ISO-8859-1 (Windows-1252)");
  return DecodeText(bytes);
}

}  // namespace suppressd
