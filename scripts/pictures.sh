#!/usr/bin/env bash
# Takes the pictures in docs/images from a Grafana that shows the dashboards, with Chromium, and from the exporter:
#
#   make demo                        where `grafana-server` is installed
#   scripts/pictures.sh              every source is up
#   make demo-break FAILURE=redis    in another terminal
#   scripts/pictures.sh broken       once the alerts fire, after two minutes
#
# GRAFANA and EXPORTER are their addresses, if they are elsewhere. Grafana has to let anonymous viewers in. ImageMagick
# cuts off what is empty: Chromium's page is not as high as its window.
set -euo pipefail
cd "$(dirname "$0")/../docs/images"
GRAFANA=${GRAFANA:-http://127.0.0.1:3000}
EXPORTER=${EXPORTER:-http://127.0.0.1:9884}
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT

# take NAME URL WIDTH,HEIGHT
take() {
  echo "==> $1.png"
  # Virtual time runs on until nothing is being loaded.
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --window-size="$3" --virtual-time-budget=90000 \
    --user-data-dir="$profile" --screenshot="$PWD/$1.png" "$2" 2>"$profile/log" || {
    cat "$profile/log"
    exit 1
  }
}

# page NAME URL WIDTHxHEIGHT
page() {
  take "$1" "$2" "${3%x*},$((${3#*x} + 200))"
  mogrify -crop "$3+0+0" +repage "$1.png"
}

dashboard() { page "$1" "$GRAFANA/d/platform-$1?kiosk" 1400x1000; }

# panel NAME DASHBOARD TITLE WIDTH,HEIGHT [VARIABLE]: a panel by itself, found by its title
panel() {
  local id
  id=$(curl -fsS "$GRAFANA/api/dashboards/uid/platform-$2" | python3 -c '
import json, sys
rows = json.load(sys.stdin)["dashboard"]["panels"]
panels = rows + [panel for row in rows for panel in row.get("panels", [])]
found = [panel["id"] for panel in panels if panel.get("title") == sys.argv[1]]
sys.exit(f"no panel has the title {sys.argv[1]!r}") if not found else print(found[0])' "$3")
  take "panel-$1" "$GRAFANA/d-solo/platform-$2?panelId=$id&${5:-}" "$4"
  mogrify -trim +repage "panel-$1.png"
}

all_up() {
  page status "$EXPORTER/?refresh=off" 1280x1000
  for name in hayon hivesync joip; do dashboard $name; done
  panel stat hayon Accounts 500,290
  panel timeseries hayon 'New accounts' 560,400
  panel bar hayon Connections 560,420
  panel pie hayon Plans 500,420
  panel heatmap postgres 'Idle for how long' 700,400 'var-source=orders-db'
  panel table hayon 'Plans and their limits' 1400,340
}

broken() {
  dashboard overview
  panel status overview Sources 1000,330
  panel stat-degraded overview 'Redis memory' 500,330
  panel states overview 'Not always up (24 h)' 1000,360
  panel problems overview 'What needs attention' 800,330
  panel alerts overview 'Firing alerts' 640,330
}

case ${1:-} in
  '') all_up ;;
  broken) broken ;;
  *)
    echo "usage: scripts/pictures.sh [broken]" >&2
    exit 2
    ;;
esac
