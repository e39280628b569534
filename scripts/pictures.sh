#!/usr/bin/env bash
# Takes the pictures in docs/images from a Grafana that shows the dashboards, with Chromium, and from the exporter:
#
#   make demo                                      where `grafana-server` is installed
#   scripts/pictures.sh                            every source is up
#   make demo-break FAILURE=redis                  in another terminal
#   scripts/pictures.sh platform-overview status   once the alerts fire, after two minutes
#
# GRAFANA and EXPORTER are their addresses, if they are elsewhere. Grafana has to let anonymous viewers in.
set -euo pipefail
cd "$(dirname "$0")/../docs/images"
GRAFANA=${GRAFANA:-http://127.0.0.1:3000}
EXPORTER=${EXPORTER:-http://127.0.0.1:9884}

take() {
  echo "==> $1"
  # Virtual time runs on until nothing is being loaded.
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size="$3" --virtual-time-budget=90000 \
    --user-data-dir="$profile" --screenshot="$PWD/$1.png" "$2" 2>"$profile/log" || {
    cat "$profile/log"
    exit 1
  }
}

profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
[ $# -gt 0 ] || set -- platform-overview platform-hayon platform-hivesync platform-joip status
for picture; do
  case $picture in
    status) take status "$EXPORTER/" 1280,1100 ;;
    *) take "${picture#platform-}" "$GRAFANA/d/$picture?kiosk" 1400,1000 ;;
  esac
done
