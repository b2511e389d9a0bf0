// The options of `suppressd serve`: one row each, with name, default, range and meaning. Each can also be set in the
// environment: --listen_address is SUPPRESSD_LISTEN_ADDRESS; the command line wins.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/store.h"

namespace suppression {

struct ServeOptions {
  std::vector<std::string> listen_addresses;
  std::string data_dir;
  std::string policy_file;
  std::string rules_file;
  std::string port_file;
  std::string socket_mode = "0660";
  std::string socket_group;
  std::string log_level = "info";
  bool insecure = false;
  bool check_config = false;
  bool channelz = true;
  int max_request_kib = 4096;
  int max_calls = 10'000;
  int max_listings = 64;
  int max_mails = 64;
  int max_watches = 1'000;
  int max_replicas = 1'000;
  int max_snapshots = 4;
  int snapshot_hold_minutes = 10;
  int drain_timeout_seconds = 20;
  StoreOptions store;
};

// How reading the command line ended.
struct ParsedOptions {
  ServeOptions serve;
  // Set: print nothing more and exit with `exit_code` (help, version, or a mistake that was explained on stderr).
  bool exit_now = false;
  int exit_code = 0;
};

// Reads the command line and the environment.
ParsedOptions ParseOptions(int argc, char** argv);

// Checks what goes beyond single values: addresses, plaintext on non-local addresses, files. INVALID_ARGUMENT with one
// clear sentence.
absl::Status ValidateOptions(const ServeOptions& options);

// The octal mode of --socket_mode, checked by ValidateOptions.
int SocketMode(const ServeOptions& options);

}  // namespace suppression
