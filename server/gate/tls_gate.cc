// The frames of TLS connections, judged where gRPC asks OpenSSL for what they carry: functions in place of
// SSL_do_handshake, SSL_read and SSL_write, for connections that this process accepted.
//
// gRPC gives OpenSSL bytes, not sockets. Which connection they came from is known when the greeting goes on: gRPC
// answers it on the thread that has just received its bytes. Where that was not seen, the limits on one connection hold
// all the same, and only the counts over several do not.
#include "server/gate/tls_gate.h"

#include <dlfcn.h>
#include <openssl/ssl.h>

#include <memory>

#include "server/gate/gate_connection.h"
#include "server/gate/socket_gate.h"

namespace suppressd {
namespace {

using Held = std::shared_ptr<SocketGate::Connection>;

// The function that this program's own one stands before.
template <typename Function>
Function Next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

// OpenSSL lets the SSL go.
void Drop(void*, void* held, CRYPTO_EX_DATA*, int, long, void*) {
  if (held == nullptr) return;
  const std::unique_ptr<Held> connection(static_cast<Held*>(held));
  if ((*connection)->fd < 0) SocketGate::Get().Forget(connection->get());
}

int Index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, &Drop);
  return index;
}

SocketGate::Connection* Found(const SSL* ssl) {
  const auto* held = static_cast<const Held*>(SSL_get_ex_data(ssl, Index()));
  return held == nullptr ? nullptr : held->get();
}

SocketGate::Connection* Hold(SSL* ssl, Held connection) {
  auto held = std::make_unique<Held>(std::move(connection));
  if (SSL_set_ex_data(ssl, Index(), held.get()) != 1) return nullptr;
  return held.release()->get();
}

}  // namespace

void UseTlsGate() {
  Index();
}

}  // namespace suppressd

extern "C" {

int SSL_do_handshake(SSL* ssl) {
  static const auto next = suppressd::Next<int (*)(SSL*)>("SSL_do_handshake");
  if (SSL_is_server(ssl) == 1 && suppressd::Found(ssl) == nullptr) {
    suppressd::Held connection = suppressd::SocketGate::Get().Greeting();
    if (connection != nullptr) suppressd::Hold(ssl, std::move(connection));
  }
  return next(ssl);
}

int SSL_read(SSL* ssl, void* buffer, int bytes) {
  static const auto next = suppressd::Next<int (*)(SSL*, void*, int)>("SSL_read");
  const int read = next(ssl, buffer, bytes);
  if (read <= 0 || SSL_is_server(ssl) != 1) return read;
  suppressd::SocketGate& gate = suppressd::SocketGate::Get();
  suppressd::SocketGate::Connection* connection = suppressd::Found(ssl);
  if (connection == nullptr) connection = suppressd::Hold(ssl, gate.Stranger());
  const absl::string_view plaintext(static_cast<const char*>(buffer), static_cast<size_t>(read));
  return connection != nullptr && gate.ReceivedInTls(connection, plaintext) ? read : -1;
}

int SSL_write(SSL* ssl, const void* buffer, int bytes) {
  static const auto next = suppressd::Next<int (*)(SSL*, const void*, int)>("SSL_write");
  const int written = next(ssl, buffer, bytes);
  if (written <= 0 || SSL_is_server(ssl) != 1) return written;
  suppressd::SocketGate::Connection* const connection = suppressd::Found(ssl);
  if (connection != nullptr) {
    suppressd::SocketGate::Get().SentInTls(
        connection, absl::string_view(static_cast<const char*>(buffer), static_cast<size_t>(written)));
  }
  return written;
}

}  // extern "C"
