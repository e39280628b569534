-- The tables of Auth.js that have to do with sessions.
-- init finds: sessions(sessions)
-- app_sessions_live 120
-- app_sessions_users 60

CREATE TABLE sessions (
  id serial PRIMARY KEY,
  "userId" integer NOT NULL,
  expires timestamptz NOT NULL,
  "sessionToken" varchar(255) NOT NULL
);
CREATE TABLE verification_token (
  identifier text NOT NULL,
  expires timestamptz NOT NULL,
  token text NOT NULL,
  PRIMARY KEY (identifier, token)
);

-- Every user has two sessions. Those of the first 60 users are live.
INSERT INTO sessions ("userId", expires, "sessionToken")
SELECT (n + 1) / 2, now() + (120.5 - n) * interval '1 hour', md5(n::text) FROM generate_series(1, 300) n;
ANALYZE;
