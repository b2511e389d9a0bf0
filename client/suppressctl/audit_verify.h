// suppressctl audit verify.
#pragma once

#include <CLI/CLI.hpp>

#include "client/suppressctl/session.h"

namespace suppressd::suppressctl {

// Puts it on the command "audit"; see commands.h.
void AddAuditVerify(CLI::App& audit, Session& session, int* exit_code);

}  // namespace suppressd::suppressctl
