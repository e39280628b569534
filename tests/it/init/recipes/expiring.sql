-- Keys that end on a date, some of which were revoked before, and licences without such a column.
-- app_keys_valid 90
-- app_keys_expiring{window="7d"} 7
-- app_keys_expired 40
-- app_licences_valid 20
-- app_licences_expired 0
-- init does not find: expiring(password_reset_tokens)
-- init does not find: expiring(revoked_keys)

CREATE TABLE keys (id serial PRIMARY KEY, expires_at timestamptz, revoked_at timestamptz);
-- They are meant to end.
CREATE TABLE password_reset_tokens (id serial PRIMARY KEY, expires_at timestamptz);
CREATE TABLE revoked_keys (id serial PRIMARY KEY, expires_at timestamptz);
CREATE TABLE licences (id serial PRIMARY KEY, valid_until date);

-- One ends each day: of those that still are valid, ten were revoked, none of which ends soon.
INSERT INTO keys (expires_at, revoked_at)
SELECT now() + n * interval '1 day' - interval '1 hour', CASE WHEN n > 90 THEN now() END FROM generate_series(-39, 100) n;
INSERT INTO licences (valid_until) SELECT current_date + 10 + n FROM generate_series(1, 20) n;
ANALYZE;
