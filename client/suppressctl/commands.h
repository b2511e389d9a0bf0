// The commands of suppressctl. Each Add function puts one command on `app` and returns nothing; when
// the command is the one that was given, its callback runs and leaves the exit code in `*exit_code`.
// `session` and `exit_code` must outlive the parse.
#pragma once

#include <CLI/CLI.hpp>

#include "client/suppressctl/session.h"

namespace suppressd::suppressctl {

void AddCheck(CLI::App& app, Session& session, int* exit_code);
void AddReport(CLI::App& app, Session& session, int* exit_code);
void AddList(CLI::App& app, Session& session, int* exit_code);
void AddDetails(CLI::App& app, Session& session, int* exit_code);
void AddReactivate(CLI::App& app, Session& session, int* exit_code);
void AddSuppress(CLI::App& app, Session& session, int* exit_code);
void AddWatch(CLI::App& app, Session& session, int* exit_code);
void AddStatus(CLI::App& app, Session& session, int* exit_code);
void AddReplicas(CLI::App& app, Session& session, int* exit_code);
void AddVerify(CLI::App& app, Session& session, int* exit_code);
void AddBackups(CLI::App& app, Session& session, int* exit_code);
void AddClassify(CLI::App& app, Session& session, int* exit_code);
void AddReclassify(CLI::App& app, Session& session, int* exit_code);
void AddImport(CLI::App& app, Session& session, int* exit_code);
void AddExport(CLI::App& app, Session& session, int* exit_code);
void AddAccess(CLI::App& app, Session& session, int* exit_code);
void AddAudit(CLI::App& app, Session& session, int* exit_code);
void AddHash(CLI::App& app, Session& session, int* exit_code);
void AddExplain(CLI::App& app, Session& session, int* exit_code);

// Parses a command line (without the program's name) and runs it. Returns the exit code. Blocks until
// the command is done; --help and --version print to the session's out().
int Run(const std::vector<std::string>& arguments, Session& session);

}  // namespace suppressd::suppressctl
