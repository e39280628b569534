-- Tokens of which some were revoked, and keys that cannot be.
-- app_access_tokens_in_use 70
-- app_api_keys_in_use 50
-- app_passkeys_in_use 20
-- init does not find: tokens(revoked_api_keys)

CREATE TABLE access_tokens (id serial PRIMARY KEY, digest text NOT NULL, revoked_at timestamptz);
CREATE TABLE api_keys (id serial PRIMARY KEY, digest text NOT NULL);

CREATE TABLE passkeys (id serial PRIMARY KEY, credential text NOT NULL);
CREATE TABLE revoked_api_keys (id serial PRIMARY KEY, digest text NOT NULL);

INSERT INTO passkeys (credential) SELECT md5(n::text) FROM generate_series(1, 20) n;
INSERT INTO access_tokens (digest, revoked_at) SELECT md5(n::text), CASE WHEN n <= 30 THEN now() END FROM generate_series(1, 100) n;
INSERT INTO api_keys (digest) SELECT md5(n::text) FROM generate_series(1, 50) n;
ANALYZE;
