#!/bin/sh
# Minimum privileges of the exporter: statistics of the broker and its queues, no messages. Run it where rabbitmqctl
# works, with the virtual hosts to watch; the password is read from standard input, on one line. Safe to run again:
#
#   kinds/rabbitmq/role.sh / shop < password
set -eu

user=platform_exporter
[ $# -gt 0 ] || set -- /

action=add_user
if rabbitmqctl --silent list_users </dev/null | cut -f 1 | grep -qx "$user"; then
    action=change_password
fi
# RabbitMQ 4 reads no password with --silent.
rabbitmqctl "$action" "$user" >/dev/null

# For node statistics. Not needed if the exporter uses AMQP only.
rabbitmqctl --silent set_user_tags "$user" monitoring </dev/null

# The management API omits the queues of virtual hosts on which the user has no permissions at all. These patterns let
# it configure, write and read nothing. From 4.2.6 on, AMQP returns the count of a queue only to users with some
# permission on it: name those queues in the last pattern, as in '^(orders|emails)$'.
for vhost do
    rabbitmqctl --silent set_permissions --vhost "$vhost" "$user" '^$' '^$' '^$' </dev/null
done
