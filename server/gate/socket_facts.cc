#include "server/gate/socket_facts.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <cerrno>

namespace suppressd {

std::string PeerOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return std::string(reinterpret_cast<const char*>(&v4.sin_addr), sizeof(v4.sin_addr));
  }
  // Whoever has one IPv6 address has as a rule the 64 bits behind the network's prefix.
  constexpr size_t kPrefixBytes = 8;
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  const char* bytes = reinterpret_cast<const char*>(&v6.sin6_addr);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return std::string(bytes + 12, 4);
  return std::string(bytes, kPrefixBytes);
}

int LocalPort(int fd) {
  sockaddr_storage address{};
  socklen_t bytes = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes) != 0) return 0;
  return ntohs(address.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(address).sin_port
                                            : reinterpret_cast<sockaddr_in6&>(address).sin6_port);
}

uint64_t UnsentBytes(int fd) {
  int left = 0;
  return ioctl(fd, SIOCOUTQ, &left) == 0 && left > 0 ? static_cast<uint64_t>(left) : 0;
}

int64_t DiscardReceived(int fd) {
  // A peer that sends without end is looked at again later.
  constexpr int kReadsMax = 16;
  constexpr size_t kReadBytes = size_t{1} << 20;
  int64_t discarded = 0;
  for (int i = 0; i < kReadsMax; ++i) {
    const ssize_t received = recv(fd, nullptr, kReadBytes, MSG_DONTWAIT | MSG_TRUNC);  // TCP: drops them unseen
    if (received == 0) return -1;
    if (received < 0) return errno == EAGAIN || errno == EINTR ? discarded : -1;
    discarded += received;
  }
  return discarded;
}

}  // namespace suppressd
