#!/usr/bin/env bash
# Builds the Debian package of the release binary, with the unit, completions, rules and dashboards, in target/packages.
#
#   scripts/package.sh              PROFILE=dev packages a binary of the development profile, for a try
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${PROFILE:-release}
built=${CARGO_TARGET_DIR:-target}/${profile/dev/debug}
# What is in the package besides files of the repository. Cargo.toml names it.
files=target/package-files
rm -rf "$files"
mkdir -p "$files" target/packages

cargo deb --version >/dev/null 2>&1 || cargo install --locked cargo-deb
cargo build --locked --profile "$profile" --bin platform_exporter
install -m 755 "$built/platform_exporter" "$files/"
# A package owns /usr/bin; /usr/local is the administrator's.
sed -e '/^#   /d' -e 's|/usr/local/bin/|/usr/bin/|' -e 's|^ExecStart=|EnvironmentFile=-/etc/default/platform_exporter\n&|' \
  examples/systemd/platform_exporter.service >"$files/platform_exporter.service"
for shell in bash zsh fish; do
  "$files/platform_exporter" completions "$shell" >"$files/$shell"
done
"$files/platform_exporter" man "$files/man"
cargo deb --no-build --output target/packages
cd target/packages
sha256sum -- *.deb >SHA256SUMS
ls -l
