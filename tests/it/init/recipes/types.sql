-- Channels of which the schema lists the types, and messages whose priority is a number.
-- app_channels_by_type{type="email"} 60
-- app_channels_by_type{type="fax"} 30
-- app_tickets_by_priority{type="1"} 100
-- app_tickets_by_priority{type="3"} 100

CREATE TYPE channel_type AS ENUM ('email', 'fax');
CREATE TABLE channels (id serial PRIMARY KEY, type channel_type NOT NULL);
CREATE TABLE tickets (id serial PRIMARY KEY, priority smallint NOT NULL);

INSERT INTO channels (type) SELECT CASE WHEN n % 3 = 0 THEN 'fax' ELSE 'email' END::channel_type FROM generate_series(1, 90) n;
INSERT INTO tickets (priority) SELECT 1 + n % 3 FROM generate_series(1, 300) n;
ANALYZE;
