// The frames of TLS connections, judged where gRPC asks OpenSSL for what they carry: functions in place of
// SSL_set_accept_state, SSL_read and SSL_write, for connections that this process accepted.
//
// gRPC gives OpenSSL bytes, not sockets. Which connection an SSL belongs to is known when gRPC makes it: on the thread
// that has just accepted the connection, and before it accepts another. When the greeting goes on it is too late: gRPC
// may have received bytes of a second connection on the same thread before it hands on those of the first.
#include "server/gate/tls_gate.h"

#include <dlfcn.h>
#include <openssl/ssl.h>

#include <memory>

#include "server/gate/gate_connection.h"
#include "server/gate/socket_gate.h"

namespace suppressd {
namespace {

// What the SSL of a server keeps: its connection; null: it is not known, and nothing is taken from it.
using Held = std::shared_ptr<SocketGate::Connection>;

// The function that this program's own one stands before.
template <typename Function>
Function Next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

// OpenSSL lets the SSL go.
void Drop(void*, void* held, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Held*>(held);
}

int Index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, &Drop);
  return index;
}

// Null: not the SSL of a connection that gRPC accepted.
Held* HeldBy(const SSL* ssl) {
  return static_cast<Held*>(SSL_get_ex_data(ssl, Index()));
}

// A client may change its key as often as it likes, and each time costs more than a frame.
void OnMessage(int is_sent, int, int type, const void* message, size_t bytes, SSL* ssl, void*) {
  if (is_sent != 0 || type != SSL3_RT_HANDSHAKE || bytes == 0) return;
  if (*static_cast<const unsigned char*>(message) != SSL3_MT_KEY_UPDATE) return;
  const Held* const held = HeldBy(ssl);
  if (held != nullptr && *held != nullptr) SocketGate::Get().ReceivedKeyUpdate(held->get());
}

void Hold(SSL* ssl, Held connection) {
  auto held = std::make_unique<Held>(std::move(connection));
  const std::unique_ptr<Held> before(HeldBy(ssl));
  SSL_set_ex_data(ssl, Index(), held.release());
  SSL_set_msg_callback(ssl, &OnMessage);
}

}  // namespace

void UseTlsGate() {
  Index();
}

}  // namespace suppressd

extern "C" {

void SSL_set_accept_state(SSL* ssl) {
  static const auto next = suppressd::Next<void (*)(SSL*)>("SSL_set_accept_state");
  suppressd::Hold(ssl, suppressd::SocketGate::Get().TakeAccepted());
  next(ssl);
}

int SSL_read(SSL* ssl, void* buffer, int bytes) {
  static const auto next = suppressd::Next<int (*)(SSL*, void*, int)>("SSL_read");
  const suppressd::Held* const held = suppressd::HeldBy(ssl);
  if (held == nullptr) return next(ssl, buffer, bytes);
  if (*held == nullptr || (*held)->over()) return -1;
  const int read = next(ssl, buffer, bytes);
  if (read <= 0) return read;
  const absl::string_view plaintext(static_cast<const char*>(buffer), static_cast<size_t>(read));
  return suppressd::SocketGate::Get().ReceivedInTls(held->get(), plaintext) ? read : -1;
}

int SSL_write(SSL* ssl, const void* buffer, int bytes) {
  static const auto next = suppressd::Next<int (*)(SSL*, const void*, int)>("SSL_write");
  const int written = next(ssl, buffer, bytes);
  const suppressd::Held* const held = suppressd::HeldBy(ssl);
  if (written > 0 && held != nullptr && *held != nullptr) {
    suppressd::SocketGate::Get().SentInTls(
        held->get(), absl::string_view(static_cast<const char*>(buffer), static_cast<size_t>(written)));
  }
  return written;
}

}  // extern "C"
