-- Comments: what is created, and nothing else.
-- init finds: growth(comments)
-- app_comments_new{window="24h"} 47
-- app_comments_new{window="7d"} 300

CREATE TABLE comments (
  id bigserial PRIMARY KEY,
  post_id bigint NOT NULL,
  body text NOT NULL,
  created_at timestamptz NOT NULL
);

INSERT INTO comments (post_id, body, created_at)
SELECT n % 20, 'text', now() - n * interval '30 minutes' - interval '1 second' FROM generate_series(1, 300) n;
ANALYZE;
