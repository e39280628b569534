-- A table of subscriptions as Prisma creates it.
-- init finds: subscriptions(subscription)
-- app_subscription{status="active"} 240
-- app_subscription{status="trialing"} 30
-- app_subscription{status="past_due"} 8
-- app_subscription{status="canceled"} 22
-- app_subscription_past_due 8
-- app_subscription_stale 2
-- app_subscription_new{window="7d"} 28
-- app_subscription_ended{window="7d"} 3

CREATE TYPE "SubscriptionStatus" AS ENUM ('active', 'trialing', 'past_due', 'canceled');
CREATE TABLE "Subscription" (
  id text PRIMARY KEY,
  "customerId" text NOT NULL,
  "priceId" text NOT NULL,
  status "SubscriptionStatus" NOT NULL,
  "currentPeriodStart" timestamp(3) NOT NULL,
  "currentPeriodEnd" timestamp(3) NOT NULL,
  "cancelAtPeriodEnd" boolean NOT NULL DEFAULT false,
  "canceledAt" timestamp(3),
  "createdAt" timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- One every six hours: 28 within 7 days. Two that are active were not renewed.
INSERT INTO "Subscription" (id, "customerId", "priceId", status, "currentPeriodStart", "currentPeriodEnd", "canceledAt", "createdAt")
SELECT 'sub_' || n, 'cus_' || n, 'price_1',
       (CASE WHEN n <= 240 THEN 'active' WHEN n <= 270 THEN 'trialing' WHEN n <= 278 THEN 'past_due' ELSE 'canceled' END)
         ::"SubscriptionStatus",
       now - interval '1 month', CASE WHEN n IN (7, 8) THEN now - interval '2 days' ELSE now + interval '10 days' END,
       CASE WHEN n > 278 THEN now - (n - 278) * interval '2 days' END, now - n * interval '6 hours' + interval '1 hour'
FROM generate_series(1, 300) n, (SELECT now() AT TIME ZONE 'UTC' AS now) times;
ANALYZE;
