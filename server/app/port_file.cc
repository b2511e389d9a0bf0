#include "server/app/port_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace suppressd {
namespace {

constexpr mode_t kMode = 0644;

absl::Status CheckReplaceable(const std::string& path) {
  struct stat found = {};
  if (lstat(path.c_str(), &found) != 0 ? errno == ENOENT : S_ISREG(found.st_mode)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("port_file: ", path, " is there and is not a regular file"));
}

}  // namespace

absl::Status WritePortFile(const std::string& path, const std::vector<std::string>& addresses) {
  const std::string temporary = path + ".tmp";
  for (const std::string& written : {path, temporary}) {
    if (absl::Status status = CheckReplaceable(written); !status.ok()) return status;
  }
  std::ofstream file(temporary);
  for (const std::string& address : addresses) file << address << "\n";
  file.close();
  const bool readable = chmod(temporary.c_str(), kMode) == 0;  // whoever waits for us may look, whatever our umask
  if (!file || !readable || std::rename(temporary.c_str(), path.c_str()) != 0) {
    return absl::FailedPreconditionError(absl::StrCat("cannot write port_file ", path));
  }
  return absl::OkStatus();
}

}  // namespace suppressd
