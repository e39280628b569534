#!/usr/bin/env bash
# Unpacks programs of Debian 13 into a directory, from packages that apt has verified; they run on Debian 12 as they are.
#
#   scripts/debian13.sh DIRECTORY PACKAGE…
#
# DIRECTORY/versions lists what it has.
set -euo pipefail

directory=$(realpath -m "$1")
shift
mirror=http://deb.debian.org/debian
keys=/usr/share/keyrings/debian-archive-keyring.gpg

[ "$(cut -d' ' -f1 "$directory/versions" 2>/dev/null | sort)" != "$(printf '%s\n' "$@" | sort)" ] || exit 0
printf '==> Debian 13: unpacking %s into %s\n' "$*" "$directory"
rm -rf "$directory" "$directory.part"
mkdir -p "$directory.part/apt/lists/partial"
cd "$directory.part"
printf 'deb [signed-by=%s] %s trixie main\n' "$keys" "$mirror" >apt/sources.list
# Nothing of the system's own apt is read or changed.
apt=(
  -o "Dir::Etc::SourceList=$PWD/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
  -o "Dir::State::Lists=$PWD/apt/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
  -o "APT::Sandbox::User=$(id -un)"
)
apt-get -qq "${apt[@]}" update
apt-get -qq "${apt[@]}" download "$@"
for package in *.deb; do
  dpkg-deb --extract "$package" .
  dpkg-deb --show --showformat '${Package} ${Version}\n' "$package" >>versions
done
rm -rf apt ./*.deb
mv "$directory.part" "$directory"
