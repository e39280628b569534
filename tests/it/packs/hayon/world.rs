//! A made-up Hayon: its documents, and the answers that follow from them without asking any database.

use fastrand::Rng;
use mongodb::bson::{Bson, DateTime, Document, doc};

use super::super::exported::Values;

pub(super) const PLATFORMS: [&str; 5] = ["bluesky", "tumblr", "facebook", "threads", "mastodon"];

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// An account. Times are in seconds before now.
#[derive(Clone, Debug)]
pub(super) struct User {
    pub(super) plan: &'static str,
    pub(super) status: &'static str,
    pub(super) subscribed: bool,
    /// When the paid period ended; negative when it goes on.
    paid_until: i64,
    pub(super) disabled: bool,
    registered: i64,
    posts: i32,
    captions: i32,
    pub(super) limits: (i32, i32),
}

/// A connection to a platform.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection {
    pub(super) connected: bool,
    pub(super) status: &'static str,
}

/// A post, and when it is due in seconds before now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Post {
    pub(super) status: &'static str,
    pub(super) due: Option<i64>,
}

/// Everything.
#[derive(Clone, Debug)]
pub(super) struct World {
    now: i64,
    pub(super) users: Vec<User>,
    pub(super) accounts: Vec<[Connection; 5]>,
    pub(super) posts: Vec<Post>,
}

/// What PLAN_LIMITS says: posts and captions.
pub(super) fn limits_of(plan: &str) -> (i32, i32) {
    if plan == "pro" { (60, 30) } else { (30, 15) }
}

fn one_of<T: Copy>(rng: &mut Rng, items: &[T]) -> T {
    items[rng.usize(..items.len())]
}

impl User {
    fn random(rng: &mut Rng) -> Self {
        let plan = one_of(rng, &["free", "free", "free", "free", "pro", "pro"]);
        let status = one_of(rng, &["active", "active", "active", "pastDue", "cancelled", "incomplete"]);
        let limits = match rng.u32(..20) {
            0 => limits_of("pro"),
            1 => (0, -1),
            2 => (7, 10),
            _ => limits_of(plan),
        };
        // Away from the edges of the windows: the test may take a while.
        let registered = match rng.u32(..4) {
            0 => rng.i64(HOUR..20 * HOUR),
            1 => rng.i64(2 * DAY..6 * DAY),
            2 => rng.i64(8 * DAY..29 * DAY),
            _ => rng.i64(31 * DAY..900 * DAY),
        };
        Self {
            plan,
            status: if plan == "free" { "active" } else { status },
            subscribed: plan == "pro" && rng.u32(..10) > 0,
            paid_until: if rng.u32(..8) == 0 { rng.i64(2 * DAY..9 * DAY) } else { -rng.i64(HOUR..30 * DAY) },
            disabled: rng.u32(..12) == 0,
            registered,
            posts: rng.i32(0..=limits.0.max(10) + 1),
            captions: rng.i32(0..=limits.1.max(10) + 1),
            limits,
        }
    }

    /// The document, as the application's schema makes it.
    pub(super) fn document(&self, number: usize, now: i64) -> Document {
        let at = |seconds: i64| DateTime::from_millis((now - seconds) * 1000);
        let paid = |value: Bson| if self.subscribed { value } else { Bson::Null };
        doc! {
            "_id": i64::try_from(number).unwrap(),
            "email": format!("user{number}@example.com"),
            "isDisabled": self.disabled,
            "auth": {"provider": "email", "passwordHash": "$2b$12$secret"},
            "subscription": {
                "plan": self.plan,
                "status": self.status,
                "stripeSubscriptionId": paid(format!("sub_{number}").into()),
                "currentPeriodEnd": paid(at(self.paid_until).into()),
            },
            "usage": {"captionGenerations": self.captions, "postsCreated": self.posts},
            "limits": {"maxCaptionGenerations": self.limits.1, "maxPosts": self.limits.0},
            "createdAt": at(self.registered),
        }
    }

    fn pays(&self) -> bool {
        self.subscribed && self.status == "active"
    }
}

impl World {
    /// The same world at every run.
    pub(super) fn new(users: usize) -> Self {
        let mut rng = Rng::with_seed(20_250_101);
        let connection = |rng: &mut Rng| Connection {
            connected: rng.bool(),
            status: one_of(rng, &["active", "active", "active", "expired", "revoked", "error"]),
        };
        let post = |rng: &mut Rng| Post {
            status: one_of(rng, &["DRAFT", "SCHEDULED", "SCHEDULED", "COMPLETED", "FAILED"]),
            // Due long ago, just now, or in the future.
            due: Some(match rng.u32(..3) {
                0 => rng.i64(20 * MINUTE..2 * DAY),
                _ => -rng.i64(HOUR..9 * DAY),
            }),
        };
        Self {
            now: jiff::Timestamp::now().as_second(),
            users: (0..users).map(|_| User::random(&mut rng)).collect(),
            accounts: (0..users).map(|_| std::array::from_fn(|_| connection(&mut rng))).collect(),
            posts: (0..users).map(|_| post(&mut rng)).collect(),
        }
    }

    pub(super) fn user_documents(&self) -> Vec<Document> {
        self.users.iter().enumerate().map(|(number, user)| user.document(number, self.now)).collect()
    }

