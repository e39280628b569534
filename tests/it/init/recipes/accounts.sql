-- Users as Devise has them.
-- init finds: accounts(users) growth(users)
-- app_users 300
-- app_users_active{window="24h"} 47
-- app_users_active{window="7d"} 300
-- app_users_active{window="30d"} 300
-- app_users_new{window="24h"} 0
-- app_users_new{window="7d"} 6
-- app_member_profile_active{window="7d"} 168

CREATE TABLE member_profile (id serial PRIMARY KEY, last_active_date timestamptz);
INSERT INTO member_profile (last_active_date) SELECT now() - n * interval '1 hour' - interval '10 minutes' FROM generate_series(0, 299) n;

CREATE TABLE users (
  id bigserial PRIMARY KEY,
  email varchar NOT NULL,
  encrypted_password varchar NOT NULL DEFAULT '',
  sign_in_count integer NOT NULL DEFAULT 0,
  current_sign_in_at timestamp(6),
  last_sign_in_at timestamp(6),
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL
);

-- The last sign-in of one user every half an hour; one new user a day, none today.
INSERT INTO users (email, last_sign_in_at, created_at, updated_at)
SELECT 'user' || n || '@example.com', now - n * interval '30 minutes' - interval '1 second', now - n * interval '25 hours', now
FROM generate_series(1, 300) n, (SELECT now() AT TIME ZONE 'UTC' AS now) times;
ANALYZE;
