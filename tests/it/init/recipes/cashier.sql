-- The tables of Laravel Cashier for Stripe.
-- init finds: cashier(subscription_items,subscriptions)
-- app_cashier_subscriptions{status="active"} 240
-- app_cashier_subscriptions{status="trialing"} 30
-- app_cashier_subscriptions{status="past_due"} 8
-- app_cashier_subscriptions{status="canceled"} 22
-- app_cashier_subscriptions_new 28
-- app_cashier_subscriptions_ended 3
-- app_cashier_trials_ending 6
-- app_cashier_past_due 8
-- app_cashier_stale 2

CREATE TABLE subscriptions (
  id bigserial PRIMARY KEY,
  user_id bigint NOT NULL,
  type varchar(255) NOT NULL DEFAULT 'default',
  stripe_id varchar(255) NOT NULL UNIQUE,
  stripe_status varchar(255) NOT NULL,
  stripe_price varchar(255),
  quantity integer,
  trial_ends_at timestamp(0),
  ends_at timestamp(0),
  created_at timestamp(0),
  updated_at timestamp(0)
);
CREATE TABLE subscription_items (
  id bigserial PRIMARY KEY,
  subscription_id bigint NOT NULL REFERENCES subscriptions,
  stripe_id varchar(255) NOT NULL UNIQUE,
  stripe_product varchar(255) NOT NULL,
  stripe_price varchar(255) NOT NULL,
  quantity integer,
  created_at timestamp(0),
  updated_at timestamp(0)
);

-- One every six hours: 28 within 7 days. Two trials ended days ago, and six end within three days.
INSERT INTO subscriptions (user_id, stripe_id, stripe_status, trial_ends_at, ends_at, created_at, updated_at)
SELECT n, 'sub_' || n,
       CASE WHEN n <= 240 THEN 'active' WHEN n <= 270 THEN 'trialing' WHEN n <= 278 THEN 'past_due' ELSE 'canceled' END,
       CASE WHEN n BETWEEN 241 AND 242 THEN now - (n - 239) * interval '1 day'
            WHEN n BETWEEN 243 AND 270 THEN now + (n - 242) * interval '11 hours' END,
       CASE WHEN n > 278 THEN now - (n - 278) * interval '2 days' END, t, t
FROM generate_series(1, 300) n,
     LATERAL (SELECT now() AT TIME ZONE 'UTC' AS now, (now() AT TIME ZONE 'UTC') - n * interval '6 hours' + interval '1 hour' AS t) times;
INSERT INTO subscription_items (subscription_id, stripe_id, stripe_product, stripe_price, created_at)
SELECT id, 'si_' || id, 'prod_1', 'price_1', created_at FROM subscriptions;
ANALYZE;
