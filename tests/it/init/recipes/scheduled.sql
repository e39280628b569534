-- Posts, one each hour: those of the future are scheduled, and three of the past still are.
-- app_posts_scheduled 103
-- app_posts_late 3

CREATE TABLE posts (id bigserial PRIMARY KEY, status text NOT NULL, scheduled_at timestamptz);

INSERT INTO posts (status, scheduled_at)
SELECT CASE WHEN n > 100 OR n IN (10, 20, 30) THEN 'scheduled' ELSE 'published' END, now() + (n - 100) * interval '1 hour' - interval '30 minutes'
FROM generate_series(1, 200) n;
ANALYZE;
