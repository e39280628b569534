#!/usr/bin/env bash
# Installs, upgrades and erases the RPM in a root of its own, as root: its files, its configuration, and what its scripts
# have systemd do.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

[ "$(id -u)" = 0 ] || fail "run as root: rpm changes into a root of its own"
for tool in rpm rpmdb busybox; do
  command -v "$tool" >/dev/null || fail "needs $tool: apt-get install rpm busybox-static"
done
package=$(ls "$PWD"/${PACKAGES:-target/packages}/*.rpm) || fail "no package: run make package"
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
in_root() { rpm --root "$root" --nodeps "$@"; }
files() { (cd "$root" && find . \( -type f -o -type l \) ! -path './var/lib/rpm/*' ! -path './usr/lib/sysimage/*' ! -name systemctl.log | sort); }
# Compares what the scripts called since the last time: called WHEN LINE…
called() {
  local when=$1
  shift
  diff <(printf '%s\n' "$@") "$root/systemctl.log" || fail "$when, systemctl is called differently"
  : >"$root/systemctl.log"
}

# The scripts need a shell. This systemctl writes down its arguments.
mkdir -p "$root/bin" "$root/usr/bin"
cp "$(command -v busybox)" "$root/bin/sh"
printf '#!/bin/sh\necho "$*" >>/systemctl.log\n' >"$root/usr/bin/systemctl"
chmod 755 "$root/usr/bin/systemctl"
rpmdb --root "$root" --initdb
before=$(files)

echo "==> Install"
in_root -i "$package"
called "at the installation" daemon-reload
in_root --verify platform-exporter || fail "the files are not those of the package"
chroot "$root" /usr/bin/platform_exporter --version
grep -q '"bomFormat": "CycloneDX"' "$root/usr/share/doc/platform-exporter/platform_exporter.cdx.json" || fail "no SBOM"
grep -q '^DynamicUser=yes' "$root/usr/lib/systemd/system/platform_exporter.service" || fail "the unit lacks its user"
for page in platform_exporter platform_exporter-check; do
  [ -s "$root/usr/share/man/man1/$page.1.gz" ] || fail "no manual page $page"
done
[ "$(stat -c %a "$root/etc/default/platform_exporter")" = 640 ] || fail "everybody may read the environment"

echo "==> Upgrade: it is restarted, and the configuration is kept"
echo '# changed' >>"$root/etc/platform_exporter/platform.yml"
in_root -U --force "$package"
called "at the upgrade" daemon-reload daemon-reload "try-restart platform_exporter.service"
grep -q '# changed' "$root/etc/platform_exporter/platform.yml" || fail "the configuration is replaced"

echo "==> Erase: only the changed configuration is left"
in_root -e platform-exporter
called "at the end" "--no-reload disable --now platform_exporter.service" daemon-reload
diff <(printf '%s\n' "$before" ./etc/platform_exporter/platform.yml.rpmsave | sort) <(files) || fail "it leaves other files"
echo "==> Installed, upgraded and erased in $SECONDS s"
