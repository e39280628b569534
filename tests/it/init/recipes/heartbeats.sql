-- Runners, one of which was seen each minute.
-- app_build_runners_alive{window="5m"} 5
-- app_build_runners_alive{window="24h"} 100
-- app_build_runners_silent_seconds 1 to 50
-- init does not find: heartbeats(mobile_devices)

CREATE TABLE build_runners (id serial PRIMARY KEY, last_heartbeat_at timestamptz);

-- Telephones of people are silent at night.
CREATE TABLE mobile_devices (id serial PRIMARY KEY, last_seen_at timestamptz);

INSERT INTO build_runners (last_heartbeat_at) SELECT now() - n * interval '1 minute' - interval '1 second' FROM generate_series(0, 99) n;
ANALYZE;
