// The daemon. It only wires: options in, server up.
#include "server/app/app.h"
#include "server/app/options.h"
#include "server/app/sidecar_app.h"

int main(int argc, char** argv) {
  const suppressd::ParsedOptions parsed = suppressd::ParseOptions(argc, argv);
  if (parsed.exit_now) return parsed.exit_code;
  return parsed.is_sidecar ? suppressd::RunSidecar(parsed.sidecar) : suppressd::Serve(parsed.serve);
}
