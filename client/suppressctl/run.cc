#include <algorithm>
#include <map>

#include "client/suppressctl/commands.h"
#include "client/suppressctl/report_run.h"
#include "client/suppressctl/text.h"

#ifndef SUPPRESSCTL_VERSION
#define SUPPRESSCTL_VERSION "unknown"
#endif

namespace suppressd::suppressctl {
namespace {

constexpr char kFooter[] =
    "Exit codes: 0 done (check: nothing suppressed); 1 check: something suppressed, details: nothing known,\n"
    "status: not serving, verify: they differ, audit verify: the trail is not whole; 2 bad usage, refused, or not\n"
    "reachable.\n"
    "Each global option can come from the environment: --target is SUPPRESSCTL_TARGET, --tls_ca is\n"
    "SUPPRESSCTL_TLS_CA. Without either, the target is SUPPRESSION_TARGET, else\n"
    "unix:/run/suppressd/suppressd.sock. Times are RFC 3339.";

// --some_name = SUPPRESSCTL_SOME_NAME.
CLI::Option* WithEnvironment(CLI::Option* option) {
  std::string name = "SUPPRESSCTL_" + option->get_lnames().front();
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
  return option->envname(name);
}

void AddGlobalOptions(CLI::App& app, GlobalOptions& options) {
  const std::map<std::string, Format> formats = {
      {"table", Format::kTable}, {"json", Format::kJson}, {"jsonl", Format::kJsonl}, {"tsv", Format::kTsv}};
  WithEnvironment(app.add_option("--target", options.target, "Where suppressd listens: unix:/path or host:port"));
  WithEnvironment(app.add_option("--tenant", options.tenant, "The list to use [default: the service's \"default\"]"));
  WithEnvironment(app.add_option("--timeout", options.timeout, "How long a call may take in all, 1ms to 1h")
                      ->capture_default_str());
  WithEnvironment(
      app.add_option("-o,--output", options.format,
                     "table, json (one object; watch and classify: one a line), jsonl (one a line: audit, replicas, "
                     "watch, classify), or tsv (classify only)")
          ->transform(CLI::CheckedTransformer(formats, CLI::ignore_case))
          ->default_str("table"));
  WithEnvironment(app.add_flag("--tls", options.tls, "Use TLS with the system's certificates"));
  WithEnvironment(app.add_option("--tls_ca", options.tls_ca, "Use TLS; PEM file of the certificates to trust"));
  WithEnvironment(app.add_option("--tls_cert", options.tls_cert, "PEM file of our certificate; needs --tls_key"));
  WithEnvironment(app.add_option("--tls_key", options.tls_key, "PEM file of our key; needs --tls_cert"));
  WithEnvironment(app.add_option("--tls_server_name", options.tls_server_name,
                                 "Name the server's certificate carries [default: the host]"));
  WithEnvironment(app.add_option("--token_file", options.token_file, "File of the bearer token that says who we are"));
  WithEnvironment(app.add_flag("--insecure", options.insecure, "Plaintext to a host that is not this one"));
}

}  // namespace

int Run(const std::vector<std::string>& arguments, Session& session) {
  int exit_code = kDone;
  CLI::App app("suppressctl: ask and administer the suppression list of suppressd", "suppressctl");
  app.set_version_flag("--version", "suppressctl " SUPPRESSCTL_VERSION);
  app.set_help_all_flag("--help_all", "Help for every command");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();
  AddGlobalOptions(app, session.options());
  AddCheck(app, session, &exit_code);
  AddReport(app, session, &exit_code);
  AddList(app, session, &exit_code);
  AddDetails(app, session, &exit_code);
  AddReactivate(app, session, &exit_code);
  AddSuppress(app, session, &exit_code);
  AddWatch(app, session, &exit_code);
  AddStatus(app, session, &exit_code);
  AddReplicas(app, session, &exit_code);
  AddVerify(app, session, &exit_code);
  AddBackups(app, session, &exit_code);
  AddClassify(app, session, &exit_code);
  AddReclassify(app, session, &exit_code);
  AddImport(app, session, &exit_code);
  AddExport(app, session, &exit_code);
  AddAccess(app, session, &exit_code);
  AddAudit(app, session, &exit_code);
  AddHash(app, session, &exit_code);
  AddExplain(app, session, &exit_code);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::Success& help_or_version) {
    return app.exit(help_or_version, session.out(), session.err());
  } catch (const CLI::ParseError& error) {
    // CLI11 has no other way to say it.
    session.err() << "suppressctl: usage: " << Escape(error.what()) << "; see suppressctl --help\n";
    const bool sysexits = std::find(arguments.begin(), arguments.end(), "--sysexits") != arguments.end();
    return sysexits ? static_cast<int>(kUsage) : static_cast<int>(kFailed);
  }
  return exit_code;
}

}  // namespace suppressd::suppressctl
