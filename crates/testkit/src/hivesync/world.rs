//! A made-up HiveSync: every row of it, from a fixed seed.

use std::collections::BTreeSet;
use std::fmt::Display;

use fastrand::Rng;
use jiff::Timestamp;

use super::super::postgres::insert;

pub const USERS: u64 = 3000;

/// The user of a row without one.
pub const NOBODY: u64 = 0;

/// Ages in seconds, each in the middle of what has to be distinguished: within a minute, within fifteen, an hour, a day,
/// thirty days, and beyond. The first is by a clock that runs ahead, so that it stays what it is during a test.
pub const AGES: [i64; 6] = [-3600, 300, 1800, 12 * 3600, 15 * 86_400, 60 * 86_400];

/// The first of [`AGES`].
pub const NOW: i64 = AGES[0];

pub struct World {
    pub born: i64,
    pub subscriptions: Vec<Subscription>,
    pub projects: u64,
    pub sessions: Vec<Session>,
    pub requests: Vec<Job>,
    pub previews: Vec<Job>,
    /// The users of open WebSockets; some have several.
    pub sockets: Vec<u64>,
    /// Test, staff and deleted accounts, which are no users.
    pub left_out: BTreeSet<u64>,
    pub ai_queue: usize,
    pub preview_queue: usize,
    pub ai_log: Vec<(&'static str, &'static str, i64)>,
    pub preview_log: Vec<(&'static str, i64)>,
}

#[derive(Clone)]
pub struct Subscription {
    pub user: u64,
    pub plan: &'static str,
    pub status: &'static str,
    /// How long ago the trial ended.
    pub trial_ended: Option<i64>,
}

#[derive(Clone)]
pub struct Session {
    /// [`NOBODY`], or the id of a user.
    pub user: u64,
    pub kind: &'static str,
    pub device: Option<u64>,
    pub device_type: Option<&'static str>,
    pub age: i64,
    pub heartbeat: Option<i64>,
}

/// An AI request or a preview request.
#[derive(Clone)]
pub struct Job {
    /// [`NOBODY`], or the id of a user.
    pub user: u64,
    pub status: &'static str,
    pub class: Option<&'static str>,
    pub tokens: Option<(u64, u64)>,
    pub age: i64,
    /// In milliseconds; `None` while it has not ended.
    pub took: Option<i64>,
}

impl World {
    pub fn populated() -> Self {
        let mut rng = Rng::with_seed(7);
        let mut world = Self {
            born: Timestamp::now().as_second(),
            subscriptions: Vec::new(),
            projects: 700,
            sessions: Vec::new(),
            requests: (0..8000).map(|_| request(&mut rng)).collect(),
            previews: (0..3000).map(|_| preview(&mut rng)).collect(),
            sockets: (0..400).map(|_| 1 + rng.u64(..300)).collect(),
            left_out: BTreeSet::new(),
            ai_queue: 17,
            preview_queue: 5,
            ai_log: Vec::new(),
            preview_log: Vec::new(),
        };
        for user in 1..=USERS {
            world.subscriptions.extend(subscriptions(user, &mut rng));
        }
        for _ in 0..4000 {
            world.sessions.push(session(&mut rng));
        }
        for age in AGES {
            for class in ["provider_error", "provider_error", "timeout", "safety_rejection", "disk"] {
                world.ai_log.push(("ai.error", class, age));
                world.ai_log.push(("ai.completed", class, age));
            }
            world.preview_log.extend([("preview.failed", age), ("preview.completed", age)]);
        }
        world
    }

    /// Whether somebody counts as a user.
    pub fn counts(&self, user: u64) -> bool {
        user != NOBODY && !self.left_out.contains(&user)
    }

    /// The time of something that happened this long ago, in seconds since 1970.
    pub fn at(&self, age: i64) -> i64 {
        self.born - age
    }

    /// The statements that fill the tables of `demo/hivesync.schema.sql`.
    pub fn inserts(&self) -> String {
        let time = |age: i64| format!("to_timestamp({})", self.at(age));
        let users =
            (1..=USERS).map(|id| format!("{id}, 'user{id}', 'user{id}@example.com', {}", time(90 * 86_400)));
        let mut all = insert("users (id, username, email, created_at)", users);
        let subscriptions = self.subscriptions.iter().map(|row| {
            let ended = or_null(row.trial_ended.map(time));
            format!("{}, '{}', '{}', {ended}", row.user, row.plan, row.status)
        });
        all += &insert("subscriptions (user_id, plan, status, trial_ends_at)", subscriptions);
        let projects = (1..=self.projects).map(|id| format!("{id}, {}, 'project'", 1 + id % USERS));
        all += &insert("projects (id, user_id, name)", projects);
        let sessions = self.sessions.iter().map(|row| {
            let device = or_null(row.device.map(|device| format!("'device{device}'")));
            let device_type = or_null(row.device_type.map(|text| format!("'{text}'")));
            let (at, heartbeat) = (time(row.age), or_null(row.heartbeat.map(time)));
            format!("{}, '{}', {device}, {device_type}, {at}, {heartbeat}", user_id(row.user), row.kind)
        });
        let columns = "sessions (user_id, kind, device_id, device_type, created_at, last_heartbeat_at)";
        all += &insert(columns, sessions);
        let requests = self.requests.iter().map(|row| {
            let (input, output) = row.tokens.unzip();
            format!("{}, {}, {}", self.job(row), or_null(input), or_null(output))
        });
        let columns = "user_id, status, error_class, created_at, completed_at";
        all += &insert(&format!("ai_usage_events ({columns}, input_tokens, output_tokens)"), requests);
        let previews = self.previews.iter().map(|row| format!("{}, 1", self.job(row)));
        all += &insert(&format!("preview_jobs ({columns}, project_id)"), previews);
        all
    }

