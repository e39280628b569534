#!/usr/bin/env bash
# Writes the binary's SBOM as CycloneDX JSON, and fails if it does not list every crate built into the binary. With the same
# sources, lock file, TARGET and SOURCE_DATE_EPOCH, it is the same file.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${TARGET:-$(rustc --print host-tuple)}
out=${1:-target/platform_exporter.cdx.json}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH

# It writes one for each crate of the workspace.
trap 'rm -f sbom.json crates/*/sbom.json kinds/*/sbom.json' EXIT
cargo cyclonedx --version >/dev/null 2>&1 || cargo install --locked cargo-cyclonedx
cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$target" --no-build-deps --override-filename sbom
mkdir -p "$(dirname "$out")"
# The crates of the workspace have the path of the machine that builds them.
sed "s|file://$PWD|file://.|g" sbom.json >"$out"

# The image is built without Python.
reported=$(grep -o '"pkg:cargo/[^"?]*' "$out" | sed -e 's|.*/||' -e 's|%2B|+|g' | sort -u)
built=$(cargo tree --locked --edges normal --target "$target" --prefix none --format '{p}' |
  awk 'NF {sub(/^v/, "", $2); print $1 "@" $2}' | sort -u)
missing=$(comm -23 <(echo "$built") <(echo "$reported"))
if [ -n "$missing" ]; then
  echo "$out lacks" $missing >&2
  exit 1
fi
echo "$out: $(wc -l <<<"$built") crates"
