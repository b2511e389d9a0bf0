#include "server/app/listen_address.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "server/app/options.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

// Binds a Unix socket; the caller closes it, which leaves the file behind.
int Bind(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(listen(fd, 1), 0);
  return fd;
}

TEST(ListenAddressTest, ReadsBothForms) {
  EXPECT_EQ(ParseListenAddress("127.0.0.1:7025")->text, "127.0.0.1:7025");
  EXPECT_EQ(ParseListenAddress("unix:/run/s.sock")->socket_path, "/run/s.sock");
  EXPECT_EQ(ParseListenAddress("unix:///run/s.sock")->text, "unix:/run/s.sock");
}

TEST(ListenAddressTest, KnowsWhatOthersCanReach) {
  for (const char* local : {"127.0.0.1:1", "localhost:1", "[::1]:1", "unix:x"})
    EXPECT_TRUE(ParseListenAddress(local)->local);
  for (const char* open : {"0.0.0.0:1", "[::]:1", "192.0.2.1:1", "example.com:1", "127.0.0.1.example.com:1"})
    EXPECT_FALSE(ParseListenAddress(open)->local);
}

TEST(ListenAddressTest, RefusesNonsense) {
  for (const std::string text : {"", ":1", "host", "host:", "host:65536", "host:-1", "host:x", "::1:5", "unix:"}) {
    EXPECT_FALSE(ParseListenAddress(text).ok()) << text;
  }
  EXPECT_FALSE(ParseListenAddress("unix:/" + std::string(107, 'a')).ok());
}

TEST(ListenAddressTest, PlaintextForOthersNeedsInsecure) {
  ServeOptions options;
  options.listen_addresses = {"0.0.0.0:7025"};
  EXPECT_FALSE(ValidateOptions(options).ok());
  options.insecure = true;
  EXPECT_TRUE(ValidateOptions(options).ok());
}

TEST(ListenAddressTest, GroupOfSocketsIsANameOrANumber) {
  TempDirectory directory;
  const std::string path = directory / "s";
  const int fd = Bind(path);
  const struct group* own = getgrgid(getegid());
  ASSERT_NE(own, nullptr);
  for (const std::string& group : {std::string(own->gr_name), absl::StrCat(getegid())}) {
    EXPECT_TRUE(SetSocketAccess(path, 0620, group).ok()) << group;
    struct stat found;
    ASSERT_EQ(stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_gid, getegid());
    EXPECT_EQ(found.st_mode & 07777, 0620u);
  }
  close(fd);
  // A container knows few names, but its pod gives it groups.
  EXPECT_EQ(*FindGroup("4294967294"), 4294967294u);
}

TEST(ListenAddressTest, GroupThatIsNoneIsRefusedBeforeTheServerStarts) {
  ServeOptions options;
  for (const std::string group : {"no-such-group", "-1", "4294967295", "4294967296", "1x", " 1", "+1"}) {
    options.socket_group = group;
    const absl::Status status = ValidateOptions(options);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << group;
    EXPECT_THAT(status.message(), testing::HasSubstr(absl::StrCat("socket_group ", group, " does not exist here")));
  }
  options.socket_group = absl::StrCat(getegid());
  EXPECT_TRUE(ValidateOptions(options).ok());
}

TEST(ListenAddressTest, StaleSocketIsRemovedAndALivingOneIsNot) {
  TempDirectory directory;
  const std::string path = directory / "s";
  EXPECT_TRUE(ClearSocket(path).ok()) << "nothing there";
  const int fd = Bind(path);
  EXPECT_EQ(ClearSocket(path).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(std::filesystem::exists(path));
  close(fd);
  EXPECT_TRUE(ClearSocket(path).ok());
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ListenAddressTest, FileThatIsNoSocketIsLeftAlone) {
  TempDirectory directory;
  std::ofstream(directory / "s") << "precious";
  EXPECT_EQ(ClearSocket(directory / "s").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(std::filesystem::exists(directory / "s"));
}

}  // namespace
}  // namespace suppressd
