#!/usr/bin/env bash
# Installs, configures, runs, upgrades and purges the Debian package in a clean Debian 12 with systemd, as root.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail "run as root: it makes a root of its own with debootstrap"
command -v systemd-nspawn >/dev/null || fail "needs systemd-nspawn: apt-get install systemd-container"
package=$(ls target/packages/*.deb) || fail "no package: run make package"
root=$(mktemp -d)
# The / of a machine, which its users have to see.
chmod 0755 "$root"
nspawn=
halt() {
  [ -n "$nspawn" ] || return 0
  # Of its init: an orderly shutdown.
  kill -RTMIN+4 "$leader" 2>/dev/null || true
  wait "$nspawn" || true
  nspawn=
}
trap 'halt; rm -rf "$root"' EXIT
# What a package may leave: its manager's records, and what is gone after a restart.
files() {
  (cd "$root" && find . -xdev \( -type f -o -type l \) ! -path './proc/*' ! -path './run/*' ! -path './var/lib/dpkg/*' \
    ! -path './var/log/*' ! -path './var/cache/*' ! -path './var/lib/systemd/*' | sort)
}
# Waits until a command succeeds: await WHAT COMMAND…
await() {
  local what=$1 end=$((SECONDS + 60))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || { tail -n 40 "$root.console" >&2; fail "$what"; }
    sleep 0.2
  done
}
# Boots the root as a machine with a network of its own.
boot() {
  systemd-nspawn --quiet --directory "$root" --register=no --keep-unit --private-network --boot </dev/null >"$root.console" 2>&1 &
  nspawn=$!
  await "it does not boot" is_booted
}
# Its first child is not yet the init.
is_booted() { leader=$(pgrep --parent "$nspawn") && running systemctl is-active --quiet multi-user.target 2>/dev/null; }
# Runs a command in the machine.
running() {
  nsenter --target "$leader" --mount --uts --ipc --net --pid --root --wd=/ env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"
}
# With the curl of this machine.
metrics() { nsenter --target "$leader" --net curl --silent --fail http://127.0.0.1:9884/metrics; }
has_source() { local text && text=$(metrics) && [[ $text == *"platform_source_up{source=\"$1\""* ]]; }
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }

echo "==> A clean Debian 12"
debootstrap --variant=minbase --include=systemd-sysv,dbus,procps bookworm "$root" >"$root.log" 2>&1 || { tail "$root.log"; fail debootstrap; }
rm -f "$root.log"
# What a first boot leaves is not the package's.
boot
halt
before=$(files)

echo "==> Install"
boot
cp "$package" "$root/package.deb"
running dpkg -i /package.deb
grep -q '"bomFormat": "CycloneDX"' "$root/usr/share/doc/platform-exporter/platform_exporter.cdx.json" || fail "no SBOM"
running platform_exporter --version
! running systemctl is-enabled --quiet platform_exporter || fail "it is enabled before it is configured"

echo "==> Configure with two lines, and start"
started=$SECONDS
cat >"$root/etc/platform_exporter/platform.yml" <<'YAML'
sources:
  website: {http: {url: "http://127.0.0.1:1/"}}
YAML
running platform_exporter check --config.file /etc/platform_exporter/platform.yml
running systemd-analyze verify --man=no --recursive-errors=no /lib/systemd/system/platform_exporter.service
if [ "$(ulimit -Hn)" != unlimited ] && [ "$(ulimit -Hn)" -lt 65536 ]; then
  # This machine allows less than the unit asks for.
  mkdir "$root/etc/systemd/system/platform_exporter.service.d"
  printf '[Service]\nLimitNOFILE=%s\n' "$(ulimit -Hn)" >"$root/etc/systemd/system/platform_exporter.service.d/limit.conf"
  running systemctl daemon-reload
fi
running systemctl enable --now platform_exporter
await "it is not scraped" has_source website
echo "scraped after $((SECONDS - started)) s"

echo "==> What it may do"
pid=$(running systemctl show --property MainPID --value platform_exporter)
status=$(running cat "/proc/$pid/status")
for expected in $'CapEff:\t0000000000000000' $'NoNewPrivs:\t1' $'Seccomp:\t2'; do
  [[ $status == *"$expected"* ]] || fail "expected $expected:"$'\n'"$status"
done
[[ $status != *$'Uid:\t0\t'* ]] || fail "it runs as root"
running systemd-analyze security --no-pager --threshold=15 platform_exporter.service | tail -n 1

echo "==> Reload"
echo '  added: {http: {url: "http://127.0.0.1:2/"}}' >>"$root/etc/platform_exporter/platform.yml"
running systemctl reload platform_exporter
await "the source that was added is not there" has_source added

echo "==> Upgrade: it is restarted, and the configuration is kept"
running dpkg -i --force-confdef --force-confold /package.deb
await "it does not run after the upgrade" has_source added
[ "$(running systemctl show --property MainPID --value platform_exporter)" != "$pid" ] || fail "it was not restarted"
running systemctl is-enabled --quiet platform_exporter || fail "it is no longer enabled"

echo "==> Purge"
running dpkg --purge platform-exporter
[ "$(running systemctl is-active platform_exporter)" = inactive ] || fail "it still runs"
halt
rm -rf "$root/package.deb" "$root/etc/systemd/system/platform_exporter.service.d"
diff <(echo "$before") <(files) || fail "it leaves files"
echo "==> Installed, configured, run, upgraded and purged without a trace in $SECONDS s"