    fn job(&self, job: &Job) -> String {
        let class = or_null(job.class.map(|class| format!("'{class}'")));
        let created = format!("to_timestamp({})", self.at(job.age));
        let ended = or_null(job.took.map(|took| format!("{created} + interval '{took} ms'")));
        format!("{}, '{}', {class}, {created}, {ended}", user_id(job.user), job.status)
    }

    /// The key of each open WebSocket.
    pub fn socket_keys(&self) -> Vec<String> {
        let keys = self.sockets.iter().enumerate();
        keys.map(|(socket, user)| format!("ws_sessions:{user}:{socket}")).collect()
    }

    pub fn ai_log_lines(&self) -> String {
        let line = |&(event, class, age): &(&str, &str, i64)| {
            serde_json::json!({"ts": self.at(age), "event": event, "class": class, "job": 7}).to_string()
                + "\n"
        };
        self.ai_log.iter().map(line).collect()
    }

    pub fn preview_log_lines(&self) -> String {
        let line = |&(event, age): &(&str, i64)| {
            serde_json::json!({"ts": self.at(age), "event": event, "class": "build"}).to_string() + "\n"
        };
        self.preview_log.iter().map(line).collect()
    }
}

/// Some users do much, many do little or nothing.
fn user(rng: &mut Rng) -> u64 {
    1 + rng.u64(..USERS) * rng.u64(..USERS) / USERS
}

/// Most of what there is happened long ago.
fn age(rng: &mut Rng) -> i64 {
    AGES[[0, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5][rng.usize(..12)]]
}

fn subscriptions(user: u64, rng: &mut Rng) -> Vec<Subscription> {
    let row = |plan, status, trial_ended| Subscription { user, plan, status, trial_ended };
    let (month, week) = (30 * 86_400, 7 * 86_400);
    match rng.u32(..14) {
        0 => vec![row("pro", "active", None)],
        1 => vec![row("team", "past_due", Some(month))],
        // Somebody who left, and came back.
        2 => vec![row("pro", "canceled", None), row("pro", "active", None)],
        3 => vec![row("pro", "trialing", Some(-week))],
        4 => vec![row("pro", "trialing", None)],
        // A trial that nobody has ended, beside one that somebody has.
        5 => vec![row("pro", "trialing", Some(week))],
        6 => vec![row("pro", "expired", Some(week))],
        7 => vec![row("free", "active", None)],
        // Trials that were cancelled: before they ended, and one that has a successor.
        8 => vec![row("pro", "canceled", Some(month))],
        9 => vec![row("pro", "cancelled", Some(-week))],
        10 => vec![row("pro", "canceled", Some(month)), row("team", "active", None)],
        // Somebody whose trial expired, who paid later, and left.
        11 => vec![row("pro", "expired", Some(month)), row("pro", "canceled", None)],
        12 => vec![row("pro", "canceled", None)],
        _ => Vec::new(),
    }
}

fn session(rng: &mut Rng) -> Session {
    let age = age(rng);
    Session {
        user: user(rng),
        kind: ["login", "login", "live_view", "api"][rng.usize(..4)],
        device: rng.bool().then(|| rng.u64(..500)),
        device_type: [Some("desktop"), Some("Desktop"), Some("iPad"), Some("phone"), Some("tv"), None]
            [rng.usize(..6)],
        age,
        heartbeat: [None, Some(NOW), Some(600), Some(age.max(600))][rng.usize(..4)],
    }
}

fn request(rng: &mut Rng) -> Job {
    let status = ["queued", "running", "completed", "completed", "completed", "failed"][rng.usize(..6)];
    let ended = matches!(status, "completed" | "failed");
    let classes = [Some("provider_error"), Some("timeout"), Some("safety_rejection"), Some("disk"), None];
    Job {
        user: user(rng),
        status,
        class: classes[rng.usize(..5)].filter(|_| status == "failed"),
        tokens: (ended && rng.u32(..4) > 0).then(|| (rng.u64(100..9000), rng.u64(10..2000))),
        age: age(rng),
        took: ended.then(|| rng.i64(100..20_000)),
    }
}

fn preview(rng: &mut Rng) -> Job {
    Job { tokens: None, ..request(rng) }
}

fn user_id(user: u64) -> String {
    or_null(Some(user).filter(|user| *user != NOBODY))
}

fn or_null(value: Option<impl Display>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |value| value.to_string())
}
