-- A row of counters for each account, one of them without.
-- app_user_usage_stats_counters{counter="logins"} 5050
-- app_user_usage_stats_counters{counter="pages_viewed"} 200
-- app_user_usage_stats_counters{counter="time_spent_minutes"} 0
-- app_counters_counters{counter="value"} 55
-- init does not find: counters(discounts)

CREATE TABLE user_usage_stats (
  id serial PRIMARY KEY,
  user_id int UNIQUE,
  logins int,
  pages_viewed bigint NOT NULL,
  time_spent_minutes int,
  max_upload int NOT NULL DEFAULT 100,
  updated_at timestamptz
);

-- What only ends in counts is none of them.
CREATE TABLE discounts (id serial PRIMARY KEY, percent_off int NOT NULL, rounds int NOT NULL);

-- Sequences of numbers, in a table whose columns have the names that the query has for its own.
CREATE TABLE counters (id text PRIMARY KEY, counter text NOT NULL, value int NOT NULL);

INSERT INTO counters (id, counter, value) SELECT 'sequence-' || n, 'documents', n FROM generate_series(1, 10) n;
INSERT INTO user_usage_stats (user_id, logins, pages_viewed)
SELECT n, n, 2 FROM generate_series(1, 100) n;
ANALYZE;
