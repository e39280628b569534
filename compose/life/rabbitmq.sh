# A message every two seconds, which becomes a dead letter after a minute. The last 100 dead letters are kept.
login=$(printf 'shop:%s' "$(cat "${SECRETS:-/run/secrets}/rabbitmq_password")" | base64 | tr -d '\n')
post() {
  wget -q -O /dev/null --header "Authorization: Basic $login" --header "Content-Type: application/json" \
    --post-data "$2" "http://${RABBITMQ:-rabbitmq:15672}/api/$1"
}
dead='{"name": "mail.dead", "vhost": "/", "durable": true, "auto_delete": false, "arguments": {"x-max-length": 100}}'
mail='{"name": "mail", "vhost": "/", "durable": true, "auto_delete": false, "arguments":
  {"x-message-ttl": 60000, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "mail.dead"}}'
message='{"properties": {}, "routing_key": "mail", "payload": "mail", "payload_encoding": "string"}'
until post definitions "{\"queues\": [$dead, $mail]}"; do sleep 2; done
while sleep 2; do
  post exchanges/%2F/amq.default/publish "$message"
done
