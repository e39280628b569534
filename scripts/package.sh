#!/usr/bin/env bash
# Builds the packages of the release binary, .deb and .rpm, with the unit, completions, manual pages, rules, dashboards and
# SBOM, in target/packages.
#
#   scripts/package.sh              PROFILE=dev packages a binary of the development profile, for a try
#   TARGET=aarch64-unknown-linux-gnu scripts/package.sh     cross-compiles, and runs the binary with qemu-user
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${PROFILE:-release}
host=$(rustc --print host-tuple)
target=${TARGET:-$host}
built=${CARGO_TARGET_DIR:-target}/$target/${profile/dev/debug}
# What is in the packages besides files of the repository. Cargo.toml names it.
files=target/package-files
rm -rf "$files" target/packages
mkdir -p "$files" target/packages
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

runner=
if [ "$target" != "$host" ]; then
  cross=${target/-unknown/} upper=${target^^}
  export "CARGO_TARGET_${upper//-/_}_LINKER=$cross-gcc"
  runner=qemu-${target%%-*}
fi
exporter() { $runner "$files/platform_exporter" "$@"; }

cargo deb --version >/dev/null 2>&1 || cargo install --locked cargo-deb
cargo generate-rpm --version >/dev/null 2>&1 || cargo install --locked cargo-generate-rpm
# As in the Dockerfile: static, so that the packages do not depend on the glibc of the machine that builds them.
RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=$PWD=. --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo" \
  cargo build --locked --profile "$profile" --bin platform_exporter --target "$target"
install -m 755 "$built/platform_exporter" "$files/"
if readelf --program-headers "$files/platform_exporter" | grep -q INTERP; then
  echo "$built/platform_exporter is not static" >&2
  exit 1
fi
# A package owns /usr/bin; /usr/local is the administrator's.
sed -e '/^#   /d' -e 's|/usr/local/bin/|/usr/bin/|' -e 's|^ExecStart=|EnvironmentFile=-/etc/default/platform_exporter\n&|' \
  examples/systemd/platform_exporter.service >"$files/platform_exporter.service"
for shell in bash zsh fish; do
  exporter completions "$shell" >"$files/$shell"
done
exporter man "$files/man"
scripts/sbom.sh "$files/platform_exporter.cdx.json"
cargo deb --no-build --target "$target" --output target/packages
# cargo-deb compresses its own.
mkdir "$files/man-gz"
for page in "$files"/man/*.1; do
  gzip -9n <"$page" >"$files/man-gz/${page##*/}.gz"
done
cargo generate-rpm --target "$target" --output target/packages
cd target/packages
sha256sum -- *.deb *.rpm >SHA256SUMS
ls -l
