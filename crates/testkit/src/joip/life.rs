//! What goes on in JOIP: people sign up, make sessions and captions, buy credits, share and like. Not more often than the
//! month before, or its end would look like an outbreak.

use std::convert::Infallible;

use super::super::platform::Platform;
use super::super::platform_data::keep;
use super::{DATABASE, Joip};

/// The application writes points in time in UTC. An account that signs up may have been referred.
const CHANGES: &str = "
SET timezone = 'UTC';
SELECT random() < 0.002 AS signs_up, random() < 0.05 AS is_referred, random() < 0.004 AS buys,
       random() < 0.004 AS shares, random() < 0.02 AS is_busy,
       'new-' || extract(epoch FROM clock_timestamp()) AS id, 'user-' || (random() * 2999)::int AS somebody \\gset
\\if :signs_up
  INSERT INTO users (id, email, firstName) VALUES (:'id', :'id' || '@example.com', 'New');
  \\if :is_referred
    INSERT INTO referrals (referrerId, refereeId, referralCode, creditsAwarded) VALUES (:'somebody', :'id', 'CODE', 50);
  \\endif
\\endif
\\if :buys
  INSERT INTO credit_transactions (userId, type, credits, priceCents) VALUES (:'somebody', 'purchase', 100, 999);
\\endif
\\if :shares
  INSERT INTO community_shares (id, userId, contentType, contentId)
    SELECT 1 + max(id), :'somebody', (ARRAY['session', 'media'])[1 + (random())::int], :'id' FROM community_shares;
\\endif
\\if :is_busy
  INSERT INTO community_likes (shareId, userId) SELECT max(id), :'somebody' FROM community_shares;
  INSERT INTO content_sessions (id, userId, title) VALUES (:'id', :'somebody', 'Session');
  INSERT INTO media_vault (id, userId, fileName) VALUES (:'id', :'somebody', 'image.png');
  INSERT INTO user_activity_logs (userId, action, feature, details) VALUES
    (:'somebody', 'session_created', 'sessions', NULL),
    (:'somebody', 'media_uploaded', 'media_gallery', NULL),
    (:'somebody', 'smart_caption_generated', 'smart_captions',
     jsonb_build_object('theme', (ARRAY['JOI', 'Beta', 'CBT'])[1 + (random() * 2)::int]));
  UPDATE user_usage_stats
    SET sessionsCreated = coalesce(sessionsCreated, 0) + 1, mediaUploaded = coalesce(mediaUploaded, 0) + 1,
        smartCaptionsGenerated = coalesce(smartCaptionsGenerated, 0) + 1, captionThemeJoi = coalesce(captionThemeJoi, 0) + 1,
        loginCount = coalesce(loginCount, 0) + 1, pagesViewed = coalesce(pagesViewed, 0) + 7, lastActivityAt = now()
    WHERE userId = :'somebody';
\\endif
";

impl Joip {
    /// Lives until dropped. While the server is frozen, this waits.
    pub async fn live(&self, platform: &Platform) -> Infallible {
        keep(async |_| platform.postgres.script(DATABASE, CHANGES).await).await
    }
}
