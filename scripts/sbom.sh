#!/usr/bin/env bash
# Writes the binary's SBOM as CycloneDX JSON, and fails if it does not list every crate built into the binary.
set -euo pipefail
cd "$(dirname "$0")/.."

target=x86_64-unknown-linux-gnu
out=${1:-target/platform_exporter.cdx.json}

# It writes one for each crate of the workspace.
trap 'rm -f sbom.json crates/*/sbom.json kinds/*/sbom.json' EXIT
cargo cyclonedx --version >/dev/null 2>&1 || cargo install --locked cargo-cyclonedx
cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$target" --no-build-deps --override-filename sbom
mkdir -p "$(dirname "$out")"
mv sbom.json "$out"

cargo tree --locked --edges normal --target "$target" --prefix none --format '{p}' |
  /usr/bin/python3 -c '
import json, sys

bill = json.load(open(sys.argv[1]))
reported = {(part["name"], part["version"]) for part in [bill["metadata"]["component"], *bill["components"]]}
built = {(name, version.removeprefix("v")) for name, version, *_ in map(str.split, filter(str.strip, sys.stdin))}
missing = sorted(built - reported)
if missing:
    sys.exit(f"{sys.argv[1]} lacks " + ", ".join(" ".join(part) for part in missing))
print(f"{sys.argv[1]}: {len(built)} crates")
' "$out"
