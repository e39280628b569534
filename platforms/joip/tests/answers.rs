//! What the pack has to export, worked out from the rows themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::super::exported::Values;
use testkit::joip::world::{COUNTERS, EVENTS, Event, User, World};

pub(super) const PREMIUM_PRICE: f64 = 7.5;

const DAY: u64 = 86_400;
const WINDOWS: [(&str, u64); 3] = [("24h", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY)];

/// Columns of counters, and what they are called in `joip_feature_uses`.
const FEATURES: [(&str, &str, &str); 15] = [
    ("sessionsCreated", "sessions", "created"),
    ("sessionsViewed", "sessions", "viewed"),
    ("sessionsEdited", "sessions", "edited"),
    ("sessionsDeleted", "sessions", "deleted"),
    ("sessionsShared", "sessions", "shared"),
    ("sessionsFavorited", "sessions", "favorited"),
    ("smartCaptionsGenerated", "smart_captions", "generated"),
    ("customCaptionsGenerated", "smart_captions", "custom_created"),
    ("babecockImagesCreated", "babecock_studio", "images_created"),
    ("babecockRemixesCreated", "babecock_studio", "remixes_created"),
    ("mediaUploaded", "media_gallery", "uploaded"),
    ("mediaDeleted", "media_gallery", "deleted"),
    ("mediaShared", "media_gallery", "shared"),
    ("mediaDownloaded", "media_gallery", "downloaded"),
    ("bulkDownloads", "media_gallery", "bulk_downloaded"),
];

const VARIANTS: [(&str, &str, &str); 7] = [
    ("captionThemeJoi", "smart_captions", "joi"),
    ("captionThemeForcedBi", "smart_captions", "forcedbi"),
    ("captionThemeBeta", "smart_captions", "beta"),
    ("captionThemeCbt", "smart_captions", "cbt"),
    ("captionThemeCuckold", "smart_captions", "cuckold"),
    ("babecockLayoutsSideBySide", "babecock_studio", "sidebyside"),
    ("babecockLayoutsTopBottom", "babecock_studio", "topbottom"),
];

/// Every value of the pack.
pub(super) fn answers(world: &World) -> Values {
    let mut values = Answers::default();
    values.accounts(world);
    values.content(world);
    values.money(world);
    values.usage(world);
    values.log(world);
    values.referrals(world);
    values.community(world);
    values.0
}

/// The activity score of an account.
pub(super) fn score(user: &User) -> f64 {
    let columns = [
        "sessionsCreated",
        "smartCaptionsGenerated",
        "customCaptionsGenerated",
        "babecockImagesCreated",
        "mediaUploaded",
    ];
    columns.iter().map(|column| counter(user, column)).sum()
}

pub(super) fn counter(user: &User, column: &str) -> f64 {
    let index = COUNTERS.iter().position(|known| *known == column).unwrap();
    user.counters.as_ref().and_then(|counters| counters[index]).map_or(0.0, f64::from)
}

/// The letters and digits of a theme.
pub(super) fn plain(theme: &str) -> String {
    theme.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect()
}

/// What was logged several times, with its number: user, action, theme and age are the same.
pub(super) fn repeated<'a>(
    events: impl Iterator<Item = &'a Event>,
) -> BTreeMap<(usize, &'a str, Option<&'a str>, u64), f64> {
    let mut times = BTreeMap::new();
    for event in events {
        if let Some(user) = event.user {
            *times.entry((user, event.action, event.theme, event.age)).or_insert(0.0) += 1.0;
        }
    }
    times.retain(|_, times| *times > 1.0);
    times
}

#[expect(clippy::cast_precision_loss, reason = "counts of a test are small")]
fn count<T>(rows: impl Iterator<Item = T>) -> f64 {
    rows.count() as f64
}

#[derive(Default)]
struct Answers(Values);

impl Answers {
    fn put(&mut self, series: impl Into<String>, value: f64) {
        assert!(self.0.insert(series.into(), value).is_none());
    }

