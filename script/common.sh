# Sourced by the scripts beside it: strict mode, the top of the checkout as working directory, our tools on PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PATH="$PWD/.tools/bin:$PATH"

# A line for the person who started the script.
say() { printf '==> %s\n' "$*" >&2; }

# The end, with a reason.
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}
