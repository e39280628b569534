-- Rates of each day, the newest of two days ago, and readings of each minute.
-- app_exchange_rates_newest_age_seconds 172800 to 259200
-- app_meter_readings_newest_age_seconds 60 to 120

CREATE TABLE exchange_rates (id serial PRIMARY KEY, from_currency text NOT NULL, rate numeric NOT NULL, date date NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE meter_readings (id serial PRIMARY KEY, value numeric NOT NULL, measured_at timestamptz NOT NULL);

-- Empty: nothing is exported, and nothing fails.
CREATE TABLE usage_daily (id serial PRIMARY KEY, day date NOT NULL);

INSERT INTO exchange_rates (from_currency, rate, date) SELECT 'EUR', 1.1, current_date - n FROM generate_series(2, 300) n;
INSERT INTO meter_readings (value, measured_at) SELECT n, now() - n * interval '1 minute' FROM generate_series(1, 300) n;
ANALYZE;
