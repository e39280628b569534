#!/bin/sh
# The least that the exporter needs of a broker: its own values and those of queues, and no message. Run it where
# rabbitmqctl works, with the virtual hosts to watch; the password comes from standard input, on one line. It can be run
# again:
#
#   kinds/rabbitmq/role.sh / shop < password
set -eu

user=platform_exporter
[ $# -gt 0 ] || set -- /

if rabbitmqctl --silent list_users </dev/null | cut -f 1 | grep -qx "$user"; then
    rabbitmqctl --silent change_password "$user"
else
    rabbitmqctl --silent add_user "$user"
fi

# For the values of nodes. Where the broker is asked by AMQP alone, this tag is not needed.
rabbitmqctl --silent set_user_tags "$user" monitoring </dev/null

# The management interface leaves out the queues of virtual hosts on which the user has no permissions at all. These
# let him configure, write and read nothing. From 4.2.6 on, AMQP counts a queue only for those who have some right on
# it: name the queues to be counted in the last pattern, as in '^(orders|emails)$'.
for vhost do
    rabbitmqctl --silent set_permissions --vhost "$vhost" "$user" '^$' '^$' '^$' </dev/null
done
