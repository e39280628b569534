-- Feeds, of which every tenth has failed, one of them seven times; peers, of which one that failed was deleted.
-- app_feeds_with_consecutive_failures 30
-- app_feeds_most_consecutive_failures 7
-- app_peers_with_fail_count 2
-- app_peers_most_fail_count 3

CREATE TABLE feeds (id serial PRIMARY KEY, consecutive_failures int NOT NULL);
CREATE TABLE peers (id serial PRIMARY KEY, fail_count smallint, deleted_at timestamptz);

INSERT INTO feeds (consecutive_failures) SELECT CASE WHEN n = 300 THEN 7 WHEN n % 10 = 0 THEN 2 ELSE 0 END FROM generate_series(1, 300) n;
INSERT INTO peers (fail_count, deleted_at) SELECT CASE WHEN n <= 3 THEN n + 1 END, CASE WHEN n = 3 THEN now() END FROM generate_series(1, 100) n;
ANALYZE;
