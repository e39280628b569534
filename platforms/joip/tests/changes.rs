//! What changes in the database moves the values that it is about, and no other.

use super::{Deployment, Spelling, Values, answers, shows};
use testkit::exporter::Exporter;
use testkit::joip::world::{Event, Share, Transaction, User, World};

/// A counter's column is at this place in the list.
const SESSIONS_VIEWED: usize = 1;

struct Scene {
    world: World,
    deployment: Deployment,
    exporter: Exporter,
}

impl Scene {
    /// Waits until the exporter shows the world as it is now; how many series changed.
    async fn shown(&self, before: &Values) -> (Values, usize) {
        let expected = answers(&self.world);
        let changed = expected.iter().filter(|(series, value)| before.get(*series) != Some(*value));
        let changed =
            changed.count() + before.keys().filter(|series| !expected.contains_key(*series)).count();
        shows(&self.exporter, &expected).await;
        (expected, changed)
    }

    async fn write(&self, sql: &str) {
        self.deployment.postgres.sql(sql).await;
    }

    async fn log(&mut self, action: &'static str, feature: &'static str, theme: &'static str) {
        self.world.events.push(Event { user: Some(5), action, feature, theme: Some(theme), age: 0 });
        let time = self.world.time(0);
        self.write(&format!(
            "INSERT INTO user_activity_logs (userId, action, feature, details, createdAt) \
             VALUES ('user-5', '{action}', '{feature}', jsonb_build_object('theme', '{theme}'), {time})"
        ))
        .await;
    }
}

#[tokio::test]
async fn the_right_values_move_and_only_they() {
    let world = World::populated();
    let deployment = Deployment::of(&world, Spelling::Folded).await;
    let exporter = Exporter::start(&deployment.config("")).await;
    let mut scene = Scene { world, deployment, exporter };
    let (seen, _) = scene.shown(&Values::new()).await;

    // A new account on the premium tier.
    let time = scene.world.time(0);
    let newcomer = User { tier: Some("premium"), age: 0, counters: None, last_active: None };
    scene.world.users.push(newcomer);
    scene
        .write(&format!(
            "INSERT INTO users (id, subscriptionTier, createdAt) VALUES ('new', 'premium', {time})"
        ))
        .await;
    let (seen, changed) = scene.shown(&seen).await;
    assert_eq!(changed, 6);

    // It makes a session, and is active.
    scene.world.sessions.push((Some(scene.world.users.len() - 1), 0));
    scene.write(&format!("INSERT INTO content_sessions VALUES ('new', 'new', 'Name', {time})")).await;
    let (seen, changed) = scene.shown(&seen).await;
    assert_eq!(changed, 7);

    // It leaves the tier.
    scene.world.users.last_mut().unwrap().tier = Some("free");
    scene.write("UPDATE users SET subscriptionTier = 'free' WHERE id = 'new'").await;
    let (seen, changed) = scene.shown(&seen).await;
    assert_eq!(changed, 2);

    // Somebody buys credits.
    let bought = Transaction { user: 5, kind: "purchase", credits: 100, cents: Some(999), age: 0 };
    scene.world.transactions.push(bought);
    scene
        .write(&format!(
            "INSERT INTO credit_transactions (userId, type, credits, priceCents, createdAt) \
             VALUES ('user-5', 'purchase', 100, 999, {time})"
        ))
        .await;
    let (seen, changed) = scene.shown(&seen).await;
    assert_eq!(changed, 7);

    // An action that was never taken, and one that nobody has heard of, each with a theme that does not count.
    scene.log("user_deleted", "admin", "JOI").await;
    let (seen, changed) = scene.shown(&seen).await;
    assert_eq!(changed, 6);
    scene.log("wished", "wishes", "JOI").await;
    let (seen, changed) = scene.shown(&seen).await;
    assert_eq!(changed, 6);

    // A new theme.
    scene.log("theme_selected", "smart_captions", "Teas-E").await;
    let (seen, changed) = scene.shown(&seen).await;
    assert_eq!(changed, 5 + 3);

    // Somebody views sessions; the score does not count that.
    let viewer = scene.world.users.iter().position(|user| user.counters.is_some()).unwrap();
    let counter = &mut scene.world.users[viewer].counters.as_mut().unwrap()[SESSIONS_VIEWED];
    *counter = Some(counter.unwrap_or(0) + 3);
    scene
        .write(&format!(
            "UPDATE user_usage_stats SET sessionsViewed = coalesce(sessionsViewed, 0) + 3 WHERE userId = 'user-{viewer}'"
        ))
        .await;
    let (seen, changed) = scene.shown(&seen).await;
    assert_eq!(changed, 1);

    // Somebody shares a session, and somebody likes it.
    scene.world.shares.push(Share { user: Some(5), content: "session", age: 0 });
    scene.world.likes.push((scene.world.shares.len() - 1, 0));
    scene
        .write(&format!(
            "INSERT INTO community_shares VALUES (9999, 'user-5', 'session', 'new', {time}); \
             INSERT INTO community_likes (shareId, userId, createdAt) VALUES (9999, 'user-6', {time})"
        ))
        .await;
    let (seen, changed) = scene.shown(&seen).await;
    assert_eq!(changed, 8);

    // The log loses what is older than 60 days: no window changes.
    let retention = 60 * 86_400;
    scene.world.events.retain(|event| event.age < retention);
    scene
        .write(&format!("DELETE FROM user_activity_logs WHERE createdAt < {}", scene.world.time(retention)))
        .await;
    let before = seen.clone();
    let (seen, _) = scene.shown(&seen).await;
    let moved = seen.iter().filter(|(series, value)| before[*series] != **value);
    assert!(moved.clone().count() > 20);
    assert!(moved.clone().all(|(series, _)| {
        series.starts_with("joip_events{") || series.starts_with("joip_events_oldest_timestamp_seconds{")
    }));

    // A theme gets a column.
    scene.write("ALTER TABLE user_usage_stats ADD COLUMN captionThemeTeasE INTEGER DEFAULT 2").await;
    let mut expected = seen;
    let tracked = expected["joip_users_tracked"];
    expected.insert(
        "joip_feature_variant_uses{feature=\"smart_captions\",variant=\"tease\"}".to_owned(),
        2.0 * tracked,
    );
    shows(&scene.exporter, &expected).await;
}
