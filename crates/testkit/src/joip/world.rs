//! A made-up JOIP: what its tables hold, the same in every run but for the time at which it ends.

use fastrand::Rng;

const HOUR: u64 = 3600;
pub const DAY: u64 = 24 * HOUR;

/// Ages of rows, in seconds: far enough from the edges of every window for a slow test.
const AGES: [(u64, u64); 7] = [
    (HOUR, 22 * HOUR),
    (26 * HOUR, 46 * HOUR),
    (50 * HOUR, 6 * DAY),
    (8 * DAY, 13 * DAY),
    (15 * DAY, 29 * DAY),
    (31 * DAY, 59 * DAY),
    (61 * DAY, 300 * DAY),
];

/// The counters of an account, as the columns are named and in their order.
pub const COUNTERS: [&str; 26] = [
    "sessionsCreated",
    "sessionsViewed",
    "sessionsEdited",
    "sessionsDeleted",
    "sessionsShared",
    "sessionsFavorited",
    "smartCaptionsGenerated",
    "customCaptionsGenerated",
    "captionThemeJoi",
    "captionThemeForcedBi",
    "captionThemeBeta",
    "captionThemeCbt",
    "captionThemeCuckold",
    "babecockImagesCreated",
    "babecockRemixesCreated",
    "babecockLayoutsSideBySide",
    "babecockLayoutsTopBottom",
    "mediaUploaded",
    "mediaDeleted",
    "mediaShared",
    "mediaDownloaded",
    "bulkDownloads",
    "loginCount",
    "pagesViewed",
    "apiCallsTotal",
    "timeSpentMinutes",
];

/// What the application writes into its log: feature, and the actions of it.
pub const EVENTS: [(&str, &[&str]); 5] = [
    (
        "sessions",
        &[
            "session_created",
            "session_viewed",
            "session_edited",
            "session_deleted",
            "session_shared",
            "session_favorited",
            "session_refreshed",
        ],
    ),
    (
        "smart_captions",
        &["smart_caption_generated", "custom_caption_created", "caption_regenerated", "theme_selected"],
    ),
    ("babecock_studio", &["babecock_created", "babecock_remix", "layout_detected"]),
    (
        "media_gallery",
        &["media_uploaded", "media_deleted", "media_shared", "media_downloaded", "bulk_download"],
    ),
    (
        "admin",
        &[
            "analytics_viewed",
            "user_updated",
            "user_role_updated",
            "user_deleted",
            "settings_updated",
            "audit_logs_viewed",
        ],
    ),
];

/// An account. Ages are in seconds before the end of the world.
pub struct User {
    pub tier: Option<&'static str>,
    pub age: u64,
    /// Its row of counters, some of which are NULL.
    pub counters: Option<Vec<Option<u32>>>,
    pub last_active: Option<u64>,
}

/// A row of the log.
#[derive(Clone)]
pub struct Event {
    /// Nobody, if a visitor has not signed in.
    pub user: Option<usize>,
    pub action: &'static str,
    pub feature: &'static str,
    pub theme: Option<&'static str>,
    pub age: u64,
}

pub struct Referral {
    pub referrer: usize,
    pub referee: usize,
    pub credits: u32,
    pub age: u64,
}

pub struct Transaction {
    pub user: usize,
    pub kind: &'static str,
    pub credits: i64,
    pub cents: Option<u32>,
    pub age: u64,
}

pub struct Share {
    pub user: Option<usize>,
    pub content: &'static str,
    pub age: u64,
}

/// Everything. Users and shares are known by their position.
pub struct World {
    /// Seconds since 1970.
    pub end: i64,
    pub users: Vec<User>,
    pub events: Vec<Event>,
    /// Counters that belong to nobody.
    pub counters_of_nobody: Vec<Option<u32>>,
    /// User and age.
    pub sessions: Vec<(Option<usize>, u64)>,
    pub media: Vec<(Option<usize>, u64)>,
    pub referrals: Vec<Referral>,
    pub transactions: Vec<Transaction>,
    pub shares: Vec<Share>,
    /// Share and age.
    pub likes: Vec<(usize, u64)>,
}

fn age(rng: &mut Rng) -> u64 {
    let (from, to) = AGES[rng.usize(..AGES.len())];
    rng.u64(from..to)
}

impl World {
    pub fn populated() -> Self {
        Self::populated_at(jiff::Timestamp::now().as_second())
    }

