#!/usr/bin/env bash
# Makes the secrets of docker-compose.yml in secrets/, each a file. What is there already is left alone.
#
# Passwords are random. The last three lead nowhere until you write your own into them.
set -euo pipefail
cd "$(dirname "$0")/.."

# Containers read the files as users of their own; the directory keeps everybody else out.
install -d -m 0700 secrets
umask 0022

put() { [ -e "secrets/$1" ] || printf '%s' "$2" >"secrets/$1"; }
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

for name in grafana_admin_password postgres_password hivesync_password mongo_password redis_password rabbitmq_password; do
  put "$name" "$(random)"
done
put pagerduty_routing_key none
put slack_api_url http://slack.invalid/
put grafana_postgres_password none
