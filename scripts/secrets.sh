#!/usr/bin/env bash
# Creates the secrets of docker-compose.yml as files in secrets/. Existing files are kept.
#
# Passwords are random. The last two are placeholders until you replace them with your own.
set -euo pipefail
cd "$(dirname "$0")/.."

# Containers read the files as different users; the directory's mode keeps everyone else out.
install -d -m 0700 secrets
umask 0022

put() { [ -e "secrets/$1" ] || printf '%s' "$2" >"secrets/$1"; }
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

for name in grafana_admin_password restricted_grafana_admin_password grafana_postgres_password postgres_password \
  hivesync_password hivesync_roll_up_password mongo_password redis_password rabbitmq_password; do
  put "$name" "$(random)"
done
put pagerduty_routing_key none
put slack_api_url http://slack.invalid/

# Containers read these as users of their own, too. A checkout with a strict umask keeps them out.
unreadable=$({ find alerts compose demo grafana platforms prometheus ! -perm -o=r 2>/dev/null || true; } | head -3)
if [ -n "$unreadable" ]; then
  echo "containers cannot read $unreadable: run chmod -R o+rX alerts compose demo grafana platforms prometheus" >&2
  exit 1
fi
