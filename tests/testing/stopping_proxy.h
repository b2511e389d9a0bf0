// A TCP proxy on loopback that can be told to stop: to hold bytes back, as a network that loses everything does, or to
// cut every connection.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <list>
#include <string>
#include <thread>
#include <vector>

namespace suppressd {

// Not thread-safe but for SetFrozen, SetUpstreamPort and Cut.
class StoppingProxy {
 public:
  explicit StoppingProxy(int upstream_port) : upstream_port_(upstream_port) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = Loopback(0);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return;
    socklen_t size = sizeof(address);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    listen(listener_, 64);
    thread_ = std::thread([this] { Run(); });
  }
  ~StoppingProxy() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
    close(listener_);
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Frozen: connections stay, new ones are taken, and nothing passes.
  void SetFrozen(bool frozen) { frozen_ = frozen; }
  void SetUpstreamPort(int port) { upstream_port_ = port; }
  // Closes all connections.
  void Cut() { ++cuts_; }

 private:
  struct Pair {
    int down = -1;
    int up = -1;
  };

  static sockaddr_in Loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static void Close(const Pair& pair) {
    if (pair.down >= 0) close(pair.down);
    if (pair.up >= 0) close(pair.up);
  }

  // Passes on what there is. False: one side has ended.
  static bool Pass(int from, int to) {
    char bytes[65536];
    const ssize_t got = recv(from, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t some = send(to, bytes + sent, static_cast<size_t>(got - sent), MSG_NOSIGNAL);
      if (some <= 0) return false;
      sent += some;
    }
    return got > 0;
  }

  void Accept() {
    Pair pair;
    pair.down = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    pair.up = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = Loopback(upstream_port_);
    if (pair.down < 0 || connect(pair.up, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      return Close(pair);
    }
    pairs_.push_back(pair);
  }

  void Run() {
    while (!stopping_) {
      std::vector<pollfd> polled = {{listener_, POLLIN, 0}};
      if (!frozen_) {
        for (const Pair& pair : pairs_) {
          polled.push_back({pair.down, POLLIN, 0});
          polled.push_back({pair.up, POLLIN, 0});
        }
      }
      poll(polled.data(), polled.size(), 20);
      if (cuts_ > cut_) {
        cut_ = cuts_;
        for (const Pair& pair : pairs_) Close(pair);
        pairs_.clear();
        continue;
      }
      if (!frozen_ && polled.size() > 1) {
        size_t i = 1;
        for (auto pair = pairs_.begin(); pair != pairs_.end(); i += 2) {
          const bool alive = (polled[i].revents == 0 || Pass(pair->down, pair->up)) &&
                             (polled[i + 1].revents == 0 || Pass(pair->up, pair->down));
          if (!alive) Close(*pair);
          pair = alive ? std::next(pair) : pairs_.erase(pair);
        }
      }
      if (polled[0].revents != 0) Accept();
    }
    for (const Pair& pair : pairs_) Close(pair);
  }

  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> upstream_port_;
  std::atomic<bool> frozen_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<int> cuts_{0};
  int cut_ = 0;
  std::list<Pair> pairs_;
  std::thread thread_;
};

}  // namespace suppressd
