# A worker that gives heartbeats, and a queue that it empties now and then.
REDISCLI_AUTH=$(cat /run/secrets/redis_password)
export REDISCLI_AUTH
round=0
while sleep 1; do
  round=$((round + 1))
  redis-cli -h redis ZADD heartbeat:mail "$(date +%s)" mail-1 >/dev/null
  redis-cli -h redis RPUSH queue:mail "mail $round" >/dev/null
  if [ $((round % 20)) = 0 ]; then redis-cli -h redis DEL queue:mail >/dev/null; fi
done
