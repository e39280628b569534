//! A made-up Hayon: its documents, from a fixed seed.

use fastrand::Rng;
use mongodb::bson::{Bson, DateTime, Document, doc};

pub const PLATFORMS: [&str; 5] = ["bluesky", "tumblr", "facebook", "threads", "mastodon"];

pub const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// An account. Times are in seconds before now.
#[derive(Clone, Debug)]
pub struct User {
    pub plan: &'static str,
    pub status: &'static str,
    pub subscribed: bool,
    /// When the paid period ended; negative when it goes on.
    pub paid_until: i64,
    pub disabled: bool,
    pub registered: i64,
    pub posts: i32,
    pub captions: i32,
    pub limits: (i32, i32),
}

/// A connection to a platform.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    pub connected: bool,
    pub status: &'static str,
}

/// A post, and when it is due in seconds before now.
#[derive(Clone, Copy, Debug)]
pub struct Post {
    pub status: &'static str,
    pub due: Option<i64>,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct World {
    pub now: i64,
    pub users: Vec<User>,
    pub accounts: Vec<[Connection; 5]>,
    pub posts: Vec<Post>,
}

/// What PLAN_LIMITS says: posts and captions.
pub fn limits_of(plan: &str) -> (i32, i32) {
    if plan == "pro" { (60, 30) } else { (30, 15) }
}

fn one_of<T: Copy>(rng: &mut Rng, items: &[T]) -> T {
    items[rng.usize(..items.len())]
}

impl User {
    /// An account that was made just now.
    pub fn typical() -> Self {
        Self {
            plan: "free",
            status: "active",
            subscribed: false,
            paid_until: 0,
            disabled: false,
            registered: 0,
            posts: 0,
            captions: 0,
            limits: limits_of("free"),
        }
    }

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
    pub fn document(&self, number: usize, now: i64) -> Document {
        let at = |seconds: i64| DateTime::from_millis((now - seconds) * 1000);
        let paid = |value: Bson| if self.subscribed { value } else { Bson::Null };
        doc! {
            "_id": i64::try_from(number).expect("small"),
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

    pub fn pays(&self) -> bool {
        self.subscribed && self.status == "active"
    }
}

impl World {
    /// The same world at every run.
    pub fn new(users: usize) -> Self {
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

    pub fn user_documents(&self) -> Vec<Document> {
        self.users.iter().enumerate().map(|(number, user)| user.document(number, self.now)).collect()
    }

    pub fn account_documents(&self) -> Vec<Document> {
        let documents = self.accounts.iter().enumerate().map(|(number, connections)| {
            let mut document = doc! {"_id": i64::try_from(number).expect("small")};
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

    pub fn post_documents(&self) -> Vec<Document> {
        let documents = self.posts.iter().enumerate().map(|(number, post)| {
            let due = post.due.map(|due| DateTime::from_millis((self.now - due) * 1000));
            doc! {"_id": i64::try_from(number).expect("small"), "content": {"text": "secret"}, "status": post.status, "scheduledAt": due}
        });
        documents.collect()
    }
}
