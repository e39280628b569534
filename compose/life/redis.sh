# The shop: a worker with heartbeats and a queue that is emptied now and then. HiveSync, in another database: open
# WebSockets, two queues and workers.
REDISCLI_AUTH=$(cat "${SECRETS:-/run/secrets}/redis_password")
export REDISCLI_AUTH
round=0
while sleep 1; do
  round=$((round + 1))
  now=$(date +%s)
  state=active
  if [ $((round % 10)) -ge 7 ]; then state=idle; fi
  {
    echo "ZADD heartbeat:mail $now mail-1"
    echo "RPUSH queue:mail mail-$round"
    if [ $((round % 20)) = 0 ]; then echo "DEL queue:mail"; fi
    echo "SELECT 2"
    echo "ZADD hb:cpu $now cpu-1"
    echo "ZADD hb:cpu $now cpu-2"
    echo "HSET hb:gpu gpu-1 '{\"at\": $now, \"state\": \"$state\", \"instance_type\": \"g5.xlarge\", \"spot\": true}'"
    for socket in 1 2 3 4; do
      echo "SET ws_sessions:$((round * 7 * socket % 2000 + 1)):$round-$socket node-1 EX $((15 * socket))"
    done
    echo "RPUSH ai_queue:tasks {}"
    echo "RPUSH ai_queue:preview {}"
    if [ $((round % 30)) = 0 ]; then echo "DEL ai_queue:tasks"; fi
    if [ $((round % 15)) = 0 ]; then echo "DEL ai_queue:preview"; fi
  } | redis-cli -h "${REDIS_HOST:-redis}" -p "${REDIS_PORT:-6379}" >/dev/null
done
