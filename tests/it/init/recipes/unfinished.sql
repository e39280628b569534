-- Cases of which some are not closed, the oldest for an hour.
-- app_cases_without_closed_at 12
-- app_cases_oldest_without_closed_at_seconds 3600 to 3900

CREATE TABLE cases (id serial PRIMARY KEY, opened_at timestamptz NOT NULL, closed_at timestamptz);

INSERT INTO cases (opened_at, closed_at)
SELECT now() - n * interval '5 minutes', CASE WHEN n > 12 THEN now() END FROM generate_series(1, 300) n;
ANALYZE;
