// How a Client reaches the service and what it does when it cannot.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"

namespace suppressd {
inline namespace client_v1 {

// What a check answers when the service cannot.
enum class WhenUnavailable {
  kError = 0,     // the error
  kAllow = 1,     // not suppressed, assumed = true: mail goes out, some of it perhaps wrongly
  kSuppress = 2,  // suppressed, assumed = true: no mail goes out
};

// How often and how fast a call is tried again. Only UNAVAILABLE is retried, which
// is also what a call that the server cut (CANCELLED) comes back as. The wait before try
// n + 1 is drawn evenly from 0 to min(max_backoff, initial_backoff * 2^(n-1)), plus what the server
// asks for (RetryInfo). A wait that would pass the call's deadline is not begun. The defaults use up a
// deadline of 2 s, so that a sidecar may be restarted in the meantime.
struct RetryOptions {
  // Tries in all, the first included; 1: no retries. Default 10, range 1 to 20. A try is one call of the
  // target and, when that is UNAVAILABLE, one of the fallback.
  int max_attempts = 10;
  // Upper bound of the first wait. Default 50 ms, range 1 ms to 1 min.
  absl::Duration initial_backoff = absl::Milliseconds(50);
  // Upper bound of every wait. Default 500 ms, range initial_backoff to 1 min.
  absl::Duration max_backoff = absl::Milliseconds(500);
};

// TLS. Files are PEM, at most 1 MiB each, and read again when they change: new calls then go over a new connection.
// Files that cannot be used (a key that is not the certificate's, say) are passed over; those before stay in use.
struct TlsOptions {
  // Certificates to trust. Default empty: those of the system.
  std::string ca_file;
  // The client's certificate chain, for mutual TLS. Default empty: none. Needs key_file.
  std::string cert_file;
  // The key of cert_file, not encrypted. Default empty: none. Needs cert_file.
  std::string key_file;
  // The name the server's certificate must carry. Default empty: the host of the target. At most 253 bytes.
  std::string server_name;
};

// A value; copy it freely.
struct ClientOptions {
  // Where the service listens: "unix:/path", "unix-abstract:name", "host:port", "dns:///host:port",
  // "ipv4:1.2.3.4:port" or "ipv6:[::1]:port". Default empty: the environment variable
  // SUPPRESSION_TARGET, and where that is unset or empty "unix:/run/suppressd/suppressd.sock".
  // At most 1,024 bytes.
  std::string target;
  // Where to ask when the target is UNAVAILABLE: it cannot be reached, or is a sidecar that has no replica
  // (REPLICA_NOT_READY), one too old (TOO_STALE, REVISION_NOT_REACHED), a full outbox (OUTBOX_FULL) or no server
  // (UPSTREAM_UNREACHABLE). The server, for an application with a sidecar; forms as of target. Each try begins
  // at the target, which may take half of the time that is left; a write keeps its request id, so it counts
  // once wherever it arrives. A Watch that the fallback answers stays there until that stream ends.
  // Default empty: the environment variable SUPPRESSION_FALLBACK_TARGET, and where that is unset or empty
  // none. "none": none, whatever the environment says.
  std::string fallback_target;
  // How long a call may take in all, its retries included. Default 2 s, range 1 ms to 1 h. Watch has none.
  absl::Duration deadline = absl::Seconds(2);
  // Retries within the deadline.
  RetryOptions retry;
  // How long Watch goes on reconnecting without receiving anything. Default 1 min, range 0 (never) to 24 h.
  absl::Duration watch_retry_for = absl::Minutes(1);
  // What IsSuppressed and BatchIsSuppressed answer when the service is UNAVAILABLE, or silent until
  // the deadline. Other errors and other calls are not affected. Default kError.
  WhenUnavailable when_unavailable = WhenUnavailable::kError;
  // The list used by requests that name none. Default empty: the service's "default".
  // 1 to 63 of a-z 0-9 . _ -, starting with a letter or digit.
  std::string tenant;
  // TLS; unset: plaintext, which only a Unix socket or a loopback address may carry. Default unset.
  std::optional<TlsOptions> tls;
  // TLS to the fallback. Unset: as tls. For a sidecar in plaintext on its socket and a server with TLS.
  std::optional<TlsOptions> fallback_tls;
  // File of a bearer token that goes with every call: one line of printable ASCII without spaces, at most 8 KiB, read
  // again when it changes. Not over plaintext to another machine, unless insecure is set. Default empty: none.
  std::string token_file;
  // Plaintext to any target, for networks that encrypt by themselves. Default false. Excludes tls; the
  // fallback's plaintext too, unless fallback_tls is set.
  bool insecure = false;
};

}  // namespace client_v1
}  // namespace suppressd
