# Shared by the scripts that test a deployment.
# shellcheck shell=bash

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

step() { printf '==> %s (%s s)\n' "$*" "$SECONDS"; }

# Waits until a command succeeds: await SECONDS WHAT COMMAND…
await() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "$what"
    sleep 1
  done
}