    /// The sum over rows younger than each window, and over those of the window before.
    fn windows(&mut self, name: &str, more: &str, previous: bool, rows: &[(f64, u64)]) {
        let sum = |from: u64, to: u64| -> f64 {
            rows.iter().filter(|(_, age)| (from..to).contains(age)).map(|(amount, _)| amount).sum()
        };
        for (window, length) in WINDOWS {
            self.put(format!("{name}_new{{{more}window=\"{window}\"}}"), sum(0, length));
            if previous {
                let value = sum(length, 2 * length);
                self.put(format!("{name}_new_previous{{{more}window=\"{window}\"}}"), value);
            }
        }
    }

    fn accounts(&mut self, world: &World) {
        self.put("joip_users", count(world.users.iter()));
        let ages: Vec<_> = world.users.iter().map(|user| (1.0, user.age)).collect();
        self.windows("joip_users", "", true, &ages);
        let premium = count(world.users.iter().filter(|user| user.tier == Some("premium")));
        self.put("joip_users_premium", premium);
        self.put("joip_subscription_monthly_revenue{currency=\"eur\"}", premium * PREMIUM_PRICE);
        let active = |from: u64, to: u64| {
            let rows = world.sessions.iter().filter(|(_, age)| (from..to).contains(age));
            count(rows.filter_map(|(user, _)| *user).collect::<BTreeSet<_>>().iter())
        };
        for (window, length) in WINDOWS {
            self.put(format!("joip_users_active{{window=\"{window}\"}}"), active(0, length));
        }
        self.put("joip_users_active_previous{window=\"30d\"}", active(30 * DAY, 60 * DAY));
    }

    fn content(&mut self, world: &World) {
        for (name, rows) in [("joip_sessions", &world.sessions), ("joip_media", &world.media)] {
            self.put(name, count(rows.iter()));
            let ages: Vec<_> = rows.iter().map(|(_, age)| (1.0, *age)).collect();
            self.windows(name, "", true, &ages);
        }
    }

    fn money(&mut self, world: &World) {
        let paid = world.transactions.iter().filter_map(|row| Some((f64::from(row.cents?) / 100.0, row.age)));
        let paid: Vec<_> = paid.collect();
        self.put("joip_credit_purchases", count(paid.iter()));
        self.put("joip_credit_revenue{currency=\"eur\"}", paid.iter().map(|(amount, _)| amount).sum());
        self.windows("joip_credit_revenue", "currency=\"eur\",", true, &paid);
        for kind in ["purchase", "referral", "usage"] {
            let of_kind = world.transactions.iter().filter(|row| row.kind == kind);
            self.put(format!("joip_credit_transactions{{type=\"{kind}\"}}"), count(of_kind.clone()));
            let credits = i32::try_from(of_kind.map(|row| row.credits).sum::<i64>()).unwrap();
            self.put(format!("joip_credits{{type=\"{kind}\"}}"), f64::from(credits));
        }
    }

    fn usage(&mut self, world: &World) {
        let tracked: Vec<_> = world.users.iter().filter(|user| user.counters.is_some()).collect();
        let sum = |column: &str| tracked.iter().map(|user| counter(user, column)).sum::<f64>();
        self.put("joip_users_tracked", count(tracked.iter()));
        for (column, feature, action) in FEATURES {
            let series = format!("joip_feature_uses{{action=\"{action}\",feature=\"{feature}\"}}");
            self.put(series, sum(column));
        }
        for (column, feature, variant) in VARIANTS {
            let series = format!("joip_feature_variant_uses{{feature=\"{feature}\",variant=\"{variant}\"}}");
            self.put(series, sum(column));
        }
        self.put("joip_logins", sum("loginCount"));
        self.put("joip_pages_viewed", sum("pagesViewed"));
        self.put("joip_api_calls", sum("apiCallsTotal"));
        self.put("joip_time_spent_seconds", 60.0 * sum("timeSpentMinutes"));
        let scores: Vec<_> = tracked.iter().map(|user| score(user)).collect();
        self.put("joip_activity_score", scores.iter().sum());
        let bounds =
            [("0", 0.0, 1.0), ("1-9", 1.0, 10.0), ("10-99", 10.0, 100.0), ("100-999", 100.0, 1000.0)];
        for (label, from, to) in bounds.into_iter().chain([("1000+", 1000.0, f64::INFINITY)]) {
            let users = count(scores.iter().filter(|score| (from..to).contains(*score)));
            self.put(format!("joip_users_by_activity_score{{score=\"{label}\"}}"), users);
        }
        let seen: Vec<_> = tracked.iter().filter_map(|user| user.last_active).collect();
        for (window, length) in WINDOWS {
            let users = count(seen.iter().filter(|age| **age < length));
            self.put(format!("joip_users_seen{{window=\"{window}\"}}"), users);
        }
        self.put("joip_last_activity_timestamp_seconds", time(world, seen.iter().min()));
    }

