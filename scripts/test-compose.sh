#!/usr/bin/env bash
# Runs docker-compose.yml with its demo on a Docker engine: builds the image, starts everything, looks at what every
# container may do, lets an alert fire and end, restarts with the data kept, and removes all of it.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh

# A project of its own, so that the volumes of `make up` are not touched. Ports are those of `make up`.
work=$(mktemp -d)
chmod 0755 "$work"
export COMPOSE_PROJECT_NAME=platform_exporter_test COMPOSE_PROFILES=demo
export PLATFORM_CONFIG=$work/config
compose() { docker compose --env-file compose/demo.env "$@"; }

finish() {
  code=$?
  [ "$code" = 0 ] || compose logs --no-color --tail 20 >&2 || true
  compose down --volumes --timeout 20 >/dev/null 2>&1 || true
  rm -rf "$work"
  exit "$code"
}

get() { curl --silent --fail --max-time 10 "$@"; }
# The number of series that a PromQL expression returns.
series() {
  get --get --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query |
    python3 -c 'import json, sys; print(len(json.load(sys.stdin)["data"]["result"]))'
}
returns() { [ "$(series "$2")" -ge "$1" ]; }
alerts() { get 'http://127.0.0.1:9093/api/v2/alerts?active=true'; }
has_alert() { grep -q "\"alertname\":\"$2\",[^}]*\"source\":\"$3\"" <<<"$1"; }
fires() { local active && active=$(alerts) && has_alert "$active" "$@"; }
is_over() { local active && active=$(alerts) && ! has_alert "$active" "$@"; }
# Not `grep -q` behind a pipe: it ends before all is written, which is an error of the writer.
up() { get http://127.0.0.1:9884/metrics | grep '^platform_source_up{'; }
all_up() { local up && up=$(up) && ! grep -q ' 0$' <<<"$up"; }
has_source() { local up && up=$(up) && grep -q "source=\"$1\"" <<<"$up"; }

# What the kernel says about the first process of every container, which is not root's to lift.
hardening() {
  local container name pid user health read_only status row uid caps no_new bad=0
  printf '%-20s %-10s %-8s %-16s %-9s %-9s\n' container user health capabilities no-new-p read-only
  for container in $(compose ps --quiet); do
    IFS='|' read -r name pid user health read_only < <(docker inspect --format \
      '{{index .Config.Labels "com.docker.compose.service"}}|{{.State.Pid}}|{{.Config.User}}|{{with .State.Health}}{{.Status}}{{else}}-{{end}}|{{.HostConfig.ReadonlyRootfs}}' \
      "$container")
    status=$(cat "/proc/$pid/status") || fail "$name: its process is not visible here"
    # What it may ever have: a user other than root has none to begin with.
    row=$(awk '/^CapBnd/ {caps = $2} /^NoNewPrivs/ {no_new = $2} /^Uid/ {uid = $2} END {print uid, caps, no_new}' <<<"$status")
    read -r uid caps no_new <<<"$row"
    printf '%-20s %-10s %-8s %-16s %-9s %-9s\n' "$name" "$user" "$health" "$caps" "$no_new" "$read_only"
    [ "$uid" != 0 ] && [ "$caps" = 0000000000000000 ] && [ "$no_new" = 1 ] && [ "$read_only" = true ] || bad=1
    case "$health" in healthy | -) ;; *) bad=1 ;; esac
  done
  [ "$bad" = 0 ] || fail "a container may do more than it should, or is not healthy"
}

docker compose version >/dev/null || fail "needs a Docker engine and Compose v2"
scripts/secrets.sh
cp -r compose "$PLATFORM_CONFIG"
chmod -R o+rX "$PLATFORM_CONFIG"
trap finish EXIT

step "Build and start"
compose up --build --wait --wait-timeout 600

step "Everything is healthy, and may do nothing that it does not need"
hardening

step "Every source is up, and Prometheus has the series"
await 120 "not every source is up: $(get http://127.0.0.1:9884/api/v1/status | head -c 2000)" all_up
await 120 "Prometheus does not scrape the exporter" returns 1 'up{job="platform_exporter"} == 1'
await 120 "Prometheus has too few sources" returns 8 'platform_source_up == 1'
await 60 "no recording rule has a value" returns 1 'source:platform_source_down:bool'
get http://127.0.0.1:3000/api/health >/dev/null || fail "Grafana does not answer"
get http://127.0.0.1:3001/api/health >/dev/null || fail "the restricted Grafana does not answer"

step "A configuration that is edited in place is read on SIGHUP"
cat >"$work/edited" <<'YAML'
  added:
    redis: {url: "redis://redis/3", password_file: /run/secrets/redis_password}
YAML
sed -e "/^sources:/r $work/edited" compose/platform.yml >"$work/new.yml"
chmod 0644 "$work/new.yml"
mv "$work/new.yml" "$PLATFORM_CONFIG/platform.yml"
compose kill --signal HUP exporter
await 30 "the source that was added is not there" has_source added
await 60 "the source that was added is not up" all_up

step "An alert fires and ends"
compose stop mongo
await 600 "no alert about MongoDB" fires PlatformSourceDown documents
compose start mongo
await 120 "MongoDB is not up again" all_up
await 600 "the alert does not end" is_over PlatformSourceDown documents

step "Data is kept over down and up"
compose exec -T postgres psql -qU shop -c 'CREATE TABLE kept AS SELECT 42 AS answer'
compose exec -T redis sh -c 'REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli -n 5 SET kept 42' >/dev/null
queues() { compose exec -T rabbitmq rabbitmqctl -q --formatter csv list_queues name; }
[[ $(queues) == *mail.dead* ]] || fail "RabbitMQ has no queue"
stopped=$(date +%s)
compose down --timeout 30
# The queue must come from the volume, not from the script that makes it.
compose up --wait --wait-timeout 300 --scale rabbitmq-life=0
[ "$(compose exec -T postgres psql -qAtU shop -c 'SELECT answer FROM kept')" = 42 ] || fail "PostgreSQL lost its data"
[ "$(compose exec -T redis sh -c 'REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli -n 5 GET kept')" = 42 ] ||
  fail "Redis lost its data"
[[ $(queues) == *mail.dead* ]] || fail "RabbitMQ lost its queues"
[ "$(series "platform_source_up @ $stopped")" -ge 8 ] || fail "Prometheus lost its series"
await 120 "not every source is up again" all_up

step "Nothing is left"
compose down --volumes --timeout 30
for list in "ps --all" "volume ls" "network ls"; do
  # shellcheck disable=SC2086
  left=$(docker $list --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")
  [ -z "$left" ] || fail "docker $list: $left"
done
step "Built, started, hardened, alerted, restarted and removed"
