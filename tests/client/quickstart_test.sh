#!/bin/sh
# Installs the client package into a new prefix, builds client/quickstart against it, and runs that against a server.
#   quickstart_test.sh BUILD_DIR SOURCE_DIR SUPPRESSD
set -eu

build_dir=$1
source_dir=$2
suppressd=$3
work_dir=$(mktemp -d)
server_pid=

cleanup() {
  if [ -n "$server_pid" ]; then
    kill "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
  fi
  rm -rf "$work_dir"
}
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

fail() {
  echo "quickstart_test: $*" >&2
  exit 1
}

cmake --install "$build_dir" --prefix "$work_dir/prefix" --component client >"$work_dir/install.log" 2>&1 ||
  { cat "$work_dir/install.log"; fail "install"; }

# The promise of the headers: nothing of gRPC, nothing generated.
if grep -rnE '#include.*(grpc|\.pb\.h|google/protobuf|protos/|common/)' "$work_dir/prefix/include"; then
  fail "an installed header includes gRPC or generated code"
fi

# A copy, so that nothing of the source tree can be found by accident.
cp -R "$source_dir/client/quickstart" "$work_dir/quickstart"
cmake -G Ninja -S "$work_dir/quickstart" -B "$work_dir/build" -DCMAKE_PREFIX_PATH="$work_dir/prefix" \
  -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" >"$work_dir/configure.log" 2>&1 ||
  { cat "$work_dir/configure.log"; fail "configure"; }
cmake --build "$work_dir/build" >"$work_dir/build.log" 2>&1 || { cat "$work_dir/build.log"; fail "build"; }

port_file=$work_dir/port
"$suppressd" serve --data_dir "$work_dir/data" --listen_address 127.0.0.1:0 --port_file "$port_file" \
  >"$work_dir/server.log" 2>&1 &
server_pid=$!
# The server writes the file once it listens, or ends.
polls_left=1200
while ! [ -s "$port_file" ]; do
  kill -0 "$server_pid" 2>/dev/null || { cat "$work_dir/server.log"; fail "the server ended before it listened"; }
  polls_left=$((polls_left - 1))
  [ "$polls_left" -gt 0 ] || fail "the server does not listen after a minute"
  sleep 0.05
done
SUPPRESSION_TARGET=$(head -n 1 "$port_file")
export SUPPRESSION_TARGET

"$work_dir/build/quickstart" grace@example.com >"$work_dir/out" || { cat "$work_dir/server.log"; fail "quickstart failed"; }
cat >"$work_dir/expected" <<'END'
before: send
report: ADDRESS_NOT_FOUND
after: do not send
END
diff -u "$work_dir/expected" "$work_dir/out" || fail "quickstart said something else"
echo "quickstart_test: ok"
