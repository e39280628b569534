//! A made-up Hayon: its documents, from a fixed seed.

use fastrand::Rng;
use mongodb::bson::{Bson, DateTime, Document, doc};

pub const PLATFORMS: [&str; 5] = ["bluesky", "tumblr", "facebook", "threads", "mastodon"];

pub const MINUTE: i64 = 60;
pub const HOUR: i64 = 60 * MINUTE;
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
    pub limits: Limits,
    /// Counted nowhere.
    pub is_staff: bool,
}

/// The limits of posts and captions, if there are any.
pub type Limits = (Option<i32>, Option<i32>);

/// A connection to a platform.
#[derive(Clone, Copy, Debug)]
pub struct Connection {
    pub connected: bool,
    pub status: &'static str,
}

/// A post. Times are in seconds before now.
#[derive(Clone, Debug)]
pub struct Post {
    pub status: &'static str,
    /// For when it is scheduled.
    pub scheduled: Option<i64>,
    pub created: i64,
    pub publications: Vec<Publication>,
    /// The number of its author.
    pub author: usize,
}

/// A post on one of its platforms.
#[derive(Clone, Copy, Debug)]
pub struct Publication {
    pub platform: &'static str,
    pub status: &'static str,
    /// When a worker last began with it.
    pub attempted: Option<i64>,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct World {
    pub now: i64,
    pub users: Vec<User>,
    pub accounts: Vec<[Connection; 5]>,
    pub posts: Vec<Post>,
}

/// What PLAN_LIMITS says.
pub fn limits_of(plan: &str) -> Limits {
    if plan == "pro" { (Some(60), Some(30)) } else { (Some(30), Some(15)) }
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
            is_staff: false,
        }
    }

    fn random(rng: &mut Rng) -> Self {
        let plan = one_of(rng, &["free", "free", "free", "free", "pro", "pro"]);
        let status = one_of(rng, &["active", "active", "active", "pastDue", "cancelled", "incomplete"]);
        let limits = match rng.u32(..20) {
            0 => limits_of("pro"),
            1 => (Some(0), Some(-1)),
            2 => (Some(7), Some(10)),
            3 => (None, None),
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
            posts: rng.i32(0..=limits.0.unwrap_or(0).max(10) + 2),
            captions: rng.i32(0..=limits.1.unwrap_or(0).max(10) + 2),
            limits,
            is_staff: rng.u32(..15) == 0,
        }
    }

    /// The document, as the application's schema makes it.
    pub fn document(&self, number: usize, now: i64) -> Document {
        let at = |seconds: i64| DateTime::from_millis((now - seconds) * 1000);
        let paid = |value: Bson| if self.subscribed { value } else { Bson::Null };
        let mut limits = Document::new();
        for (name, limit) in [("maxCaptionGenerations", self.limits.1), ("maxPosts", self.limits.0)] {
            limits.extend(limit.map(|limit| (name.to_owned(), limit.into())));
        }
        let mut document = doc! {
            "_id": i64::try_from(number).expect("small"),
            "email": format!("user{number}@{}example.com", if self.is_staff { "staff." } else { "" }),
            "isDisabled": self.disabled,
            "auth": {"provider": "email", "passwordHash": "$2b$12$secret"},
            "subscription": {
                "plan": self.plan,
                "status": self.status,
                "stripeSubscriptionId": paid(format!("sub_{number}").into()),
                "currentPeriodEnd": paid(at(self.paid_until).into()),
            },
            "usage": {"captionGenerations": self.captions, "postsCreated": self.posts},
            "limits": limits,
            "createdAt": at(self.registered),
        };
        mark(&mut document, self.is_staff);
        document
    }

    pub fn pays(&self) -> bool {
        self.subscribed && self.status == "active"
    }
}

