#include "server/app/options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/app/listen_address.h"
#include "server/base/log.h"
#include "server/replication/replication.h"
#include "server/rpc/field_checks.h"
#include "storage/backup_directory.h"

namespace suppressd {
namespace {

constexpr char kVersion[] = SUPPRESSD_VERSION;
constexpr char kServeAddress[] = "127.0.0.1:7025";
constexpr char kSidecarAddress[] = "unix:/run/suppressd/suppressd.sock";
// A sidecar shares its machine with the sender it serves.
constexpr int kSidecarCacheMib = 64;
constexpr int64_t kSidecarChangeLogRevisions = 100'000;
constexpr int kSidecarMinFreeMib = 64;

// One row: option, its environment name by rule, its meaning.
template <typename T>
CLI::Option* Row(CLI::App* app, const std::string& name, T& value, const std::string& doc) {
  return app->add_option("--" + name, value, doc)
      ->envname("SUPPRESSD_" + absl::AsciiStrToUpper(name))
      ->capture_default_str();
}

CLI::Option* FlagRow(CLI::App* app, const std::string& name, bool& value, const std::string& doc) {
  return app->add_flag("--" + name + "{true}", value, doc)
      ->envname("SUPPRESSD_" + absl::AsciiStrToUpper(name))
      ->capture_default_str();
}

void AddServerOptions(CLI::App* command, const std::string& default_address, ServerOptions* options) {
  Row(command, "listen_address", options->listen_addresses,
      "Where to listen: HOST:PORT (port 0: any free one) or unix:PATH; repeat for several. Default " + default_address)
      ->expected(1, 16);
  Row(command, "data_dir", options->data_dir, "The data directory; made when missing")->required();
  Row(command, "policy_file", options->policy_file,
      "Policy file (docs/policy.md), read again on SIGHUP. Default: built in");
  Row(command, "rules_file", options->rules_file,
      "File of rules above the built-in ones (docs/rules.md), read again on SIGHUP. Default: none");
  Row(command, "port_file", options->port_file, "Write the bound addresses into this file, one a line, once serving");
  Row(command, "management_address", options->management_address,
      "HOST:PORT of /metrics, /livez, /readyz and /statusz, plain HTTP for whoever can reach it; for instance "
      "127.0.0.1:7026. Default: none");
  Row(command, "socket_mode", options->socket_mode, "Mode of Unix sockets, octal");
  Row(command, "socket_group", options->socket_group, "Group of Unix sockets, by name or number. Default: unchanged");
  Row(command, "log_level", options->log_level, "Lowest level logged")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  Row(command, "log_key_file", options->log_key_file,
      "File with the key of address hashes in the log (docs/operating.md), 32 to 1024 bytes, read at the start. "
      "Default: a key made at the start");
  FlagRow(command, "insecure", options->insecure, "Allow plaintext on addresses that others can reach");
  Row(command, "tls_cert_file", options->tls_cert_file,
      "PEM file of the server's certificate, and those between it and a trusted one. With it every HOST:PORT of "
      "--listen_address speaks TLS only; a Unix socket never does. Read again when it changes. Default: no TLS");
  Row(command, "tls_key_file", options->tls_key_file, "PEM file of the key of --tls_cert_file, not encrypted");
  Row(command, "tls_client_ca_file", options->tls_client_ca_file,
      "PEM file of the certificates that may have signed clients' certificates (mTLS). Default: clients are not asked");
  Row(command, "tls_client_certs", options->tls_client_certs,
      "With --tls_client_ca_file: require (no connection without a certificate) or optional (a token will do)")
      ->check(CLI::IsMember({"require", "optional"}));
  Row(command, "access_file", options->access_file,
      "Who may do what (docs/access.md): YAML, read again on SIGHUP and when it changes. With it every call needs an "
      "identity and a role. Default: everyone who can connect may do everything");
  Row(command, "token_file", options->token_file,
      "Bearer tokens that the access file names: lines of NAME and SHA-256, not readable by everyone; read again as "
      "the "
      "access file is");
  Row(command, "jwks_file", options->jwks_file,
      "Public keys of JSON Web Tokens (JWKS), read again as the access file is; needs the next two");
  Row(command, "jwt_issuer", options->jwt_issuer, "What JSON Web Tokens must name as issuer (iss)");
  Row(command, "jwt_audience", options->jwt_audience, "What JSON Web Tokens must name as audience (aud)");
  Row(command, "quota_file", options->quota_file,
      "How much each tenant may ask in a second (docs/access.md): YAML, read again as the access file is. Default: as "
      "much as it likes");
  FlagRow(command, "channelz", options->channelz, "Serve channelz (--channelz=false: do not)");
  FlagRow(command, "check_config", options->check_config, "Check options, policy, rules and log key file, then exit");
  Row(command, "max_request_kib", options->max_request_kib, "Largest request")->check(CLI::Range(64, 16'384));
  Row(command, "max_calls", options->max_calls, "Most checks in flight, and half as many writes")
      ->check(CLI::Range(1, 1'000'000));
  Row(command, "max_batches", options->max_batches, "Most batches of more than 64 addresses in flight")
      ->check(CLI::Range(1, 10'000));
  Row(command, "max_listings", options->max_listings, "Most listings and details in flight")
      ->check(CLI::Range(1, 10'000));
  Row(command, "max_mails", options->max_mails,
      "Maximum number of bounce messages and webhook payloads processed at once")
      ->check(CLI::Range(1, 10'000));
  Row(command, "max_watches", options->max_watches, "Most watches")->check(CLI::Range(1, 100'000));
  Row(command, "max_connections", options->max_connections, "Maximum number of TCP connections")
      ->check(CLI::Range(1, 50'000));
  Row(command, "max_connections_per_peer", options->max_connections_per_peer,
      "Maximum number of TCP connections from one IPv4 address or IPv6 /64")
      ->check(CLI::Range(1, 50'000));
  Row(command, "max_calls_per_connection", options->max_calls_per_connection,
      "Maximum number of calls and streams at once on one connection; clients queue the next ones")
      ->check(CLI::Range(10, 100'000));
  Row(command, "drain_timeout_seconds", options->drain_timeout_seconds,
      "Longest wait for calls in flight, and for reports to be delivered, on SIGTERM")
      ->check(CLI::Range(0, 3'600));
  Row(command, "min_free_disk_mib", options->min_free_disk_mib,
      "Refuse writes while less than this is free where the data directory lies; 0: never for that reason")
      ->check(CLI::Range(0, 1'048'576));
  StoreOptions& store = options->store;
  Row(command, "block_cache_mib", store.block_cache_mib, "Cache of data blocks")->check(CLI::Range(8, 1'048'576));
  Row(command, "change_log_max_revisions", store.change_log_max_revisions, "Most revisions kept in the change log")
      ->check(CLI::Range(int64_t{1'000}, int64_t{1'000'000'000}));
  Row(command, "change_log_max_age_days", store.change_log_max_age_days,
      "Longest time revisions are kept in the change log")
      ->check(CLI::Range(1, 3'650));
}

void AddBackupOptions(CLI::App* serve, ServeOptions* options) {
  Row(serve, "backup_dir", options->backup_dir,
      "Directory for backups (docs/operating.md); made when missing. Best on another disk. Default: no backups");
  Row(serve, "backup_interval_hours", options->backup_interval_hours,
      "How often a backup is made; 0: only when suppressctl backup asks for one")
      ->check(CLI::Range(0, 8'760));
  Row(serve, "backup_keep_count", options->backup_keep_count, "Most backups kept; the newest is always kept")
      ->check(CLI::Range(1, kBackupsMax));
  Row(serve, "backup_keep_days", options->backup_keep_days, "How long backups are kept; the newest is always kept")
      ->check(CLI::Range(1, 3'650));
}

void AddServeOptions(CLI::App* serve, ServeOptions* options) {
  AddServerOptions(serve, kServeAddress, options);
  Row(serve, "max_replicas", options->max_replicas, "Most replicas that follow this server")
      ->check(CLI::Range(1, 10'000));
  Row(serve, "max_snapshots", options->max_snapshots, "Most snapshots for replicas at once")->check(CLI::Range(1, 100));
  Row(serve, "snapshot_hold_minutes", options->snapshot_hold_minutes,
      "How long a snapshot, and the changes after it, are kept for a replica that is not heard of")
      ->check(CLI::Range(1, 360));
  Row(serve, "accept_clock", options->accept_clock,
      "Today's date in UTC, as YYYY-MM-DD: the machine's clock is right although the newest record is far from it. "
      "Times "
      "later than now are moved back to now. Has no effect on any other day");
  StoreOptions& store = options->store;
  Row(serve, "bounce_retention_days", store.bounce_retention_days, "How long bounce events are kept")
      ->check(CLI::Range(1, 36'500));
  Row(serve, "request_window_days", store.request_window_days, "How long request and event ids are remembered")
      ->check(CLI::Range(7, 3'650));
  AddBackupOptions(serve, options);
}

// Not from the environment: that of a server must not say where a restore goes.
void AddFrom(CLI::App* command, RestoreOptions* options) {
  command->add_option("--from", options->from, "The directory of backups (--backup_dir of the server)")->required();
}

void AddRestoreOptions(CLI::App* restore, RestoreOptions* options) {
  AddFrom(restore, options);
  restore->add_option("--data_dir", options->data_dir, "The data directory to make; missing or empty")->required();
  restore->add_option("--backup_id", options->backup_id, "Which backup, as `suppressd backups` lists them")
      ->check(CLI::Range(uint32_t{1}, std::numeric_limits<uint32_t>::max()))
      ->default_str("the newest");
}

void AddSidecarOptions(CLI::App* sidecar, SidecarOptions* options) {
  options->store.block_cache_mib = kSidecarCacheMib;
  options->store.change_log_max_revisions = kSidecarChangeLogRevisions;
  options->min_free_disk_mib = kSidecarMinFreeMib;
  AddServerOptions(sidecar, kSidecarAddress, options);
  Row(sidecar, "upstream", options->upstream, "The server that holds the list: HOST:PORT or unix:PATH")->required();
  FlagRow(sidecar, "upstream_tls", options->upstream_tls,
          "Reach the server by TLS. On when one of the options of its files or name is given");
  Row(sidecar, "upstream_ca_file", options->upstream_ca_file,
      "PEM file of the certificates to trust of the server. Read again when it changes, as the next three are. "
      "Default: "
      "what the system trusts");
  Row(sidecar, "upstream_cert_file", options->upstream_cert_file,
      "PEM file of the sidecar's own certificate. Default: none");
  Row(sidecar, "upstream_key_file", options->upstream_key_file, "PEM file of its key, not encrypted");
  Row(sidecar, "upstream_server_name", options->upstream_server_name,
      "The name that the server's certificate must carry. Default: the host of --upstream");
  Row(sidecar, "upstream_token_file", options->upstream_token_file,
      "File of a bearer token that goes with every call to the server. Default: none");
  Row(sidecar, "replica_id", options->replica_id,
      "Name of this replica among those of the server: 1 to 128 of A-Z a-z 0-9 . _ - : /. Default: the host's name");
  Row(sidecar, "tenants", options->tenants, "Only these lists; repeat for several. Default: all")->expected(0, 100);
  Row(sidecar, "on_empty", options->on_empty_name,
      "Without a replica: wait (serve once there is one), fail (end when there is none in time), unknown (serve at "
      "once, and answer that nothing is known)")
      ->check(CLI::IsMember({"wait", "fail", "unknown"}));
  Row(sidecar, "on_empty_timeout_seconds", options->on_empty_timeout_seconds, "How long --on_empty fail waits")
      ->check(CLI::Range(1, 86'400));
  Row(sidecar, "forward_timeout_millis", options->forward_timeout_millis,
      "How long the server is given to take a report before the report goes into the outbox")
      ->check(CLI::Range(10, 60'000));
  Row(sidecar, "outbox_max_reports", options->outbox_max_reports, "Most reports that wait for the server")
      ->check(CLI::Range(1, 10'000'000));
  Row(sidecar, "outbox_max_mib", options->outbox_max_mib, "Most room for reports that wait for the server")
      ->check(CLI::Range(1, 1'048'576));
}

OnEmpty OnEmptyOf(const std::string& name) {
  return name == "fail" ? OnEmpty::kFail : name == "unknown" ? OnEmpty::kUnknown : OnEmpty::kWait;
}

std::string HostName() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0) return "";
  return name;
}

absl::Status ValidateTls(const ServerOptions& options) {
  if (!ServesTls(options)) return absl::OkStatus();
  const bool anyone = options.tls_client_ca_file.empty() && options.access_file.empty() && !options.insecure;
  for (const std::string& text : options.listen_addresses) {
    if (!anyone || ParseListenAddress(text)->local) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("listen_address ", text,
                     " can be reached by others, and anyone among them could do everything; give --tls_client_ca_file "
                     "or --access_file, or say --insecure"));
  }
  if (options.tls_cert_file.empty() || options.tls_key_file.empty()) {
    return absl::InvalidArgumentError("TLS needs both tls_cert_file and tls_key_file");
  }
  return absl::OkStatus();
}

// Whether one directory is the other, or lies in it, by their names.
bool LiesIn(const std::string& inner, const std::string& outer) {
  std::error_code error;
  const std::filesystem::path from = std::filesystem::weakly_canonical(outer, error);
  const std::filesystem::path rest = std::filesystem::weakly_canonical(inner, error).lexically_relative(from);
  return !error && !rest.empty() && *rest.begin() != "..";
}

absl::Status ValidateBackups(const ServeOptions& options) {
  if (options.backup_dir.empty()) return absl::OkStatus();
  if (LiesIn(options.backup_dir, options.data_dir) || LiesIn(options.data_dir, options.backup_dir)) {
    return absl::InvalidArgumentError(absl::StrCat("backup_dir ", options.backup_dir, " and data_dir ",
                                                   options.data_dir, " must not lie in each other"));
  }
  const absl::Status ours = BackupDirectory::Check(options.backup_dir);
  return ours.ok() ? ours : WrongOption("backup_dir", ours);
}

void FillIn(const std::string& default_address, ServerOptions* options) {
  if (options->listen_addresses.empty()) options->listen_addresses = {default_address};
  options->store.path = options->data_dir;
}

}  // namespace

ParsedOptions ParseOptions(int argc, char** argv) {
  ParsedOptions parsed;
  CLI::App app("suppressd: one suppression list for everything that sends mail", "suppressd");
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  CLI::App* serve = app.add_subcommand("serve", "Serve the suppression list from a data directory");
  AddServeOptions(serve, &parsed.serve);
  CLI::App* sidecar = app.add_subcommand("sidecar", "Answer beside a sender, from a replica of the list");
  AddSidecarOptions(sidecar, &parsed.sidecar);
  CLI::App* restore = app.add_subcommand("restore", "Restore a backup into a new data directory");
  AddRestoreOptions(restore, &parsed.restore);
  CLI::App* backups = app.add_subcommand("backups", "List the backups of a directory");
  AddFrom(backups, &parsed.restore);
  try {  // CLI11 reports by exception; this is the one place that meets them
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    parsed.exit_now = true;
    if (error.get_exit_code() == 0) {
      parsed.exit_code = app.exit(error);
    } else {
      PrintError(absl::StrCat(error.what(), " (see suppressd --help, suppressd serve --help)"));
      parsed.exit_code = 2;
    }
  }
  if (sidecar->parsed()) parsed.subcommand = Subcommand::kSidecar;
  if (restore->parsed()) parsed.subcommand = Subcommand::kRestore;
  if (backups->parsed()) parsed.subcommand = Subcommand::kBackups;
  FillIn(kServeAddress, &parsed.serve);
  FillIn(kSidecarAddress, &parsed.sidecar);
  if (parsed.sidecar.replica_id.empty()) parsed.sidecar.replica_id = HostName();
  parsed.sidecar.on_empty = OnEmptyOf(parsed.sidecar.on_empty_name);
  return parsed;
}

bool ServesTls(const ServerOptions& options) {
  return !options.tls_cert_file.empty() || !options.tls_key_file.empty() || !options.tls_client_ca_file.empty();
}

bool UpstreamSpeaksTls(const SidecarOptions& options) {
  return options.upstream_tls || !options.upstream_ca_file.empty() || !options.upstream_cert_file.empty() ||
         !options.upstream_key_file.empty() || !options.upstream_server_name.empty();
}

absl::Status WrongOption(absl::string_view option, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat(option, ": ", status.message()));
}

absl::Status ValidateOptions(const ServerOptions& options) {
  for (const std::string& text : options.listen_addresses) {
    const absl::StatusOr<ListenAddress> address = ParseListenAddress(text);
    if (!address.ok()) return address.status();
    if (!address->local && !options.insecure && !ServesTls(options)) {
      return absl::InvalidArgumentError(
          absl::StrCat("listen_address ", text,
                       " can be reached by others and there is no TLS; give --tls_cert_file and --tls_key_file, use a "
                       "loopback address or a Unix socket, or say --insecure"));
    }
  }
  if (absl::Status status = ValidateTls(options); !status.ok()) return status;
  const std::string& mode = options.socket_mode;
  if (mode.empty() || mode.size() > 4 || mode.find_first_not_of("01234567") != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("socket_mode ", mode, " is not an octal mode such as 0660"));
  }
  if (!options.socket_group.empty()) return FindGroup(options.socket_group).status();
  return absl::OkStatus();
}

absl::Status ValidateOptions(const ServeOptions& options) {
  if (absl::Status status = ValidateOptions(static_cast<const ServerOptions&>(options)); !status.ok()) return status;
  absl::Time day;
  std::string error;
  if (!options.accept_clock.empty() && !absl::ParseTime("%Y-%m-%d", options.accept_clock, &day, &error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("accept_clock ", options.accept_clock, " is no date; say today's as YYYY-MM-DD"));
  }
  return ValidateBackups(options);
}

absl::Status ValidateOptions(const SidecarOptions& options) {
  if (absl::Status status = ValidateOptions(static_cast<const ServerOptions&>(options)); !status.ok()) return status;
  const absl::StatusOr<ListenAddress> upstream = ParseListenAddress(options.upstream);
  if (!upstream.ok() || absl::EndsWith(options.upstream, ":0")) {
    return absl::InvalidArgumentError(absl::StrCat("upstream ", options.upstream, ": want HOST:PORT or unix:PATH"));
  }
  if (!upstream->local && !options.insecure && !UpstreamSpeaksTls(options)) {
    return absl::InvalidArgumentError(
        absl::StrCat("upstream ", options.upstream,
                     " is on another machine and there is no TLS; give --upstream_tls or --upstream_ca_file, or say "
                     "--insecure where the network encrypts"));
  }
  if (UpstreamSpeaksTls(options) && !upstream->socket_path.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("upstream ", options.upstream, " is a Unix socket, which never speaks TLS"));
  }
  if (absl::StatusOr<ReplicaName> name = ReplicaNameOf(options.replica_id, kVersion); !name.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("replica_id ", options.replica_id, ": ", name.status().message()));
  }
  for (const std::string& tenant : options.tenants) {
    if (absl::StatusOr<std::string> name = TenantOf(tenant); !name.ok()) return name.status();
  }
  return absl::OkStatus();
}

int SocketMode(const ServerOptions& options) {
  return std::stoi(options.socket_mode, nullptr, 8);
}

}  // namespace suppressd
