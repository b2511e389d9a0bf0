#include "client/suppressctl/read_file.h"

#include <fstream>

#include "absl/strings/str_cat.h"

namespace suppressd::suppressctl {
namespace {

constexpr size_t kFileBytesMax = 1 << 20;

absl::StatusOr<std::string> ReadStream(const std::string& name, std::istream& in) {
  std::string text(kFileBytesMax + 1, '\0');
  if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!in.eof() && !in) return absl::NotFoundError(absl::StrCat("cannot read ", name));
  text.resize(static_cast<size_t>(in.gcount()));
  if (text.size() <= kFileBytesMax) return text;
  return absl::InvalidArgumentError(absl::StrCat(name, " is larger than 1 MiB"));
}

}  // namespace

absl::StatusOr<std::string> ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return ReadStream(path, file);
}

absl::StatusOr<std::string> ReadAll(const std::string& path, std::istream& standard_input) {
  return path == "-" ? ReadStream("standard input", standard_input) : ReadAll(path);
}

}  // namespace suppressd::suppressctl
