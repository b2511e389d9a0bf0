// The options of `suppressd serve` and `suppressd sidecar`: one row each, with name, default, range and meaning. Each
// can also be set in the environment: --listen_address is SUPPRESSD_LISTEN_ADDRESS; the command line wins. And those of
// what works on backups, without the environment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/outbox.h"
#include "storage/store_options.h"

namespace suppressd {

// What both kinds of server have.
struct ServerOptions {
  std::vector<std::string> listen_addresses;
  std::string data_dir;
  std::string policy_file;
  std::string rules_file;
  std::string port_file;
  std::string management_address;
  std::string socket_mode = "0660";
  std::string socket_group;
  std::string log_level = "info";
  std::string log_key_file;
  bool insecure = false;
  std::string tls_cert_file;
  std::string tls_key_file;
  std::string tls_client_ca_file;
  std::string tls_client_certs = "require";  // or "optional"
  std::string access_file;
  std::string token_file;
  std::string jwks_file;
  std::string jwt_issuer;
  std::string jwt_audience;
  std::string quota_file;
  bool check_config = false;
  bool channelz = true;
  int max_request_kib = 4096;
  int max_calls = 10'000;
  int max_batches = 64;
  int max_listings = 64;
  int max_mails = 64;
  int max_watches = 1'000;
  int max_connections = 2'000;
  int max_connections_per_peer = 500;
  int max_calls_per_connection = 1'000;
  int drain_timeout_seconds = 20;
  int min_free_disk_mib = 256;
  StoreOptions store;
};

struct ServeOptions : ServerOptions {
  int max_replicas = 1'000;
  int max_snapshots = 4;
  int snapshot_hold_minutes = 10;
  std::string accept_clock;  // a day, as YYYY-MM-DD
  std::string backup_dir;    // empty: no backups
  int backup_interval_hours = 24;
  int backup_keep_count = 7;
  int backup_keep_days = 30;
};

// What a sidecar does that has no replica yet.
enum class OnEmpty {
  kWait = 0,     // it serves once it has one
  kFail = 1,     // it ends when it has none after a time
  kUnknown = 2,  // it serves at once; checks answer that nothing is known (Freshness.NOTHING)
};

struct SidecarOptions : ServerOptions {
  std::string upstream;
  bool upstream_tls = false;
  std::string upstream_ca_file;
  std::string upstream_cert_file;
  std::string upstream_key_file;
  std::string upstream_server_name;
  std::string upstream_token_file;
  std::string replica_id;
  std::vector<std::string> tenants;
  std::string on_empty_name = "wait";
  OnEmpty on_empty = OnEmpty::kWait;  // the same, read
  int on_empty_timeout_seconds = 60;
  int forward_timeout_millis = 2'000;
  int outbox_max_reports = 50'000;
  int outbox_max_mib = 256;
};

// Of `suppressd restore`; of them `suppressd backups` has only the first.
struct RestoreOptions {
  std::string from;
  std::string data_dir;
  uint32_t backup_id = 0;  // 0: the newest
};

enum class Subcommand { kServe, kSidecar, kRestore, kBackups };

// How reading the command line ended.
struct ParsedOptions {
  ServeOptions serve;
  SidecarOptions sidecar;
  RestoreOptions restore;
  // Which of them was asked for.
  Subcommand subcommand = Subcommand::kServe;
  // Set: print nothing more and exit with `exit_code` (help, version, or a mistake that was explained on stderr).
  bool exit_now = false;
  int exit_code = 0;
};

// Reads the command line and the environment.
ParsedOptions ParseOptions(int argc, char** argv);

// Checks what goes beyond single values: addresses, plaintext on non-local addresses, mode and group of sockets.
// INVALID_ARGUMENT with one clear sentence.
absl::Status ValidateOptions(const ServerOptions& options);
// The same, --accept_clock, and that backups do not lie where the data does.
absl::Status ValidateOptions(const ServeOptions& options);
// The same, and upstream, replica id and tenants.
absl::Status ValidateOptions(const SidecarOptions& options);

// The error of an option's file: INVALID_ARGUMENT, the option's name before it.
absl::Status WrongOption(absl::string_view option, const absl::Status& status);

// Whether the server serves TLS on its TCP addresses; whether a sidecar reaches its server by TLS.
bool ServesTls(const ServerOptions& options);
bool UpstreamSpeaksTls(const SidecarOptions& options);

// The octal mode of --socket_mode, checked by ValidateOptions.
int SocketMode(const ServerOptions& options);

}  // namespace suppressd
