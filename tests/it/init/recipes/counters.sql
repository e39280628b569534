-- A row of counters for each account, one of them without.
-- app_user_usage_stats_counters{counter="logins"} 5050
-- app_user_usage_stats_counters{counter="pages_viewed"} 200
-- app_user_usage_stats_counters{counter="time_spent_minutes"} 0

CREATE TABLE user_usage_stats (
  id serial PRIMARY KEY,
  user_id int UNIQUE,
  logins int,
  pages_viewed bigint NOT NULL,
  time_spent_minutes int,
  max_upload int NOT NULL DEFAULT 100,
  updated_at timestamptz
);

INSERT INTO user_usage_stats (user_id, logins, pages_viewed)
SELECT n, n, 2 FROM generate_series(1, 100) n;
ANALYZE;
