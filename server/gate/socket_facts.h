// What the system knows of a TCP connection. Thread-safe.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace suppressd {

// Of an IPv4 or IPv6 address what counts as one peer: an IPv4 address, also one written as IPv6, whole (4 bytes); of an
// IPv6 address the first 64 bits (8 bytes).
std::string PeerOf(const sockaddr_storage& address);

// The port of our end; 0 when the system does not tell.
int LocalPort(int fd);

// Bytes that the system has taken and the peer's has not acknowledged; 0 when the system does not tell.
uint64_t UnsentBytes(int fd);

// Reads what has come and throws it away, without waiting. The bytes; -1: the peer has closed or reset the connection.
int64_t DiscardReceived(int fd);

}  // namespace suppressd
