#!/usr/bin/env bash
# Makes all that a release publishes for one architecture in target/release-files: .deb, .rpm, tarball, Helm chart, SBOM
# and SHA256SUMS. Its notes, the section of the version in CHANGELOG.md, are target/release-notes.md.
#
#   scripts/release.sh              PROFILE=dev uses a binary of the development profile, for a try
#   scripts/release.sh v0.1.0       fails if the tag is not that of Cargo.toml's version
#   scripts/release.sh --notes v0.1.0   only the notes
#   scripts/release.sh --set 0.2.0  sets the version in all files that name it, and dates `## Unreleased` in CHANGELOG.md
#   scripts/release.sh --keep       writes tests/it/releases/VERSION: what later versions have to read
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "release: $*" >&2
  exit 1
}

# The tests compare these files with Cargo.toml's version.
set_version() {
  local old=${version//./\\.} new=$1
  # Not the versions of other crates.
  sed -i -E "/^version = |path = /s/\"$old\"/\"$new\"/" Cargo.toml crates/testkit/Cargo.toml
  sed -i -E "s/^((appV|v)ersion: )$old$/\1$new/" deploy/helm/platform_exporter/Chart.yaml
  sed -i -E "s/(ARG VERSION=|image: platform_exporter:|newTag: )$old/\1$new/" \
    Dockerfile docker-compose.yml deploy/kubernetes/exporter.yaml docs/kubernetes.md
  cargo update --quiet --workspace
  cargo update --quiet --workspace --manifest-path fuzz/Cargo.toml
  sed -i "s/^## Unreleased$/## $new ($(date +%F))/" CHANGELOG.md
}

# The examples and packs of this version, and its metrics: tests/it/releases.rs compares later versions with them.
keep() {
  mkdir -p "$1"
  cp --parents -t "$1" kinds/*/example.yml platforms/*/example.yml platforms/*/pack.yml examples/packs/{platform,shop}.yml
  # Not as a page: its links are those of docs/.
  cp docs/metrics.md "$1/metrics.txt"
}

mode=
case "${1:-}" in
--set | --keep | --notes)
  mode=$1
  shift
  ;;
esac
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml)
if [ "$mode" = --set ]; then
  set_version "${1:?the version, such as 0.2.0}"
  exit 0
fi
tag=${1:-v$version}
[ "$tag" = "v$version" ] || fail "the tag is $tag, but Cargo.toml has version $version"

kept=tests/it/releases/$version
if [ "$mode" = --keep ]; then
  rm -rf "$kept"
  keep "$kept"
  exit 0
fi

# From the heading of the version, such as `## 0.1.0 (2026-01-31)`, to the next one.
mkdir -p target
notes=target/release-notes.md
awk -v version="$version" '/^## /{inside = $2 == version || $2 == "[" version "]"; next} inside' CHANGELOG.md |
  sed -e '/./,$!d' >"$notes"
[ -s "$notes" ] || fail "CHANGELOG.md has no section \`## $version\`: rename \`## Unreleased\`"
[ "$mode" != --notes ] || exit 0

rm -rf target/kept
keep target/kept
diff -qr target/kept "$kept" || fail "$kept is not this version: scripts/release.sh --keep"

SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
out=target/release-files
rm -rf "$out"
mkdir -p "$out"

scripts/package.sh
mv target/packages/*.deb target/packages/*.rpm "$out/"

name=platform_exporter-$version-linux-$(dpkg-deb --field "$out"/*.deb Architecture)
tree=target/tarball/$name
rm -rf target/tarball
mkdir -p "$tree/completions" "$tree/grafana"
cp LICENSE README.md CHANGELOG.md target/package-files/platform_exporter "$tree/"
cp target/package-files/{bash,zsh,fish} "$tree/completions/"
cp examples/systemd/platform_exporter.service deploy/platform.yml "$tree/"
cp -r target/package-files/man alerts "$tree/"
cp -r grafana/dashboards "$tree/grafana/"
# The same files make the same tarball, whoever makes it and when.
tar --create --directory target/tarball --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 \
  --numeric-owner --mode='u=rwX,go=rX' "$name" | gzip -9n >"$out/$name.tar.gz"

# As `helm package` names it, without what .helmignore leaves out.
tar --create --directory deploy/helm --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 \
  --numeric-owner --mode='u=rwX,go=rX' --exclude=grafana/restricted --exclude=.helmignore \
  --transform='s|^platform_exporter|platform-exporter|' platform_exporter | gzip -9n >"$out/platform-exporter-$version.tgz"

cp target/package-files/platform_exporter.cdx.json "$out/$name.cdx.json"
cd "$out"
sha256sum -- * >SHA256SUMS
ls -l
