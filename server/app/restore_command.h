// `suppressd restore` and `suppressd backups`: what is done with backups while no server runs, or beside one.
#pragma once

#include "server/app/options.h"

namespace suppressd {

// Restores a backup into a new data directory and prints what it holds, one "name value" a line. Returns the exit code:
// 0, or 1 with one line on stderr that says why nothing was restored.
int RunRestore(const RestoreOptions& options);

// Prints the complete backups of a directory, the newest first, one a line below a line of names. Returns the exit
// code: 0, also where there is none, or 1 with one line on stderr.
int RunListBackups(const RestoreOptions& options);

}  // namespace suppressd