    fn log(&mut self, world: &World) {
        let known = EVENTS
            .iter()
            .flat_map(|(feature, actions)| actions.iter().map(move |action| (*feature, *action)));
        let logged = world.events.iter().map(|event| (event.feature, event.action));
        for (feature, action) in known.chain(logged).collect::<BTreeSet<_>>() {
            let labels = format!("action=\"{action}\",feature=\"{feature}\"");
            let rows = world.events.iter().filter(|event| (event.feature, event.action) == (feature, action));
            let ages: Vec<_> = rows.map(|event| (1.0, event.age)).collect();
            self.put(format!("joip_events{{{labels}}}"), count(ages.iter()));
            self.windows("joip_events", &format!("{labels},"), false, &ages);
            if let Some((_, oldest)) = ages.iter().max_by_key(|(_, age)| age) {
                let series = format!("joip_events_oldest_timestamp_seconds{{{labels}}}");
                self.put(series, time(world, Some(oldest)));
            }
            if let Some((_, newest)) =
                ages.iter().min_by_key(|(_, age)| age).filter(|(_, age)| *age < 30 * DAY)
            {
                let series = format!("joip_events_newest_timestamp_seconds{{{labels}}}");
                self.put(series, time(world, Some(newest)));
            }
        }
        self.themes(world);
        let repeated = repeated(world.events.iter().filter(|event| event.age < DAY));
        self.put("joip_events_repeated{window=\"24h\"}", repeated.values().map(|times| times - 1.0).sum());
    }

    fn themes(&mut self, world: &World) {
        let mut themes: BTreeMap<(&str, String), Vec<(f64, u64)>> = BTreeMap::new();
        let has_theme =
            |event: &&Event| ["theme_selected", "smart_caption_generated"].contains(&event.action);
        for event in world.events.iter().filter(has_theme).filter(|event| event.age < 30 * DAY) {
            if let Some(theme) = event.theme.map(plain).filter(|theme| !theme.is_empty()) {
                themes.entry((event.action, theme)).or_default().push((1.0, event.age));
            }
        }
        for ((action, theme), ages) in themes {
            self.windows(
                "joip_theme_events",
                &format!("action=\"{action}\",theme=\"{theme}\","),
                false,
                &ages,
            );
        }
    }

    fn referrals(&mut self, world: &World) {
        self.put("joip_referrals", count(world.referrals.iter()));
        self.put("joip_referral_credits", world.referrals.iter().map(|row| f64::from(row.credits)).sum());
        let ages: Vec<_> = world.referrals.iter().map(|row| (1.0, row.age)).collect();
        self.windows("joip_referrals", "", true, &ages);
        let is_active =
            |user: usize| world.sessions.iter().any(|(by, age)| *by == Some(user) && *age < 30 * DAY);
        let active = count(world.referrals.iter().filter(|row| is_active(row.referee)));
        self.put("joip_referrals_active{window=\"30d\"}", active);
    }

    fn community(&mut self, world: &World) {
        for content in ["media", "session"] {
            let rows = world.shares.iter().filter(|row| row.content == content);
            let ages: Vec<_> = rows.map(|row| (1.0, row.age)).collect();
            self.put(format!("joip_community_shares{{content=\"{content}\"}}"), count(ages.iter()));
            self.windows("joip_community_shares", &format!("content=\"{content}\","), false, &ages);
        }
        self.put("joip_community_likes", count(world.likes.iter()));
        let ages: Vec<_> = world.likes.iter().map(|(_, age)| (1.0, *age)).collect();
        self.windows("joip_community_likes", "", false, &ages);
    }
}

#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are below 2^53")]
fn time(world: &World, age: Option<&u64>) -> f64 {
    world.seconds(*age.unwrap()) as f64
}
