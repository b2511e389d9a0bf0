// The daemon. It only wires: options in, server up.
#include "server/app/app.h"
#include "server/app/options.h"
#include "server/app/restore_command.h"
#include "server/app/sidecar_app.h"

int main(int argc, char** argv) {
  const suppressd::ParsedOptions parsed = suppressd::ParseOptions(argc, argv);
  if (parsed.exit_now) return parsed.exit_code;
  switch (parsed.subcommand) {
    case suppressd::Subcommand::kServe:
      return suppressd::Serve(parsed.serve);
    case suppressd::Subcommand::kSidecar:
      return suppressd::RunSidecar(parsed.sidecar);
    case suppressd::Subcommand::kRestore:
      return suppressd::RunRestore(parsed.restore);
    case suppressd::Subcommand::kBackups:
      return suppressd::RunListBackups(parsed.restore);
  }
  return 2;
}