impl Post {
    /// Away from the edges of the windows.
    fn random(rng: &mut Rng, users: usize) -> Self {
        let age = match rng.u32(..6) {
            0 => rng.i64(7 * MINUTE..10 * MINUTE),
            1 => rng.i64(20 * MINUTE..50 * MINUTE),
            2 => rng.i64(2 * HOUR..20 * HOUR),
            3 => rng.i64(2 * DAY..9 * DAY),
            _ => -rng.i64(HOUR..9 * DAY),
        };
        let is_scheduled = age < 0 || rng.bool();
        let status = match (age < 0, is_scheduled) {
            (true, _) => one_of(rng, &["SCHEDULED", "SCHEDULED", "DRAFT", "CANCELLED"]),
            (false, true) => {
                one_of(rng, &["COMPLETED", "FAILED", "PARTIAL_SUCCESS", "PROCESSING", "SCHEDULED"])
            }
            (false, false) => {
                one_of(rng, &["COMPLETED", "FAILED", "PARTIAL_SUCCESS", "PROCESSING", "PENDING", "DRAFT"])
            }
        };
        let outcomes: &[_] = match status {
            "COMPLETED" => &["completed", "completed", "deleted"],
            "FAILED" => &["failed", "failed"],
            "PARTIAL_SUCCESS" => &["failed", "completed"],
            "PROCESSING" => &["processing", "completed"],
            _ => &["pending"],
        };
        let first = rng.usize(..PLATFORMS.len());
        // Some are tried again, long after they were due.
        let attempted =
            if age > HOUR && rng.bool() { rng.i64(HOUR..2 * HOUR) } else { rng.i64(MINUTE..5 * MINUTE) };
        let publications = outcomes.iter().enumerate().map(|(index, outcome)| Publication {
            platform: PLATFORMS[(first + index) % PLATFORMS.len()],
            status: outcome,
            attempted: (*outcome != "pending").then_some(attempted),
        });
        Self {
            status,
            scheduled: is_scheduled.then_some(age),
            created: if is_scheduled { age.max(0) + rng.i64(HOUR..30 * DAY) } else { age },
            publications: publications.collect(),
            author: rng.usize(..users),
        }
    }

    /// When it is or was due.
    pub fn due(&self) -> i64 {
        self.scheduled.unwrap_or(self.created)
    }

    /// The document, as the application's schema makes it.
    pub fn document(&self, now: i64) -> Document {
        let at = |seconds: i64| DateTime::from_millis((now - seconds) * 1000);
        let publications = self.publications.iter().map(|publication| {
            let mut document =
                doc! {"platform": publication.platform, "status": publication.status, "error": "secret"};
            document.extend(
                publication.attempted.map(|attempted| ("lastAttemptAt".to_owned(), at(attempted).into())),
            );
            document
        });
        doc! {
            "userId": i64::try_from(self.author).expect("small"),
            "content": {"text": "secret"},
            "status": self.status,
            "scheduledAt": self.scheduled.map(at),
            "createdAt": at(self.created),
            "platformStatuses": publications.collect::<Vec<_>>(),
        }
    }
}

impl World {
    /// The same world at every run.
    pub fn new(users: usize) -> Self {
        let mut rng = Rng::with_seed(20_250_101);
        let connection = |rng: &mut Rng| Connection {
            connected: rng.bool(),
            status: one_of(rng, &["active", "active", "active", "expired", "revoked", "error", "banned"]),
        };
        Self {
            now: jiff::Timestamp::now().as_second(),
            users: (0..users).map(|_| User::random(&mut rng)).collect(),
            accounts: (0..users).map(|_| std::array::from_fn(|_| connection(&mut rng))).collect(),
            posts: (0..users).map(|_| Post::random(&mut rng, users)).collect(),
        }
    }

    /// Those who are counted.
    pub fn customers(&self) -> impl Iterator<Item = &User> {
        self.users.iter().filter(|user| !user.is_staff)
    }

    /// The posts of those who are counted.
    pub fn posts_of_customers(&self) -> impl Iterator<Item = &Post> {
        self.posts.iter().filter(|post| !self.users[post.author].is_staff)
    }

    pub fn user_documents(&self) -> Vec<Document> {
        self.users.iter().enumerate().map(|(number, user)| user.document(number, self.now)).collect()
    }

    pub fn account_documents(&self) -> Vec<Document> {
        let documents = self.accounts.iter().enumerate().map(|(number, connections)| {
            let user = i64::try_from(number).expect("small");
            let mut document = doc! {"_id": user, "userId": user};
            mark(&mut document, self.users[number].is_staff);
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
            let mut document = post.document(self.now);
            document.insert("_id", i64::try_from(number).expect("small"));
            mark(&mut document, self.users[post.author].is_staff);
            document
        });
        documents.collect()
    }
}

/// Leaves a document out, as the application itself could.
fn mark(document: &mut Document, is_left_out: bool) {
    if is_left_out {
        document.insert("isTest", true);
    }
}
