#include "server/management/http_server.h"

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/log.h"

namespace suppressd {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using Error = boost::system::error_code;

// How long no connection is accepted after the system refused one: there are no descriptors left, perhaps.
constexpr std::chrono::milliseconds kAcceptPause(100);

using Response = http::response<http::string_body>;

// One connection, kept alive by what it waits for.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, const HttpHandler* handler, std::atomic<int>* open)
      : stream_(std::move(socket)), handler_(handler), open_(open) {
    open_->fetch_add(1);
  }
  ~Session() { open_->fetch_sub(1); }

  void Read() {
    waiting_ = true;
    parser_.emplace();
    parser_->header_limit(kHttpHeadBytesMax);
    stream_.expires_after(absl::ToChronoSeconds(kHttpRequestMax));
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](const Error& error, size_t) { self->OnRead(error); });
  }

  // Whether it has no request, or not all of one.
  bool waiting() const { return waiting_; }
  void Close() {
    waiting_ = false;
    stream_.close();
  }

 private:
  void OnRead(const Error& error) {
    waiting_ = false;
    if (!error) return Write(Answer(parser_->get()));
    const bool is_http = error.category() == http::make_error_code(http::error::bad_method).category();
    if (!is_http || error == http::error::end_of_stream || error == http::error::partial_message) return;
    Write(RefusalOf(error));
  }

  static Response RefusalOf(const Error& error) {
    const bool large = error == http::error::header_limit || error == http::error::buffer_overflow;
    const bool body = error == http::error::unexpected_body || error == http::error::body_limit;
    Response response(large  ? http::status::request_header_fields_too_large
                      : body ? http::status::payload_too_large
                             : http::status::bad_request,
                      11);
    response.body() = large  ? "the request is too large\n"
                      : body ? "a request has no body here\n"
                             : "no HTTP request\n";
    response.keep_alive(false);
    return response;
  }

  Response Answer(const http::request<http::empty_body>& request) const {
    Response response(http::status::ok, request.version());
    response.keep_alive(request.keep_alive());
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
      response.result(http::status::method_not_allowed);
      response.set(http::field::allow, "GET, HEAD");
      response.body() = "GET and HEAD only\n";
      return response;
    }
    const std::string target(request.target());
    const size_t mark = target.find('?');
    HttpAnswer answer = (*handler_)(target.substr(0, mark), mark == std::string::npos ? "" : target.substr(mark + 1));
    response.result(static_cast<unsigned>(answer.status));
    response.set(http::field::content_type, answer.content_type);
    response.set(http::field::cache_control, "no-store");
    response.set("X-Content-Type-Options", "nosniff");
    response.body() = std::move(answer.body);
    return response;
  }

  void Write(Response response) {
    response.prepare_payload();
    const bool head = parser_->get().method() == http::verb::head;
    response_ = std::move(response);
    stream_.expires_after(absl::ToChronoSeconds(kHttpAnswerMax));
    const auto written = [self = shared_from_this()](const Error& error, size_t) { self->OnWritten(error); };
    serializer_.emplace(response_);
    if (head) {
      http::async_write_header(stream_, *serializer_, written);
    } else {
      http::async_write(stream_, *serializer_, written);
    }
  }

  void OnWritten(const Error& error) {
    if (error) return;
    if (response_.keep_alive()) return Read();
    Error ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  beast::tcp_stream stream_;
  const HttpHandler* const handler_;
  std::atomic<int>* const open_;
  bool waiting_ = false;
  beast::flat_buffer buffer_{2 * kHttpHeadBytesMax};
  std::optional<http::request_parser<http::empty_body>> parser_;
  Response response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
};

absl::StatusOr<tcp::endpoint> EndpointOf(const std::string& address) {
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 0 || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(address, " is not HOST:PORT"));
  }
  absl::string_view host = absl::string_view(address).substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  const bool in_brackets = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  if (in_brackets != absl::StrContains(host, ':')) {
    return absl::InvalidArgumentError(absl::StrCat(address, " is not HOST:PORT; an IPv6 address stands in brackets"));
  }
  Error error;
  const asio::ip::address ip = asio::ip::make_address(std::string(host), error);
  if (error) return absl::InvalidArgumentError(absl::StrCat(address, " is no IP address with a port"));
  return tcp::endpoint(ip, static_cast<uint16_t>(port));
}

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(HttpHandler handler) : handler_(std::move(handler)) {}
  ~Impl() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Listen(const tcp::endpoint& endpoint) {
    Error error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return absl::UnavailableError(error.message());
    Accept();
    thread_ = std::thread([this] { Run(); });
    return absl::OkStatus();
  }
  int port() const {
    Error ignored;
    return acceptor_.local_endpoint(ignored).port();
  }
  int connections() const { return open_.load(); }

 private:
  // Beast and the allocator may throw; that costs the connection it happened on, never the process.
  void Run() {
    while (!context_.stopped()) {
      try {
        context_.run();
      } catch (const std::exception& error) {
        LogError("management_failed", {{"error", error.what()}});
      }
    }
  }

  void Accept() {
    acceptor_.async_accept([this](const Error& error, tcp::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (error) {
        pause_.expires_after(kAcceptPause);
        pause_.async_wait([this](const Error& ended) {
          if (!ended) Accept();
        });
        return;
      }
      std::erase_if(sessions_, [](const std::weak_ptr<Session>& session) { return session.expired(); });
      if (open_.load() < kHttpConnectionsMax || CloseOldest()) {
        const auto session = std::make_shared<Session>(std::move(socket), &handler_, &open_);
        sessions_.push_back(session);
        session->Read();
      }
      Accept();
    });
  }

  // Who asks nothing makes room for who comes: silent connections must not keep a probe out. False: all are answered.
  bool CloseOldest() {
    for (const std::weak_ptr<Session>& each : sessions_) {
      const std::shared_ptr<Session> session = each.lock();
      if (session == nullptr || !session->waiting()) continue;
      session->Close();
      return true;
    }
    return false;
  }

  const HttpHandler handler_;
  std::atomic<int> open_{0};
  asio::io_context context_{1};
  tcp::acceptor acceptor_{context_};
  asio::steady_timer pause_{context_};
  std::deque<std::weak_ptr<Session>> sessions_;  // in the order in which they came; used by the thread
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address, HttpHandler handler) {
  const absl::StatusOr<tcp::endpoint> endpoint = EndpointOf(address);
  if (!endpoint.ok()) return endpoint.status();
  auto impl = std::make_unique<Impl>(std::move(handler));
  if (absl::Status status = impl->Listen(*endpoint); !status.ok()) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address, ": ", status.message()));
  }
  std::string bound = absl::StrCat(address.substr(0, address.rfind(':')), ":", impl->port());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(bound), std::move(impl)));
}

HttpServer::HttpServer(std::string address, std::unique_ptr<Impl> impl)
    : address_(std::move(address)), impl_(std::move(impl)) {}

HttpServer::~HttpServer() = default;

int HttpServer::connections() const {
  return impl_->connections();
}

}  // namespace suppressd
