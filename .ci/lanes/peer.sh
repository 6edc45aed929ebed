# What the lanes have in common. Each lane sources this, starts one real peer on loopback and runs contract specs against it;
# it is called as `bash .ci/lanes/<name>.sh REPORT`, writes a jest report there and fails when its peer cannot be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ $# -eq 1 ] || { echo "usage: $0 REPORT" >&2; exit 2; }
case "$1" in /*) report="$1" ;; *) report="$PWD/$1" ;; esac
work="$(mktemp -d)"
peer=''

# Ends the peer and everything that it wrote, however the lane ends.
end() {
  if [ -n "$peer" ]; then
    kill "$peer" 2>/dev/null || true
    for _ in $(seq 50); do kill -0 "$peer" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$peer" 2>/dev/null || true
    wait "$peer" 2>/dev/null || true
  fi
  # Go leaves its module folders read-only.
  chmod -R u+w "$work" 2>/dev/null || true
  rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Prints a loopback port that is free now.
free_port() {
  node -e 'const server = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(server.address().port); server.close(); });'
}

# install PACKAGE: one of Debian's packages.
install() {
  local as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo -n)
  if ! { "${as_root[@]}" apt-get update -qq && DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$1"; } >"$work/install.log" 2>&1; then
    cat "$work/install.log" >&2
    return 1
  fi
}

# have COMMAND PACKAGE: the command is there, or Debian's package brings it.
have() {
  command -v "$1" >/dev/null || install "$2"
}

# start COMMAND...: runs the peer in the background, its output kept for the case that it does not come up.
start() {
  "$@" >"$work/peer.log" 2>&1 </dev/null &
  peer=$!
}

# ready SECONDS COMMAND...: waits until the command succeeds; fails when the peer has ended or the time is over.
ready() {
  local until=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    if ! kill -0 "$peer" 2>/dev/null || [ "$SECONDS" -ge "$until" ]; then
      echo "the peer of this lane did not come up:" >&2
      tail -n 50 "$work/peer.log" >&2
      return 1
    fi
    sleep 0.2
  done
}

# specs PATTERN...: runs them into the report.
specs() {
  npm test -- "$@" --json --outputFile="$report" --silent
}
