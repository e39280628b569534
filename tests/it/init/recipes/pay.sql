-- The tables of Pay that have money in them, and its webhooks.
-- init finds: pay(pay_charges,pay_subscriptions,pay_webhooks)
-- app_pay_subscriptions{status="active"} 240
-- app_pay_subscriptions{status="trialing"} 30
-- app_pay_subscriptions{status="past_due"} 8
-- app_pay_subscriptions{status="canceled"} 22
-- app_pay_subscriptions_new 28
-- app_pay_subscriptions_ended 3
-- app_pay_past_due 8
-- app_pay_charged_amount{currency="eur"} 437.00
-- app_pay_charged_amount{currency="jpy"} 22800
-- app_pay_refunded_amount{currency="eur"} 19.00
-- app_pay_refunded_amount{currency="jpy"} 0
-- app_pay_charges{currency="eur"} 23
-- app_pay_charges{currency="jpy"} 19
-- app_pay_webhooks_waiting 6
-- app_pay_webhooks_oldest_seconds 360 to 660

CREATE TABLE pay_subscriptions (
  id bigserial PRIMARY KEY,
  customer_id bigint NOT NULL,
  name varchar NOT NULL DEFAULT 'default',
  processor_id varchar NOT NULL,
  processor_plan varchar NOT NULL DEFAULT 'pro',
  quantity integer NOT NULL DEFAULT 1,
  status varchar NOT NULL,
  current_period_start timestamp(6),
  current_period_end timestamp(6),
  trial_ends_at timestamp(6),
  ends_at timestamp(6),
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL
);
CREATE TABLE pay_charges (
  id bigserial PRIMARY KEY,
  customer_id bigint NOT NULL,
  subscription_id bigint,
  processor_id varchar NOT NULL,
  amount integer NOT NULL,
  currency varchar,
  application_fee_amount integer,
  amount_refunded integer,
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL
);
CREATE TABLE pay_webhooks (
  id bigserial PRIMARY KEY,
  processor varchar,
  event_type varchar,
  event jsonb,
  created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL
);

-- One every six hours: 28 within 7 days, less than a minute before the end of the seventh.
INSERT INTO pay_subscriptions (customer_id, processor_id, status, current_period_end, ends_at, created_at, updated_at)
SELECT n, 'sub_' || n,
       CASE WHEN n <= 240 THEN 'active' WHEN n <= 270 THEN 'trialing' WHEN n <= 278 THEN 'past_due' ELSE 'canceled' END,
       t + interval '30 days', CASE WHEN n > 278 THEN now - (n - 278) * interval '2 days' END, t, t
FROM generate_series(1, 300) n,
     LATERAL (SELECT now() AT TIME ZONE 'UTC' AS now, (now() AT TIME ZONE 'UTC') - n * interval '6 hours' + interval '1 hour' AS t) times;
-- One an hour in euros, and one every 75 minutes in yen, which have no cents. One of those in euros was refunded.
INSERT INTO pay_charges (customer_id, processor_id, amount, currency, amount_refunded, created_at, updated_at)
SELECT n, 'ch_' || n, 1900, 'eur', CASE WHEN n = 5 THEN 1900 END, t, t
FROM generate_series(1, 200) n, LATERAL (SELECT (now() AT TIME ZONE 'UTC') - n * interval '62 minutes' AS t) times;
INSERT INTO pay_charges (customer_id, processor_id, amount, currency, created_at, updated_at)
SELECT n, 'ch_jpy_' || n, 1200, 'jpy', t, t
FROM generate_series(1, 50) n, LATERAL (SELECT (now() AT TIME ZONE 'UTC') - n * interval '75 minutes' AS t) times;
INSERT INTO pay_webhooks (processor, event_type, created_at, updated_at)
SELECT 'stripe', 'charge.succeeded', t, t
FROM generate_series(1, 6) n, LATERAL (SELECT (now() AT TIME ZONE 'UTC') - n * interval '1 minute' AS t) times;
ANALYZE;
