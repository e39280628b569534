#!/usr/bin/env bash
# Installs, configures, upgrades and purges the Debian package in a clean Debian 12 root, as root.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail "run as root: it makes a root of its own with debootstrap"
package=$(ls target/packages/*.deb) || fail "no package: run make package"
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
# What a package may leave: its manager's records, and what is gone after a restart.
files() {
  (cd "$root" && find . -xdev \( -type f -o -type l \) ! -path './proc/*' ! -path './run/*' ! -path './var/lib/dpkg/*' \
    ! -path './var/log/*' ! -path './var/cache/*' | sort)
}
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }

echo "==> A clean Debian 12"
debootstrap --variant=minbase --include=systemd,procps bookworm "$root" >"$root.log" 2>&1 || { tail "$root.log"; fail debootstrap; }
rm -f "$root.log"
before=$(files)

echo "==> Install"
cp "$package" "$root/package.deb"
inside dpkg -i /package.deb
inside platform_exporter --version
[ ! -L "$root/etc/systemd/system/multi-user.target.wants/platform_exporter.service" ] ||
  fail "it is enabled before it is configured"

echo "==> Configure with two lines"
cat >"$root/etc/platform_exporter/platform.yml" <<'YAML'
sources:
  website: {http: {url: "http://127.0.0.1:1/"}}
YAML
inside platform_exporter check --config.file /etc/platform_exporter/platform.yml
inside systemd-analyze verify --man=no --recursive-errors=no platform_exporter.service
inside systemctl enable platform_exporter
# What the service has written, as its unit lays it out.
mkdir -p "$root/var/lib/private/platform_exporter"
ln -s private/platform_exporter "$root/var/lib/platform_exporter"
echo state >"$root/var/lib/private/platform_exporter/state.json"

echo "==> Upgrade: the configuration is kept"
inside dpkg -i --force-confdef --force-confold /package.deb
grep -q website "$root/etc/platform_exporter/platform.yml" || fail "the configuration was replaced"
[ -L "$root/etc/systemd/system/multi-user.target.wants/platform_exporter.service" ] || fail "it is no longer enabled"

echo "==> Purge"
inside dpkg --purge platform-exporter
rm "$root/package.deb"
diff <(echo "$before") <(files) || fail "it leaves files"
echo "==> Installed, configured, upgraded and purged without a trace"
