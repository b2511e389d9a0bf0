// A small HTTP/1.1 server for what is read by probes, scrapers and people on the same network: GET and HEAD, plaintext.
//
// One thread; a client that is slow or silent costs a connection and no time. Nothing that a client sends ends it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace suppressd {

// Connections at once; the next one takes the place of the oldest that asks nothing, if there is one.
inline constexpr int kHttpConnectionsMax = 100;
// Longest head of a request, in bytes. A request with a body is refused.
inline constexpr size_t kHttpHeadBytesMax = 8 << 10;
// Longest time for a request to come, from the moment the connection is free for one, and for an answer to be taken.
inline constexpr absl::Duration kHttpRequestMax = absl::Seconds(30);
inline constexpr absl::Duration kHttpAnswerMax = absl::Seconds(10);

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string content_type = "text/plain; charset=utf-8";
};

// Answers a path and what follows its question mark. Called on the server's thread, one call at a time.
using HttpHandler = std::function<HttpAnswer(const std::string& path, const std::string& query)>;

// Thread-safe.
class HttpServer {
 public:
  // Binds HOST:PORT (port 0: any free one) and serves. INVALID_ARGUMENT: no such address. UNAVAILABLE: it cannot be
  // bound.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address, HttpHandler handler);
  // Ends at once, open connections included.
  ~HttpServer();

  // With the real port.
  const std::string& address() const { return address_; }
  // Connections open now.
  int connections() const;

 private:
  class Impl;
  HttpServer(std::string address, std::unique_ptr<Impl> impl);

  const std::string address_;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace suppressd
