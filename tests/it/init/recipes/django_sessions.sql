-- The sessions of Django, next to other tables of its own.
-- init finds: django_sessions(django_session)
-- app_django_sessions_live 120
-- app_django_sessions_expired 173

CREATE TABLE django_session (
  session_key varchar(40) PRIMARY KEY,
  session_data text NOT NULL,
  expire_date timestamptz NOT NULL
);
CREATE TABLE django_migrations (
  id serial PRIMARY KEY,
  app varchar(255) NOT NULL,
  name varchar(255) NOT NULL,
  applied timestamptz NOT NULL
);
CREATE INDEX django_session_expire_date ON django_session (expire_date);

-- Sessions 1 to 120 are live, and the others ended, one every day: 173 more than 7 days ago.
INSERT INTO django_session
SELECT md5(n::text), 'data', now() + (120.5 - n) * CASE WHEN n <= 120 THEN interval '1 hour' ELSE interval '1 day' END
FROM generate_series(1, 300) n;
INSERT INTO django_migrations (app, name, applied) SELECT 'sessions', '0001_initial', now();
ANALYZE;