    pub(super) fn account_documents(&self) -> Vec<Document> {
        let documents = self.accounts.iter().enumerate().map(|(number, connections)| {
            let mut document = doc! {"_id": i64::try_from(number).unwrap()};
            for (platform, connection) in PLATFORMS.iter().zip(connections) {
                let health = doc! {"status": connection.status};
                let auth = doc! {"accessToken": "secret"};
                let part = doc! {"connected": connection.connected, "auth": auth, "health": health};
                document.insert(*platform, part);
            }
            document
        });
        documents.collect()
    }

    pub(super) fn post_documents(&self) -> Vec<Document> {
        let documents = self.posts.iter().enumerate().map(|(number, post)| {
            let due = post.due.map(|due| DateTime::from_millis((self.now - due) * 1000));
            doc! {"_id": i64::try_from(number).unwrap(), "content": {"text": "secret"}, "status": post.status, "scheduledAt": due}
        });
        documents.collect()
    }

    /// Every series of the pack that the database gives.
    pub(super) fn answers(&self) -> Values {
        let mut series = self.answers_of_users();
        for (index, platform) in PLATFORMS.into_iter().enumerate() {
            let connections = || self.accounts.iter().map(|account| account[index]).filter(|c| c.connected);
            let label = format!("platform=\"{platform}\"");
            add(&mut series, "connected_accounts", &label, connections().count());
            let broken = connections().filter(|connection| connection.status != "active").count();
            add(&mut series, "connected_accounts_broken", &label, broken);
        }
        let waiting = || self.posts.iter().filter(|post| post.status == "SCHEDULED");
        add(&mut series, "scheduled_posts", "", waiting().count());
        let overdue = waiting().filter(|post| post.due.is_some_and(|due| due > 5 * MINUTE)).count();
        add(&mut series, "scheduled_posts_overdue", "", overdue);
        if let Some(oldest) = waiting().filter_map(|post| post.due).max().filter(|due| *due > 0) {
            let at = usize::try_from(self.now - oldest).unwrap();
            add(&mut series, "scheduled_posts_oldest_due_timestamp_seconds", "", at);
        }
        series
    }

    fn answers_of_users(&self) -> Values {
        let mut series = Values::new();
        for plan in ["free", "pro"] {
            let of_plan: Vec<&User> = self.users.iter().filter(|user| user.plan == plan).collect();
            let count = |holds: &dyn Fn(&User) -> bool| of_plan.iter().filter(|user| holds(user)).count();
            let sum = |value: &dyn Fn(&User) -> i32| -> i64 {
                of_plan.iter().map(|user| i64::from(value(user))).sum()
            };
            let mut put = |name: &str, label: &str, value: i64| {
                let label = if label.is_empty() { String::new() } else { format!(",{label}") };
                #[expect(clippy::cast_precision_loss, reason = "small")]
                series.insert(
                    format!("hayon_{name}{{source=\"app-db\",plan=\"{plan}\"{label}}}"),
                    value as f64,
                );
            };
            let mut number =
                |name: &str, label: &str, value: usize| put(name, label, i64::try_from(value).unwrap());
            number("users", "state=\"active\"", count(&|user| !user.disabled));
            number("users", "state=\"inactive\"", count(&|user| user.disabled));
            number("users_paid", "", count(&|user| user.plan == "pro" && user.pays()));
            for (window, length) in [("1d", DAY), ("7d", 7 * DAY), ("30d", 30 * DAY)] {
                let new = count(&|user| user.registered < length);
                number("users_created", &format!("window=\"{window}\""), new);
            }
            let statuses = [
                ("active", "active"),
                ("past_due", "pastDue"),
                ("canceled", "cancelled"),
                ("other", "incomplete"),
            ];
            for (label, status) in statuses {
                let there = count(&|user| user.subscribed && user.status == status);
                number("subscriptions", &format!("status=\"{label}\""), there);
            }
            number("subscriptions_overdue", "", count(&|user| user.pays() && user.paid_until > DAY));
            // In tenths, without fractions: no rounding decides who is near.
            let near = |used: i32, limit: i32| limit > 0 && used * 10 >= limit * 8;
            let at = |used: i32, limit: i32| limit > 0 && used >= limit;
            number("users_near_limit", "limit=\"posts\"", count(&|user| near(user.posts, user.limits.0)));
            number(
                "users_near_limit",
                "limit=\"captions\"",
                count(&|user| near(user.captions, user.limits.1)),
            );
            number("users_at_limit", "limit=\"posts\"", count(&|user| at(user.posts, user.limits.0)));
            number("users_at_limit", "limit=\"captions\"", count(&|user| at(user.captions, user.limits.1)));
            number("users_off_plan_limits", "", count(&|user| user.limits != limits_of(user.plan)));
            put("posts_created", "", sum(&|user| user.posts));
            put("captions_generated", "", sum(&|user| user.captions));
            put("posts_allowed", "", sum(&|user| user.limits.0.max(0)));
            put("captions_allowed", "", sum(&|user| user.limits.1.max(0)));
        }
        series
    }
}

fn add(series: &mut Values, name: &str, label: &str, value: usize) {
    let label = if label.is_empty() { String::new() } else { format!(",{label}") };
    #[expect(clippy::cast_precision_loss, reason = "small")]
    series.insert(format!("hayon_{name}{{source=\"app-db\"{label}}}"), value as f64);
}
