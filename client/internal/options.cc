#include "client/internal/options.h"

#include <arpa/inet.h>

#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace suppressd::client_internal {
namespace {

constexpr size_t kTargetMaxBytes = 1024;
constexpr size_t kSocketPathMaxBytes = 107;  // sizeof(sockaddr_un.sun_path) - 1
constexpr size_t kTenantMaxBytes = 63;
constexpr size_t kServerNameMaxBytes = 253;
constexpr int kMaxAttempts = 20;

absl::Status Bad(absl::string_view option, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("client option ", option, ": ", what));
}

struct HostPort {
  std::string host;
  std::string port;
};

// "host:port" or "[v6]:port"; an empty host when the form is wrong.
HostPort SplitHostPort(absl::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos) return {};
  absl::string_view host = text.substr(0, colon);
  const bool bracketed = absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  if (!bracketed && absl::StrContains(host, ":")) return {};
  return {std::string(host), std::string(text.substr(colon + 1))};
}

absl::Status CheckHostPort(absl::string_view option, absl::string_view text) {
  const HostPort address = SplitHostPort(text);
  int port = 0;
  if (address.host.empty() || !absl::SimpleAtoi(address.port, &port) || port < 1 || port > 65535) {
    return Bad(option, "must be unix:/path or host:port with a port from 1 to 65535");
  }
  return absl::OkStatus();
}

// The "host:port" parts of a network target; empty for Unix sockets.
std::vector<std::string> NetworkAddresses(absl::string_view target) {
  if (absl::StartsWith(target, "unix")) return {};
  if (absl::ConsumePrefix(&target, "dns:")) {
    absl::ConsumePrefix(&target, "///");
    return {std::string(target)};
  }
  if (!absl::ConsumePrefix(&target, "ipv4:")) absl::ConsumePrefix(&target, "ipv6:");
  return absl::StrSplit(target, ',');
}

bool IsUnixTarget(absl::string_view target) {
  return absl::StartsWith(target, "unix:") || absl::StartsWith(target, "unix-abstract:");
}

absl::Status CheckTarget(absl::string_view option, const std::string& target) {
  if (target.size() > kTargetMaxBytes) return Bad(option, "is longer than 1,024 bytes");
  for (const char c : target) {
    if (!absl::ascii_isgraph(c)) return Bad(option, "has a space, a control or a non-ASCII character");
  }
  if (IsUnixTarget(target)) {
    absl::string_view path = target;
    path.remove_prefix(target.find(':') + 1);
    absl::ConsumePrefix(&path, "//");
    if (path.empty()) return Bad(option, "has no socket path");
    if (path.size() > kSocketPathMaxBytes) return Bad(option, "has a socket path over 107 bytes");
    return absl::OkStatus();
  }
  for (const std::string& address : NetworkAddresses(target)) {
    if (const absl::Status status = CheckHostPort(option, address); !status.ok()) return status;
  }
  return absl::OkStatus();
}

bool IsLoopbackHost(const std::string& host) {
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6;
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  return absl::EqualsIgnoreCase(host, "localhost");
}

absl::Status CheckTls(absl::string_view option, const TlsOptions& tls) {
  if (tls.cert_file.empty() != tls.key_file.empty()) return Bad(option, "cert_file and key_file need each other");
  if (tls.server_name.size() > kServerNameMaxBytes) {
    return Bad(absl::StrCat(option, ".server_name"), "is over 253 bytes");
  }
  return absl::OkStatus();
}

absl::Status CheckTransport(const ClientOptions& options) {
  constexpr char kNeeded[] = "is needed: plaintext is for Unix sockets and loopback addresses, unless insecure is set";
  if (options.insecure && options.tls.has_value()) return Bad("insecure", "excludes tls");
  if (options.tls.has_value()) {
    if (const absl::Status status = CheckTls("tls", *options.tls); !status.ok()) return status;
  } else if (!options.insecure && !IsLocalTarget(options.target)) {
    return Bad("tls", kNeeded);
  }
  if (options.fallback_tls.has_value()) return CheckTls("fallback_tls", *options.fallback_tls);
  const bool local = options.fallback_target.empty() || IsLocalTarget(options.fallback_target);
  if (!options.tls.has_value() && !options.insecure && !local) return Bad("fallback_tls", kNeeded);
  return absl::OkStatus();
}

// The value of an environment variable; empty when it is not set.
std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

absl::Status CheckRange(absl::string_view option, absl::Duration value, absl::Duration least, absl::Duration most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return Bad(option, absl::StrCat("must be from ", absl::FormatDuration(least), " to ", absl::FormatDuration(most)));
}

absl::Status CheckRetry(const RetryOptions& retry) {
  if (retry.max_attempts < 1 || retry.max_attempts > kMaxAttempts) {
    return Bad("retry.max_attempts", "must be from 1 to 20");
  }
  absl::Status status =
      CheckRange("retry.initial_backoff", retry.initial_backoff, absl::Milliseconds(1), absl::Minutes(1));
  status.Update(CheckRange("retry.max_backoff", retry.max_backoff, retry.initial_backoff, absl::Minutes(1)));
  return status;
}

absl::Status CheckTenant(const std::string& tenant) {
  if (tenant.empty()) return absl::OkStatus();
  bool good = tenant.size() <= kTenantMaxBytes && (absl::ascii_isalnum(tenant[0]));
  for (const char c : tenant) {
    good = good && (absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '.' || c == '_' || c == '-');
  }
  return good ? absl::OkStatus() : Bad("tenant", "must be 1 to 63 of a-z 0-9 . _ -, starting with a letter or digit");
}

}  // namespace

bool IsLocalTarget(absl::string_view target) {
  if (IsUnixTarget(target)) return true;
  for (const std::string& address : NetworkAddresses(target)) {
    if (!IsLoopbackHost(SplitHostPort(address).host)) return false;
  }
  return true;
}

absl::StatusOr<ClientOptions> ResolveOptions(ClientOptions options) {
  if (options.target.empty()) options.target = FromEnvironment(kTargetVariable);
  if (options.target.empty()) options.target = kDefaultTarget;
  if (options.fallback_target.empty()) options.fallback_target = FromEnvironment(kFallbackVariable);
  if (options.fallback_target == kNoFallback) options.fallback_target.clear();
  absl::Status status = CheckTarget("target", options.target);
  if (!options.fallback_target.empty()) status.Update(CheckTarget("fallback_target", options.fallback_target));
  status.Update(CheckRange("deadline", options.deadline, absl::Milliseconds(1), absl::Hours(1)));
  status.Update(CheckRetry(options.retry));
  status.Update(CheckRange("watch_retry_for", options.watch_retry_for, absl::ZeroDuration(), absl::Hours(24)));
  status.Update(CheckTenant(options.tenant));
  if (options.when_unavailable < WhenUnavailable::kError || options.when_unavailable > WhenUnavailable::kSuppress) {
    status.Update(Bad("when_unavailable", "must be kError, kAllow or kSuppress"));
  }
  if (status.ok()) status = CheckTransport(options);
  if (!status.ok()) return status;
  return options;
}

ClientOptions FallbackOptions(ClientOptions options) {
  options.target = std::exchange(options.fallback_target, "");
  if (options.fallback_tls.has_value()) {
    options.tls = std::exchange(options.fallback_tls, std::nullopt);
    options.insecure = false;
  }
  return options;
}

}  // namespace suppressd::client_internal
