-- Reports of which some are not resolved, the oldest for an hour.
-- app_abuse_reports_not_resolved 12
-- app_abuse_reports_oldest_not_resolved_seconds 3600 to 3900

CREATE TABLE abuse_reports (id serial PRIMARY KEY, resolved boolean NOT NULL, published_at timestamptz NOT NULL DEFAULT now());

INSERT INTO abuse_reports (resolved, published_at) SELECT n > 12, now() - n * interval '5 minutes' FROM generate_series(1, 300) n;
ANALYZE;