    /// The same, with the time at which it ends.
    pub fn populated_at(end: i64) -> Self {
        let mut rng = Rng::with_seed(7);
        let users: Vec<User> = (0..3000).map(|_| user(&mut rng)).collect();
        // Not everybody makes sessions, and some make many.
        let somebody = |rng: &mut Rng| rng.usize(..users.len()).min(rng.usize(..users.len()));
        let mut rows = |count: usize| -> Vec<(Option<usize>, u64)> {
            (0..count).map(|_| (Some(somebody(&mut rng)), age(&mut rng))).collect()
        };
        let (mut sessions, media) = (rows(2500), rows(4000));
        let events: Vec<_> = (0..12_000).map(|_| event(&mut rng, users.len())).collect();
        let referrals = (0..400).map(|number| Referral {
            referrer: rng.usize(..100),
            referee: 2000 + number,
            credits: rng.u32(1..5) * 25,
            age: age(&mut rng),
        });
        let referrals = referrals.collect();
        let transactions = (0..3000).map(|_| transaction(&mut rng, users.len())).collect();
        let mut shares: Vec<_> = (0..600)
            .map(|_| Share {
                user: Some(rng.usize(..200)),
                content: rng.choice(["session", "media", "media"]).expect("there are some"),
                age: age(&mut rng),
            })
            .collect();
        let likes = (0..2000).map(|_| (rng.usize(..shares.len()), age(&mut rng))).collect();
        // What nobody has done is more than what any account has done.
        sessions.extend((0..300).map(|_| (None, age(&mut rng))));
        shares.extend((0..300).map(|_| Share { user: None, content: "media", age: age(&mut rng) }));
        let counters_of_nobody = vec![Some(1_000_000); COUNTERS.len()];
        let events = [twice(&events), visits(&mut rng), events].concat();
        Self {
            end,
            users,
            events,
            counters_of_nobody,
            sessions,
            media,
            referrals,
            transactions,
            shares,
            likes,
        }
    }

    /// A point in time in seconds since 1970.
    pub fn seconds(&self, age: u64) -> i64 {
        self.end - i64::try_from(age).expect("small")
    }
}

/// The key of an account.
pub fn id(user: usize) -> String {
    format!("user-{user}")
}

/// Some accounts are of people who work at JOIP.
pub fn email(user: usize) -> String {
    let domain = if user % 40 == 3 { "Staff.example.com" } else { "example.com" };
    format!("user{user}@{domain}")
}

fn user(rng: &mut Rng) -> User {
    let mut counters = || -> Vec<Option<u32>> {
        let largest = rng.choice([1, 10, 60, 400]).expect("there are some");
        COUNTERS.iter().map(|_| (rng.u8(..) > 20).then(|| rng.u32(..largest))).collect()
    };
    let counters = counters();
    User {
        tier: rng.choice([None, Some("free"), Some("free"), Some("premium")]).expect("there are some"),
        age: age(rng),
        counters: (rng.u8(..) > 20).then_some(counters),
        last_active: (rng.u8(..) > 20).then(|| age(rng)),
    }
}

/// One of these, and the first ones more often.
fn popular<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len()).min(rng.usize(..of.len()))]
}

fn event(rng: &mut Rng, users: usize) -> Event {
    let (feature, actions) = popular(rng, &EVENTS);
    // Nobody has deleted a user yet.
    let actions = actions.iter().copied().filter(|action| *action != "user_deleted");
    let action = popular(rng, &actions.collect::<Vec<_>>());
    let themes = [Some("JOI"), Some("Forced-Bi"), Some("forced_bi"), Some("Beta"), Some("-"), None];
    let theme = popular(rng, &themes);
    Event { user: Some(rng.usize(..users)), action, feature, theme, age: age(rng) }
}

/// Some of the events once more, as they are logged when an event is tracked twice.
fn twice(events: &[Event]) -> Vec<Event> {
    events.iter().step_by(50).cloned().collect()
}

/// The events of visitors who have not signed in, many of them at the same time.
fn visits(rng: &mut Rng) -> Vec<Event> {
    let visit = |age| Event { user: None, action: "session_viewed", feature: "sessions", theme: None, age };
    (0..30).flat_map(|_| vec![visit(age(rng)); 10]).collect()
}

fn transaction(rng: &mut Rng, users: usize) -> Transaction {
    let (user, age) = (rng.usize(..users), age(rng));
    let (kind, credits, cents) = match rng.u8(..4) {
        0 => ("purchase", 100, Some(rng.u32(100..5000))),
        1 => ("referral", 50, None),
        _ => ("usage", -rng.i64(1..20), None),
    };
    Transaction { user, kind, credits, cents, age }
}
