// The gate with real sockets: the test is the client, and calls what gRPC would call.
#include "server/gate/socket_gate.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "server/gate/frame_walk.h"
#include "server/gate/socket_facts.h"

namespace suppressd {
namespace {

std::string FrameOf(int type, int flags, uint32_t stream, const std::string& payload = "") {
  const size_t size = payload.size();
  std::string frame = {static_cast<char>(size >> 16), static_cast<char>(size >> 8), static_cast<char>(size),
                       static_cast<char>(type), static_cast<char>(flags)};
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(stream >> shift));
  return frame + payload;
}

std::string Calls(uint32_t first_stream, int count) {
  std::string calls;
  for (int i = 0; i < count; ++i) calls += FrameOf(1, kEndHeaders | kEndStream, first_stream + 2 * i, "headers");
  return calls;
}

// Waits until there is something to read, or the end.
void AwaitReadable(int fd) {
  pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&wanted, 1, 60'000), 1);
}

// Waits until the gate's clock has gone on.
void AwaitTick() {
  timespec before;
  timespec now;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &before);
  do {
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  } while (now.tv_sec == before.tv_sec && now.tv_nsec == before.tv_nsec);
}

class SocketGateTest : public ::testing::Test {
 protected:
  SocketGateTest() {
    listening_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in any{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    EXPECT_EQ(bind(listening_, reinterpret_cast<sockaddr*>(&any), sizeof(any)), 0);
    EXPECT_EQ(listen(listening_, 100), 0);
    socklen_t bytes = sizeof(address_);
    getsockname(listening_, reinterpret_cast<sockaddr*>(&address_), &bytes);
    gate_.TakeCuts();
  }
  ~SocketGateTest() override {
    for (const int fd : clients_) close(fd);
    for (const int fd : served_) gate_.Close(fd);
    gate_.ForgetPort(port());
    close(listening_);
    gate_.SetLimits({});
  }

  int port() const { return ntohs(address_.sin_port); }
  // A client that has sent this. Its system takes about 32 KiB before it reads.
  int Connect(const std::string& bytes = "") {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const int buffer_bytes = 32 << 10;
    EXPECT_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof(buffer_bytes)), 0);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address_), sizeof(address_)), 0);
    EXPECT_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    clients_.push_back(fd);
    return fd;
  }
  // The next that waits; -1: none does that may come in.
  int Accept() {
    AwaitReadable(listening_);
    const int fd = gate_.Accept(listening_, nullptr, nullptr, SOCK_NONBLOCK);
    if (fd >= 0) served_.push_back(fd);
    return fd;
  }
  // A served connection that has so many calls open.
  int ServeWithCalls(int calls) {
    Connect(std::string(FrameWalk::kPreface) + Calls(1, calls));
    const int fd = Accept();
    AwaitReadable(fd);
    EXPECT_GT(Receive(fd), 0);
    return fd;
  }
  ssize_t Receive(int fd) {
    std::vector<char> room(1 << 20);
    iovec part{.iov_base = room.data(), .iov_len = room.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    return gate_.Receive(fd, &message, 0);
  }
  ssize_t Send(int fd, std::string bytes) {
    iovec part{.iov_base = bytes.data(), .iov_len = bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    return gate_.Send(fd, &message, MSG_NOSIGNAL);
  }
  int64_t Cuts() {
    int64_t sum = 0;
    for (const int64_t cuts : gate_.TakeCuts()) sum += cuts;
    return sum;
  }

  SocketGate& gate_ = SocketGate::Get();
  sockaddr_in address_{};
  int listening_ = -1;
  std::vector<int> clients_;
  std::vector<int> served_;
};

TEST_F(SocketGateTest, AConnectionThatIsResetBeforeItIsAcceptedCountsForItsPeer) {
  gate_.SetLimits({.connections_per_peer_max = 1});
  const int gone = Connect();
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(gone, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close(gone);
  clients_.clear();
  EXPECT_GE(Accept(), 0);
  Connect();
  EXPECT_EQ(Accept(), -1);
}

TEST_F(SocketGateTest, ConnectionsWithFewCallsAreNotCutWhenThereAreTooManyInAll) {
  gate_.SetLimits({.calls_max = 2 * kCallsShareMin - 1});
  const int one = ServeWithCalls(kCallsShareMin);
  const int other = ServeWithCalls(kCallsShareMin);
  EXPECT_EQ(Cuts(), 0);
  EXPECT_GT(Send(one, FrameOf(6, 0, 0, "12345678")), 0);
  EXPECT_GT(Send(other, FrameOf(6, 0, 0, "12345678")), 0);
}

TEST_F(SocketGateTest, WhatIsNotTakenOfAConnectionThatIsCutCountsForNothing) {
  gate_.SetLimits({.calls_max = 100});
  const int64_t ended_before = gate_.ended_calls();
  ServeWithCalls(60);
  Connect(std::string(FrameWalk::kPreface) + Calls(1, 50));
  const int cut = Accept();
  AwaitReadable(cut);
  EXPECT_EQ(Receive(cut), -1);
  EXPECT_EQ(Cuts(), 1);
  EXPECT_LE(gate_.ended_calls(), ended_before);
}

TEST_F(SocketGateTest, EndedCallsOfOnePeerCountForAPartOfTheLimit) {
  gate_.SetLimits({.calls_max = 100});
  for (int i = 0; i < 10; ++i) {
    const int fd = ServeWithCalls(kCallsShareMin);
    served_.pop_back();
    gate_.Close(fd);
  }
  EXPECT_LE(gate_.ended_calls(), 100 / kEndedCallsPart);
  EXPECT_EQ(gate_.open_calls(), 0);
}

TEST_F(SocketGateTest, AConnectionWithoutCallsEndsBehindWhatWasSent) {
  const std::string answer = FrameOf(0, 0, 1, std::string(200'000, 'a'));
  const std::string end = FrameOf(1, kEndHeaders | kEndStream, 1, "ok");
  const int fd = ServeWithCalls(1);
  EXPECT_EQ(Send(fd, FrameOf(7, 0, 0, "goaway")), 15);
  gate_.EndIdle(port());
  ASSERT_EQ(Send(fd, answer), static_cast<ssize_t>(answer.size()));
  EXPECT_EQ(Send(fd, end.substr(0, 10)), 10);  // the frame's header and a part of it
  EXPECT_EQ(Send(fd, end.substr(10)), static_cast<ssize_t>(end.size()) - 10);
  gate_.Shutdown(fd, SHUT_RDWR);  // what gRPC does
  gate_.Close(fd);
  served_.pop_back();
  const int client = clients_.back();
  std::string read_bytes;
  std::vector<char> room(10'000);
  // Every read is followed by a WINDOW_UPDATE.
  for (ssize_t bytes = 1; bytes > 0;) {
    bytes = read(client, room.data(), room.size());
    ASSERT_GE(bytes, 0) << "reset after " << read_bytes.size() << " bytes";
    read_bytes.append(room.data(), bytes);
    EXPECT_EQ(send(client, "window update", 13, MSG_NOSIGNAL), 13);
  }
  EXPECT_EQ(read_bytes.size(), 15 + answer.size() + end.size());
  EXPECT_EQ(gate_.EndStalled(port(), absl::InfiniteDuration()), 1);
  close(client);
  clients_.pop_back();
  while (gate_.EndStalled(port(), absl::InfiniteDuration()) > 0) std::this_thread::yield();
  EXPECT_EQ(gate_.connections(), 0);
}

TEST_F(SocketGateTest, AClientThatReadsIsNotStalledAlthoughNothingIsHandedToTheSystem) {
  const int fd = ServeWithCalls(1);
  gate_.EndIdle(port());
  const std::string answer = FrameOf(0, 0, 1, std::string(16'000, 'a'));
  while (Send(fd, answer) == static_cast<ssize_t>(answer.size())) {
  }
  EXPECT_EQ(gate_.EndStalled(port(), absl::InfiniteDuration()), 1);
  const uint64_t unsent = UnsentBytes(fd);
  ASSERT_GT(unsent, 0);
  std::vector<char> room(1 << 20);
  while (UnsentBytes(fd) == unsent) ASSERT_GT(read(clients_.back(), room.data(), room.size()), 0);
  AwaitTick();
  EXPECT_EQ(gate_.EndStalled(port(), absl::Nanoseconds(1)), 1) << "it has taken something since";
  while (gate_.EndStalled(port(), absl::Milliseconds(50)) > 0) std::this_thread::yield();
}

TEST_F(SocketGateTest, CallsAreCountedOnceWhenAConnectionEndsWhileItIsRead) {
  constexpr int kRounds = 500;
  constexpr int kCalls = 1'000;
  std::string pings;
  for (int i = 0; i < 1'000; ++i) pings += FrameOf(6, 0, 0, "12345678");
  gate_.SetLimits({.calls_max = 1'000'000'000});
  for (int i = 0; i < kRounds; ++i) {
    const int64_t ended_before = gate_.ended_calls();
    const int fd = ServeWithCalls(kCalls);
    ASSERT_EQ(write(clients_.back(), pings.data(), pings.size()), static_cast<ssize_t>(pings.size()));
    AwaitReadable(fd);
    std::atomic<bool> ready{false};
    std::atomic<bool> go{false};
    std::thread stopper([&] {
      ready = true;
      while (!go) {
      }
      for (int wait = 0; wait < i * 20; ++wait) go.load();  // the moments differ
      gate_.EndStalled(port(), absl::ZeroDuration());
    });
    while (!ready) std::this_thread::yield();
    go = true;
    Receive(fd);
    stopper.join();
    served_.pop_back();
    gate_.Close(fd);
    close(clients_.back());
    clients_.pop_back();
    ASSERT_LE(gate_.ended_calls() - ended_before, kCalls) << i;
  }
  EXPECT_EQ(gate_.open_calls(), 0);
}

TEST(PeerOfTest, AddressesOfOneNetworkOf64BitsAreOnePeer) {
  const auto peer = [](const char* text) {
    sockaddr_storage address{};
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
    v6.sin6_family = AF_INET6;
    EXPECT_EQ(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return PeerOf(address);
  };
  EXPECT_EQ(peer("2001:db8:1:2::1"), peer("2001:db8:1:2:3::9"));
  EXPECT_NE(peer("2001:db8:1:2::1"), peer("2001:db8:1:3::1"));
  EXPECT_EQ(peer("::ffff:192.0.2.1"), std::string("\xc0\x00\x02\x01", 4));
}

}  // namespace
}  // namespace suppressd
