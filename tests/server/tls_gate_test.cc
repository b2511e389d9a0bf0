// The gate with TLS on real sockets: the test is the client, and calls of gate and OpenSSL what gRPC would call, in the
// same order.
#include "server/gate/tls_gate.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string>

#include "server/gate/frame_walk.h"
#include "server/gate/socket_gate.h"
#include "server/gate/speak_tls.h"

namespace suppressd {
namespace {

constexpr std::array<unsigned char, 32> kKey = {1, 2, 3};
constexpr size_t kBioBytes = 17 << 10;  // as gRPC has it

// Both sides know one key, and need no certificates.
unsigned int GiveClientKey(SSL*, const char*, char* name, unsigned int name_bytes_max, unsigned char* key,
                           unsigned int key_bytes_max) {
  if (name_bytes_max < 2 || key_bytes_max < kKey.size()) return 0;
  name[0] = 'x';
  name[1] = '\0';
  std::copy(kKey.begin(), kKey.end(), key);
  return kKey.size();
}

unsigned int GiveServerKey(SSL*, const char*, unsigned char* key, unsigned int key_bytes_max) {
  if (key_bytes_max < kKey.size()) return 0;
  std::copy(kKey.begin(), kKey.end(), key);
  return kKey.size();
}

SSL_CTX* NewContext() {
  SSL_CTX* const context = SSL_CTX_new(TLS_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
  SSL_CTX_set_psk_client_callback(context, &GiveClientKey);
  SSL_CTX_set_psk_server_callback(context, &GiveServerKey);
  return context;
}

// One side of a connection: an SSL that takes and gives bytes, as gRPC uses it.
class Side {
 public:
  explicit Side(SSL_CTX* context) : ssl_(SSL_new(context), &SSL_free) {
    BIO* inner = nullptr;
    BIO_new_bio_pair(&inner, kBioBytes, &network_, kBioBytes);
    SSL_set_bio(ssl_.get(), inner, inner);
  }
  ~Side() { BIO_free(network_); }

  SSL* ssl() { return ssl_.get(); }
  // Takes bytes of the other side; how many there was room for.
  int Take(absl::string_view bytes) { return BIO_write(network_, bytes.data(), static_cast<int>(bytes.size())); }
  // What goes to the other side.
  std::string Give() {
    std::string bytes(kBioBytes, '\0');
    bytes.resize(std::max(0, BIO_read(network_, bytes.data(), static_cast<int>(bytes.size()))));
    return bytes;
  }

 private:
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  BIO* network_ = nullptr;
};

// A client, and its connection at the server.
struct Pair {
  int client_fd = -1;
  int served_fd = -1;
  std::unique_ptr<Side> client;
  std::unique_ptr<Side> served;
};

class TlsGateTest : public ::testing::Test {
 protected:
  TlsGateTest() {
    listening_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in any{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    EXPECT_EQ(bind(listening_, reinterpret_cast<sockaddr*>(&any), sizeof(any)), 0);
    EXPECT_EQ(listen(listening_, 100), 0);
    socklen_t bytes = sizeof(address_);
    getsockname(listening_, reinterpret_cast<sockaddr*>(&address_), &bytes);
    gate_.SetTlsPort(ntohs(address_.sin_port));
    gate_.TakeCuts();
  }
  ~TlsGateTest() override {
    gate_.ForgetPort(ntohs(address_.sin_port));
    close(listening_);
    SSL_CTX_free(context_);
  }

  // A connection that the server has accepted, and whose client has sent nothing.
  Pair Accept() {
    Pair pair;
    pair.client_fd = socket(AF_INET, SOCK_STREAM, 0);
    EXPECT_EQ(connect(pair.client_fd, reinterpret_cast<sockaddr*>(&address_), sizeof(address_)), 0);
    AwaitReadable(listening_);
    pair.served_fd = gate_.Accept(listening_, nullptr, nullptr, SOCK_NONBLOCK);
    EXPECT_GE(pair.served_fd, 0);
    pair.client = std::make_unique<Side>(context_);
    SSL_set_connect_state(pair.client->ssl());
    pair.served = std::make_unique<Side>(context_);
    SSL_set_accept_state(pair.served->ssl());
    return pair;
  }
  void Close(Pair* pair) {
    close(pair->client_fd);
    gate_.Close(pair->served_fd);
  }
  static void AwaitReadable(int fd) {
    pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&wanted, 1, 60'000), 1);
  }
  static void Write(int fd, const std::string& bytes) {
    ASSERT_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  // What the server's side receives; empty: nothing, or the connection is cut.
  std::string Receive(int fd) {
    std::string room(kBioBytes, '\0');
    iovec part{.iov_base = room.data(), .iov_len = room.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    room.resize(std::max<ssize_t>(0, gate_.Receive(fd, &message, 0)));
    return room;
  }
  bool IsCut(int fd) { return Receive(fd).empty() && errno == ECONNRESET; }

  // The parts of a greeting.
  void ClientSends(Pair* pair) {
    SSL_do_handshake(pair->client->ssl());
    Write(pair->client_fd, pair->client->Give());
    AwaitReadable(pair->served_fd);
  }
  void ServerAnswers(Pair* pair, const std::string& received) {
    pair->served->Take(received);
    SSL_do_handshake(pair->served->ssl());
    if (const std::string answer = pair->served->Give(); !answer.empty()) Write(pair->served_fd, answer);
  }
  void ClientTakes(Pair* pair) {
    AwaitReadable(pair->client_fd);
    std::string room(kBioBytes, '\0');
    room.resize(std::max<ssize_t>(0, read(pair->client_fd, room.data(), room.size())));
    pair->client->Take(room);
  }
  void Greet(Pair* pair) {
    ClientSends(pair);
    ServerAnswers(pair, Receive(pair->served_fd));
    ClientTakes(pair);
    ClientSends(pair);
    ServerAnswers(pair, Receive(pair->served_fd));
    ASSERT_TRUE(SSL_is_init_finished(pair->served->ssl()));
  }
  // The client sends something, and the server reads it as gRPC does. What the last SSL_read said.
  int Send(Pair* pair, const std::string& bytes) {
    SSL_write(pair->client->ssl(), bytes.data(), static_cast<int>(bytes.size()));
    return Pass(pair);
  }
  int Pass(Pair* pair) {
    Write(pair->client_fd, pair->client->Give());
    AwaitReadable(pair->served_fd);
    pair->served->Take(Receive(pair->served_fd));
    std::array<char, kBioBytes> plain;
    return SSL_read(pair->served->ssl(), plain.data(), static_cast<int>(plain.size()));
  }

  SocketGate& gate_ = SocketGate::Get();
  SSL_CTX* const context_ = NewContext();
  sockaddr_in address_{};
  int listening_ = -1;
};

std::string Begin(uint32_t stream) {
  return FrameOf(FrameType::kHeaders, kEndHeaders | kEndStream, stream, "headers");
}

// Its headers are longer than any may be.
std::string TooLongHeaders() {
  return std::string(FrameWalk::kPreface) + std::string("\x02\0\0\x01\x04\0\0\0\x01", 9);
}

TEST_F(TlsGateTest, ConnectionsWhoseGreetingsComeMixedAreEachJudgedByTheirOwnFrames) {
  Pair bad = Accept();
  Pair good = Accept();
  ClientSends(&bad);
  ClientSends(&good);
  // gRPC receives of both before it hands on what it received of the first.
  const std::string of_bad = Receive(bad.served_fd);
  const std::string of_good = Receive(good.served_fd);
  ServerAnswers(&bad, of_bad);
  ServerAnswers(&good, of_good);
  for (Pair* pair : {&bad, &good}) {
    ClientTakes(pair);
    ClientSends(pair);
    ServerAnswers(pair, Receive(pair->served_fd));
  }
  EXPECT_EQ(Send(&bad, TooLongHeaders()), -1);
  EXPECT_TRUE(IsCut(bad.served_fd));
  EXPECT_GT(Send(&good, std::string(FrameWalk::kPreface) + Begin(1)), 0);
  EXPECT_FALSE(IsCut(good.served_fd));
  EXPECT_EQ(gate_.TakeCuts()[static_cast<int>(CutReason::kHeaders)], 1);
  Close(&bad);
  Close(&good);
}

TEST_F(TlsGateTest, CallsOverTlsCountUntilTheConnectionIsClosed) {
  Pair pair = Accept();
  Greet(&pair);
  Send(&pair, std::string(FrameWalk::kPreface) + Begin(1) + Begin(3));
  EXPECT_EQ(gate_.open_calls(), 2);
  Close(&pair);
  EXPECT_EQ(gate_.open_calls(), 0);
}

TEST_F(TlsGateTest, WhatIsReadOfAConnectionAfterItsEndCountsNoMore) {
  Pair pair = Accept();
  Greet(&pair);
  Send(&pair, std::string(FrameWalk::kPreface));
  const std::string calls = Begin(1) + Begin(3);
  SSL_write(pair.client->ssl(), calls.data(), static_cast<int>(calls.size()));
  Write(pair.client_fd, pair.client->Give());
  AwaitReadable(pair.served_fd);
  pair.served->Take(Receive(pair.served_fd));
  Close(&pair);
  std::array<char, 1000> plain;
  EXPECT_EQ(SSL_read(pair.served->ssl(), plain.data(), static_cast<int>(plain.size())), -1);
  EXPECT_EQ(gate_.open_calls(), 0);
}

TEST_F(TlsGateTest, AConnectionThatEndsDuringItsGreetingLeavesNothing) {
  const int before = gate_.connections();
  Pair pair = Accept();
  SSL_do_handshake(pair.client->ssl());
  const std::string hello = pair.client->Give();
  Write(pair.client_fd, hello.substr(0, hello.size() / 2));
  AwaitReadable(pair.served_fd);
  ServerAnswers(&pair, Receive(pair.served_fd));
  EXPECT_EQ(gate_.connections(), before + 1);
  Close(&pair);
  EXPECT_EQ(gate_.connections(), before);
  EXPECT_LE(SSL_do_handshake(pair.served->ssl()), 0);
}

TEST_F(TlsGateTest, AServersSslWithoutAConnectionIsNotRead) {
  Side client(context_);
  SSL_set_connect_state(client.ssl());
  Side served(context_);
  SSL_set_accept_state(served.ssl());
  for (int i = 0; i < 2; ++i) {
    SSL_do_handshake(client.ssl());
    served.Take(client.Give());
    SSL_do_handshake(served.ssl());
    client.Take(served.Give());
  }
  ASSERT_TRUE(SSL_is_init_finished(served.ssl()));
  SSL_write(client.ssl(), "x", 1);
  served.Take(client.Give());
  char plain;
  EXPECT_EQ(SSL_read(served.ssl(), &plain, 1), -1);
}

TEST_F(TlsGateTest, AClientThatChangesItsKeyWithoutEndIsCut) {
  Pair pair = Accept();
  Greet(&pair);
  EXPECT_GT(Send(&pair, std::string(FrameWalk::kPreface)), 0);
  int updates = 0;
  while (!IsCut(pair.served_fd) && updates < 10 * kIdleFramesBurst) {
    for (int i = 0; i < 100; ++i, ++updates) {
      SSL_key_update(pair.client->ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
      SSL_do_handshake(pair.client->ssl());
    }
    Pass(&pair);
  }
  EXPECT_GT(updates, kIdleFramesBurst);
  EXPECT_LT(updates, 10 * kIdleFramesBurst);
  EXPECT_EQ(gate_.TakeCuts()[static_cast<int>(CutReason::kIdleFrames)], 1);
  Close(&pair);
}

TEST_F(TlsGateTest, PlaintextThatBeginsNoCallIsCutAfterSomeOfIt) {
  Pair pair = Accept();
  std::string nothing(FrameWalk::kPreface);
  while (nothing.size() < 128 << 10) nothing += FrameOf(FrameType::kWindowUpdate, 0, 0, std::string("\0\0\0\1", 4));
  Write(pair.client_fd, nothing);
  AwaitReadable(pair.served_fd);
  while (!IsCut(pair.served_fd)) AwaitReadable(pair.served_fd);
  EXPECT_EQ(gate_.TakeCuts()[static_cast<int>(CutReason::kPlaintext)], 1);
  Close(&pair);
}

}  // namespace
}  // namespace suppressd
