-- A platform with $(users) accounts and $(events) activity rows over a year, in chronological order, as an application
-- writes them. Everything is derived from the row number, so that runs are comparable.

INSERT INTO users
SELECT 'user-' || n, 'user' || n || '@example.com', 'First', 'Last', 'https://example.com/' || n,
       CASE WHEN n % 50 = 0 THEN 'premium' ELSE 'free' END,
       now() - interval '1 year' * (1 - n / $(users)::float8)
FROM generate_series(1, $(users)) AS n;

INSERT INTO user_usage_stats (userId, sessionsCreated, sessionsViewed, sessionsEdited, sessionsDeleted,
  sessionsShared, sessionsFavorited, smartCaptionsGenerated, customCaptionsGenerated, captionThemeJoi,
  captionThemeForcedBi, captionThemeBeta, captionThemeCbt, captionThemeCuckold, babecockImagesCreated,
  babecockRemixesCreated, babecockLayoutsSideBySide, babecockLayoutsTopBottom, mediaUploaded, mediaDeleted,
  mediaShared, mediaDownloaded, bulkDownloads, loginCount, pagesViewed, apiCallsTotal, timeSpentMinutes,
  firstActivityAt, lastActivityAt)
SELECT 'user-' || n, n % 7, n % 101, n % 5, n % 3, n % 4, n % 6, n % 53, n % 11, n % 13, n % 9, n % 8, n % 5, n % 4,
       n % 10, n % 3, n % 6, n % 5, n % 31, n % 3, n % 4, n % 17, n % 2, n % 60, n % 400, n % 5000, n % 900,
       now() - interval '1 year' * (1 - n / $(users)::float8), now() - interval '1 day' * (n % 200)
FROM generate_series(1, $(users)) AS n;

INSERT INTO user_activity_logs (userId, action, feature, details, ipAddress, userAgent, sessionId, createdAt)
SELECT 'user-' || 1 + n * 7919::bigint % $(users), event[1], event[2],
       CASE WHEN event[1] IN ('theme_selected', 'smart_caption_generated')
            THEN jsonb_build_object('theme', (ARRAY['JOI', 'Forced-Bi', 'Beta', 'CBT', 'Cuckold'])[1 + n / 25 % 5])
            ELSE jsonb_build_object('title', 'Item ' || n) END,
       '192.0.2.' || n % 250, 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
       md5(n::text), now() - interval '1 year' * (1 - n / $(events)::float8)
FROM generate_series(1, $(events)) AS n,
LATERAL (SELECT string_to_array((ARRAY['session_created sessions', 'session_viewed sessions',
  'session_edited sessions', 'session_deleted sessions', 'session_shared sessions', 'session_favorited sessions',
  'session_refreshed sessions', 'smart_caption_generated smart_captions', 'custom_caption_created smart_captions',
  'caption_regenerated smart_captions', 'theme_selected smart_captions', 'babecock_created babecock_studio',
  'babecock_remix babecock_studio', 'layout_detected babecock_studio', 'media_uploaded media_gallery',
  'media_deleted media_gallery', 'media_shared media_gallery', 'media_downloaded media_gallery',
  'bulk_download media_gallery', 'analytics_viewed admin', 'user_updated admin', 'user_role_updated admin',
  'user_deleted admin', 'settings_updated admin', 'audit_logs_viewed admin'])[1 + n % 25], ' ') AS event) AS kinds;

INSERT INTO content_sessions
SELECT 'session-' || n, 'user-' || 1 + n * 7919::bigint % $(users), 'Session ' || n,
       now() - interval '1 year' * (1 - n / (2 * $(users))::float8)
FROM generate_series(1, 2 * $(users)) AS n;

INSERT INTO media_vault
SELECT 'media-' || n, 'user-' || 1 + n * 104729::bigint % $(users), 'file-' || n || '.jpg',
       now() - interval '1 year' * (1 - n / (3 * $(users))::float8)
FROM generate_series(1, 3 * $(users)) AS n;

INSERT INTO referrals (referrerId, refereeId, referralCode, creditsAwarded, createdAt)
SELECT 'user-' || 1 + n * 31 % $(users), 'user-' || n * 5, 'code-' || n, 50,
       now() - interval '1 year' * (1 - n * 5 / $(users)::float8)
FROM generate_series(1, $(users) / 5) AS n;

INSERT INTO credit_transactions (userId, type, credits, priceCents, createdAt)
SELECT 'user-' || 1 + n * 7919::bigint % $(users), kind, CASE kind WHEN 'usage' THEN -5 ELSE 100 END,
       CASE kind WHEN 'purchase' THEN 999 END, now() - interval '1 year' * (1 - n / (2 * $(users))::float8)
FROM generate_series(1, 2 * $(users)) AS n,
LATERAL (SELECT (ARRAY['purchase', 'referral', 'usage', 'usage', 'usage'])[1 + n % 5] AS kind) AS kinds;

INSERT INTO community_shares (userId, contentType, contentId, createdAt)
SELECT 'user-' || 1 + n * 31 % $(users), (ARRAY['session', 'media'])[1 + n % 2], 'content-' || n,
       now() - interval '1 year' * (1 - n / ($(users) / 2)::float8)
FROM generate_series(1, $(users) / 2) AS n;

INSERT INTO community_likes (shareId, userId, createdAt)
SELECT 1 + n * 7919::bigint % ($(users) / 2), 'user-' || 1 + n * 31 % $(users),
       now() - interval '1 year' * (1 - n / (2 * $(users))::float8)
FROM generate_series(1, 2 * $(users)) AS n;
