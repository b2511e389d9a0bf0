#include "server/app/listen_address.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace suppressd {
namespace {

// What chown takes for "leave it as it is".
constexpr gid_t kUnchangedGroup = static_cast<gid_t>(-1);

absl::Status Bad(const std::string& text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("listen_address ", text, ": ", why));
}

}  // namespace

absl::StatusOr<ListenAddress> ParseListenAddress(const std::string& text) {
  ListenAddress address;
  address.text = text;
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "unix:")) {
    absl::ConsumePrefix(&rest, "//");
    if (rest.empty()) return Bad(text, "the path is empty");
    if (rest.size() >= sizeof(sockaddr_un::sun_path)) return Bad(text, "the path is longer than 107 bytes");
    address.socket_path = std::string(rest);
    address.text = absl::StrCat("unix:", rest);
    address.local = true;
    return address;
  }
  const size_t colon = text.rfind(':');
  int port = -1;
  if (colon == std::string::npos || colon == 0) return Bad(text, "want HOST:PORT or unix:PATH");
  if (!absl::SimpleAtoi(text.substr(colon + 1), &port) || port < 0 || port > 65535) return Bad(text, "bad port");
  const std::string host = text.substr(0, colon);
  if (host.find(':') != std::string::npos && host.front() != '[') return Bad(text, "put an IPv6 address in brackets");
  address.local = host == "localhost" ||
                  (absl::StartsWith(host, "127.") && host.find_first_not_of("0123456789.") == std::string::npos) ||
                  host == "[::1]";
  return address;
}

absl::Status ClearSocket(const std::string& path) {
  struct stat found;
  if (lstat(path.c_str(), &found) != 0) {
    return errno == ENOENT ? absl::OkStatus() : absl::ErrnoToStatus(errno, absl::StrCat("cannot use ", path));
  }
  if (!S_ISSOCK(found.st_mode)) return absl::FailedPreconditionError(absl::StrCat(path, " exists and is no socket"));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "cannot make a socket");
  const bool answered = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  const int error = errno;
  close(fd);
  if (answered) return absl::FailedPreconditionError(absl::StrCat("another process listens on ", path));
  if (error != ECONNREFUSED) return absl::ErrnoToStatus(error, absl::StrCat("cannot use ", path));
  if (unlink(path.c_str()) != 0)
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove the stale socket ", path));
  return absl::OkStatus();
}

absl::StatusOr<gid_t> FindGroup(const std::string& group) {
  if (const struct group* entry = getgrnam(group.c_str()); entry != nullptr) return entry->gr_gid;
  gid_t number = 0;
  const bool is_number = group.find_first_not_of("0123456789") == std::string::npos && absl::SimpleAtoi(group, &number);
  if (is_number && number != kUnchangedGroup) return number;
  return absl::InvalidArgumentError(absl::StrCat(
      "socket_group ", group, " does not exist here: give the name of a group of this machine, or a number"));
}

absl::Status SetSocketAccess(const std::string& path, int mode, const std::string& group) {
  if (!group.empty()) {
    const absl::StatusOr<gid_t> number = FindGroup(group);
    if (!number.ok()) return number.status();
    if (chown(path.c_str(), static_cast<uid_t>(-1), *number) != 0) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot give ", path, " to group ", group));
    }
  }
  if (chmod(path.c_str(), static_cast<mode_t>(mode)) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot set the mode of ", path));
  }
  return absl::OkStatus();
}

}  // namespace suppressd
