#include "server/options.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/listen_address.h"

namespace suppression {
namespace {

constexpr char kVersion[] = SUPPRESSD_VERSION;

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

void AddServeOptions(CLI::App* serve, ServeOptions* options) {
  Row(serve, "listen_address", options->listen_addresses,
      "Where to listen: HOST:PORT (port 0: any free one) or unix:PATH; repeat for several. Default 127.0.0.1:7025")
      ->expected(1, 16);
  Row(serve, "data_dir", options->data_dir, "The data directory; made when missing")->required();
  Row(serve, "policy_file", options->policy_file,
      "Policy file (docs/policy.md), read again on SIGHUP. Default: built in");
  Row(serve, "rules_file", options->rules_file,
      "File of rules above the built-in ones (docs/rules.md), read again on SIGHUP. Default: none");
  Row(serve, "port_file", options->port_file, "Write the bound addresses into this file, one a line, once serving");
  Row(serve, "socket_mode", options->socket_mode, "Mode of Unix sockets, octal");
  Row(serve, "socket_group", options->socket_group, "Group of Unix sockets. Default: unchanged");
  Row(serve, "log_level", options->log_level, "Lowest level logged")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  FlagRow(serve, "insecure", options->insecure, "Allow plaintext on addresses that others can reach");
  FlagRow(serve, "channelz", options->channelz, "Serve channelz (--channelz=false: do not)");
  FlagRow(serve, "check_config", options->check_config, "Check options, policy file and rules file, then exit");
  Row(serve, "max_request_kib", options->max_request_kib, "Largest request")->check(CLI::Range(64, 16'384));
  Row(serve, "max_calls", options->max_calls, "Most checks and writes in flight")->check(CLI::Range(1, 1'000'000));
  Row(serve, "max_listings", options->max_listings, "Most listings and details in flight")
      ->check(CLI::Range(1, 10'000));
  Row(serve, "max_mails", options->max_mails, "Most mails that came back and providers' payloads in flight")
      ->check(CLI::Range(1, 10'000));
  Row(serve, "max_watches", options->max_watches, "Most watches")->check(CLI::Range(1, 100'000));
  Row(serve, "max_replicas", options->max_replicas, "Most replicas that follow this server")
      ->check(CLI::Range(1, 10'000));
  Row(serve, "max_snapshots", options->max_snapshots, "Most snapshots for replicas at once")->check(CLI::Range(1, 100));
  Row(serve, "snapshot_hold_minutes", options->snapshot_hold_minutes,
      "How long a snapshot, and the changes after it, are kept for a replica that is not heard of")
      ->check(CLI::Range(1, 360));
  Row(serve, "drain_timeout_seconds", options->drain_timeout_seconds, "Longest wait for calls in flight on SIGTERM")
      ->check(CLI::Range(0, 3'600));
  StoreOptions& store = options->store;
  Row(serve, "block_cache_mib", store.block_cache_mib, "Cache of data blocks")->check(CLI::Range(8, 1'048'576));
  Row(serve, "change_log_max_revisions", store.change_log_max_revisions, "Most revisions kept in the change log")
      ->check(CLI::Range(int64_t{1'000}, int64_t{1'000'000'000}));
  Row(serve, "change_log_max_age_days", store.change_log_max_age_days,
      "Longest time revisions are kept in the change log")
      ->check(CLI::Range(1, 3'650));
  Row(serve, "bounce_retention_days", store.bounce_retention_days, "How long bounce events are kept")
      ->check(CLI::Range(1, 36'500));
  Row(serve, "request_window_days", store.request_window_days, "How long request and event ids are remembered")
      ->check(CLI::Range(7, 3'650));
}

}  // namespace

ParsedOptions ParseOptions(int argc, char** argv) {
  ParsedOptions parsed;
  CLI::App app("suppressd: one suppression list for everything that sends mail", "suppressd");
  app.set_version_flag("--version", std::string(kVersion));
  app.require_subcommand(1);
  CLI::App* serve = app.add_subcommand("serve", "Serve the suppression list from a data directory");
  AddServeOptions(serve, &parsed.serve);
  try {  // CLI11 reports by exception; this is the one place that meets them
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    parsed.exit_now = true;
    if (error.get_exit_code() == 0) {
      parsed.exit_code = app.exit(error);
    } else {
      std::cerr << "suppressd: " << error.what() << " (see suppressd serve --help)\n";
      parsed.exit_code = 2;
    }
  }
  if (parsed.serve.listen_addresses.empty()) parsed.serve.listen_addresses = {"127.0.0.1:7025"};
  parsed.serve.store.path = parsed.serve.data_dir;
  return parsed;
}

absl::Status ValidateOptions(const ServeOptions& options) {
  for (const std::string& text : options.listen_addresses) {
    const absl::StatusOr<ListenAddress> address = ParseListenAddress(text);
    if (!address.ok()) return address.status();
    if (!address->local && !options.insecure) {
      return absl::InvalidArgumentError(
          absl::StrCat("listen_address ", text,
                       " can be reached by others and there is no TLS; use a loopback address or a Unix "
                       "socket, or say --insecure"));
    }
  }
  const std::string& mode = options.socket_mode;
  if (mode.empty() || mode.size() > 4 || mode.find_first_not_of("01234567") != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("socket_mode ", mode, " is not an octal mode such as 0660"));
  }
  return absl::OkStatus();
}

int SocketMode(const ServeOptions& options) {
  return std::stoi(options.socket_mode, nullptr, 8);
}

}  // namespace suppression
