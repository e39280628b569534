-- Sessions, of which one was seen each minute; every user has two.
-- app_live_sessions_online 4
-- app_live_sessions_online_users 2

CREATE TABLE live_sessions (id bigserial PRIMARY KEY, user_id bigint NOT NULL, last_heartbeat_at timestamptz);

INSERT INTO live_sessions (user_id, last_heartbeat_at) SELECT n / 2, now() - n * interval '1 minute' - interval '30 seconds' FROM generate_series(0, 99) n;
UPDATE live_sessions SET last_heartbeat_at = now() - interval '1 hour' WHERE user_id = 2;
ANALYZE;
