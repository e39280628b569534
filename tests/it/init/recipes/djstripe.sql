-- Some tables of dj-stripe.
-- init finds: djstripe(djstripe_invoice,djstripe_subscription,djstripe_webhookeventtrigger)
-- app_djstripe_subscriptions{status="active"} 240
-- app_djstripe_subscriptions{status="trialing"} 30
-- app_djstripe_subscriptions{status="past_due"} 8
-- app_djstripe_subscriptions{status="canceled"} 22
-- app_djstripe_subscriptions_new 28
-- app_djstripe_subscriptions_ended 3
-- app_djstripe_past_due 8
-- app_djstripe_stale 2
-- app_djstripe_paid_amount{currency="eur"} 399.00
-- app_djstripe_paid_amount{currency="usd"} 0
-- app_djstripe_open_amount{currency="eur"} 38.00
-- app_djstripe_open_amount{currency="usd"} 50.00
-- app_djstripe_webhooks_received 50 to 59
-- app_djstripe_webhooks_failed 2

CREATE TABLE djstripe_subscription (
  djstripe_id bigserial PRIMARY KEY,
  id varchar(255) NOT NULL UNIQUE,
  livemode boolean,
  created timestamptz,
  status varchar(18) NOT NULL,
  cancel_at_period_end boolean NOT NULL DEFAULT false,
  canceled_at timestamptz,
  current_period_end timestamptz NOT NULL,
  current_period_start timestamptz NOT NULL,
  ended_at timestamptz,
  trial_end timestamptz,
  djstripe_created timestamptz NOT NULL DEFAULT now(),
  djstripe_updated timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE djstripe_invoice (
  djstripe_id bigserial PRIMARY KEY,
  id varchar(255) NOT NULL UNIQUE,
  created timestamptz,
  amount_due numeric(11, 2) NOT NULL,
  amount_paid numeric(11, 2),
  amount_remaining numeric(11, 2),
  currency varchar(3) NOT NULL,
  status varchar(13) NOT NULL,
  due_date timestamptz,
  djstripe_created timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE djstripe_webhookeventtrigger (
  id bigserial PRIMARY KEY,
  remote_ip inet NOT NULL DEFAULT '127.0.0.1',
  headers jsonb NOT NULL DEFAULT '{}',
  body text NOT NULL DEFAULT '',
  valid boolean NOT NULL DEFAULT true,
  processed boolean NOT NULL,
  exception varchar(128) NOT NULL DEFAULT '',
  traceback text NOT NULL DEFAULT '',
  created timestamptz NOT NULL,
  updated timestamptz NOT NULL
);

-- One every six hours: 28 within 7 days. Two that are active were not renewed.
INSERT INTO djstripe_subscription (id, created, status, current_period_start, current_period_end, ended_at)
SELECT 'sub_' || n, now() - n * interval '6 hours' + interval '1 hour',
       CASE WHEN n <= 240 THEN 'active' WHEN n <= 270 THEN 'trialing' WHEN n <= 278 THEN 'past_due' ELSE 'canceled' END,
       now() - interval '1 month', CASE WHEN n IN (7, 8) THEN now() - interval '2 days' ELSE now() + interval '10 days' END,
       CASE WHEN n > 278 THEN now() - (n - 278) * interval '2 days' END
FROM generate_series(1, 300) n;
-- One an hour, of which the second and the third are open, and two in dollars that nobody pays.
INSERT INTO djstripe_invoice (id, created, amount_due, amount_paid, amount_remaining, currency, status)
SELECT 'in_' || n, now() - n * interval '62 minutes', 19, CASE WHEN n IN (2, 3) THEN 0 ELSE 19 END,
       CASE WHEN n IN (2, 3) THEN 19 ELSE 0 END, 'eur', CASE WHEN n IN (2, 3) THEN 'open' ELSE 'paid' END
FROM generate_series(1, 200) n;
INSERT INTO djstripe_invoice (id, created, amount_due, amount_paid, amount_remaining, currency, status)
SELECT 'in_usd_' || n, now() - n * interval '5 days', 25, 0, 25, 'usd', 'open' FROM generate_series(1, 2) n;
INSERT INTO djstripe_webhookeventtrigger (processed, exception, created, updated)
SELECT n % 25 > 0, CASE WHEN n % 25 = 0 THEN 'IntegrityError' ELSE '' END, now() - n * interval '1 minute', now()
FROM generate_series(1, 300) n;
ANALYZE;
