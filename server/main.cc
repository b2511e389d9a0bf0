// The daemon. It only wires: options in, server up.
#include "server/app.h"
#include "server/options.h"
#include "server/sidecar/sidecar_app.h"

int main(int argc, char** argv) {
  const suppression::ParsedOptions parsed = suppression::ParseOptions(argc, argv);
  if (parsed.exit_now) return parsed.exit_code;
  return parsed.is_sidecar ? suppression::RunSidecar(parsed.sidecar) : suppression::Serve(parsed.serve);
}
