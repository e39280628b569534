-- What tools and frameworks keep for themselves, with columns that other recipes look for.
-- init finds: nothing

CREATE TABLE schema_migrations (version varchar PRIMARY KEY, inserted_at timestamp(0));
CREATE TABLE ar_internal_metadata (
  key varchar PRIMARY KEY,
  value varchar,
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL
);
CREATE TABLE knex_migrations (id serial PRIMARY KEY, name varchar(255), batch integer, migration_time timestamptz);
CREATE TABLE flyway_schema_history (
  installed_rank integer PRIMARY KEY,
  version varchar(50),
  type varchar(20) NOT NULL,
  installed_on timestamp NOT NULL DEFAULT now(),
  success boolean NOT NULL
);
CREATE TABLE django_site (id serial PRIMARY KEY, domain varchar(100) NOT NULL, name varchar(50) NOT NULL);
CREATE TABLE river_queue (
  name text PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL
);
CREATE TABLE solid_queue_pauses (
  id bigserial PRIMARY KEY,
  queue_name varchar NOT NULL,
  created_at timestamp(6) NOT NULL
);

INSERT INTO schema_migrations SELECT n, now() AT TIME ZONE 'UTC' FROM generate_series(20250101, 20250400) n;
INSERT INTO ar_internal_metadata VALUES ('environment', 'production', now(), now());
INSERT INTO knex_migrations (name, batch, migration_time) SELECT n || '_init.js', 1, now() FROM generate_series(1, 30) n;
INSERT INTO flyway_schema_history SELECT n, n, 'SQL', now(), true FROM generate_series(1, 30) n;
INSERT INTO django_site (domain, name) VALUES ('example.com', 'example.com');
INSERT INTO river_queue (name, updated_at) VALUES ('default', now());
INSERT INTO solid_queue_pauses (queue_name, created_at) VALUES ('reports', now());
ANALYZE;
