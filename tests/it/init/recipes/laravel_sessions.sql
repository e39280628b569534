-- The sessions of Laravel.
-- init finds: laravel_sessions(sessions)
-- app_laravel_sessions_active 30 to 60
-- app_laravel_sessions_users 15 to 30

CREATE TABLE sessions (
  id varchar(255) PRIMARY KEY,
  user_id bigint,
  ip_address varchar(45),
  user_agent text,
  payload text NOT NULL,
  last_activity integer NOT NULL
);

-- One every 15 seconds, every second one with a login.
INSERT INTO sessions (id, user_id, payload, last_activity)
SELECT md5(n::text), CASE WHEN n % 2 = 0 THEN n END, '', extract(epoch FROM now()) - n * 15 + 3 FROM generate_series(1, 300) n;
ANALYZE;
