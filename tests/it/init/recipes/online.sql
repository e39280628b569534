-- Sessions, of which one was seen each minute; every user has two.
-- app_live_sessions_online 4
-- app_live_sessions_online_users 2
-- app_live_sessions_online_by_device_type{device="desktop"} 2
-- app_live_sessions_online_by_device_type{device="phone"} 2

CREATE TABLE live_sessions (id bigserial PRIMARY KEY, user_id bigint NOT NULL, last_heartbeat_at timestamptz, device_type text);

INSERT INTO live_sessions (user_id, last_heartbeat_at, device_type)
SELECT n / 2, now() - n * interval '1 minute' - interval '30 seconds', (ARRAY['desktop', 'phone'])[1 + n % 2] FROM generate_series(0, 99) n;
UPDATE live_sessions SET last_heartbeat_at = now() - interval '1 hour' WHERE user_id = 2;
ANALYZE;
