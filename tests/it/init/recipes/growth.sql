-- Comments: what is created, and nothing else.
-- init finds: growth(comments)
-- app_comments_new{window="24h"} 47
-- app_comments_new{window="7d"} 300
-- app_reactions_new{window="24h"} 47
-- app_visits_new{window="24h"} 47

CREATE TABLE comments (
  id bigserial PRIMARY KEY,
  post_id bigint NOT NULL,
  body text NOT NULL,
  created_at timestamptz NOT NULL
);

-- Milliseconds and seconds since 1970.
CREATE TABLE reactions (id bigserial PRIMARY KEY, created_at bigint NOT NULL);
CREATE TABLE visits (id bigserial PRIMARY KEY, "createdAt" int NOT NULL, duration_time int NOT NULL);

INSERT INTO reactions (created_at)
SELECT 1000 * extract(epoch FROM now() - n * interval '30 minutes' - interval '1 second') FROM generate_series(1, 300) n;
INSERT INTO visits ("createdAt", duration_time)
SELECT extract(epoch FROM now() - n * interval '30 minutes' - interval '1 second'), n FROM generate_series(1, 300) n;

INSERT INTO comments (post_id, body, created_at)
SELECT n % 20, 'text', now() - n * interval '30 minutes' - interval '1 second' FROM generate_series(1, 300) n;
ANALYZE;
