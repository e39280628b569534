//! The hayon pack on a large platform: time and documents read by each query, without and with the pack's indexes.
//!
//! `BENCH_USERS` is the number of users, by default a million; with as many connection documents and posts, and in
//! Redis one counter for every ten.

use std::time::{Duration, Instant};

use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};
use platform_core::query::Ask;
use platform_exporter::config::{self, Config, Surroundings};

use testkit::mongodb::Mongodb;
use testkit::redis::Redis;
use testkit::subject;

const INDEXES: &str = include_str!("../platforms/hayon/indexes.js");

/// Enough for a million counters on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) async fn run() {
    let users = std::env::var("BENCH_USERS").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let (server, cache) = tokio::join!(Mongodb::start(), Redis::start());
    let database = server.client().await.database("hayon");
    let started = Instant::now();
    fill(&database, users).await;
    println!("{users} users: filled in {:.0?}", started.elapsed());
    for collection in ["users", "socialaccounts", "posts"] {
        let stats = database.run_command(doc! {"collStats": collection}).await.expect("it is there");
        println!(
            "{collection:<18}{:>10} documents{:>8} bytes each",
            number(&stats, "count"),
            number(&stats, "avgObjSize")
        );
    }
    let config = configuration(&server, &cache);
    println!("\n{:<34}{:>10}{:>12}{:>12}{:>12}", "", "seconds", "of CPU", "documents", "index keys");
    measure("without the indexes", &database, &config).await;
    let started = Instant::now();
    database.run_command(indexes()).await.expect("they can be made");
    println!("building the indexes takes {:.1} s", started.elapsed().as_secs_f64());
    measure("with the indexes", &database, &config).await;
    count_requests(&cache, &config, users / 10).await;
}

fn configuration(server: &Mongodb, cache: &Redis) -> Config {
    let text = format!(
        "sources:\n  db: {{mongodb: {{url: '{}'}}}}\n  cache: {{redis: {{url: '{}'}}}}\n\
         packs: {{hayon: {{db: db, cache: cache}}}}\n",
        server.url().replace("/?", "/hayon?"),
        cache.url()
    );
    let nothing = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    let surroundings = Surroundings { variable: &|_| None, file: &nothing };
    config::load(&text, "bench", surroundings).unwrap_or_else(|faults| panic!("{faults}"))
}

/// The command in the script.
fn indexes() -> Document {
    let (_, rest) = INDEXES.split_once("const indexes = ").expect("the script has it");
    serde_json::from_str(rest.split_once(";\n").expect("a statement ends").0).expect("it is JSON")
}

async fn measure(title: &str, database: &Database, config: &Config) {
    println!("{title}");
    for query in config.queries() {
        let Ask::One { question, .. } = &query.ask else { continue };
        let Some(collection) = question.value()["collection"].as_str() else { continue };
        let pipeline: Bson = serde_json::from_value(question.value()["pipeline"].clone())
            .expect("the pack's pipelines are JSON");
        let command = doc! {"aggregate": collection, "pipeline": pipeline, "cursor": {}};
        let (busy, started) = (busy(database).await, Instant::now());
        database.run_command(command.clone()).await.expect("the server answers");
        let (seconds, busy) = (started.elapsed().as_secs_f64(), self::busy(database).await - busy);
        let explain = doc! {"explain": command, "verbosity": "executionStats"};
        let explained = database.run_command(explain).await.expect("the server explains");
        let (documents, keys) =
            (total(&explained, "totalDocsExamined"), total(&explained, "totalKeysExamined"));
        println!("  {:<32}{seconds:>10.2}{busy:>12.2}{documents:>12}{keys:>12}", query.spec.name);
    }
}

/// The CPU time of the server in seconds: unlike the clock, it does not depend on what else the machine does.
async fn busy(database: &Database) -> f64 {
    let status = database.run_command(doc! {"serverStatus": 1}).await.expect("the server answers");
    let info = status.get_document("extra_info").expect("the server knows its own time");
    let microseconds = number(info, "user_time_us") + number(info, "system_time_us");
    Duration::from_micros(microseconds.unsigned_abs()).as_secs_f64()
}

/// The sum of a number that may occur in several places of an `explain` output.
fn total(document: &Document, key: &str) -> i64 {
    fn of(value: &Bson, key: &str) -> i64 {
        match value {
            Bson::Document(document) => total(document, key),
            Bson::Array(elements) => elements.iter().map(|element| of(element, key)).sum(),
            _ => 0,
        }
    }
    let here = if document.contains_key(key) { number(document, key) } else { 0 };
    here + document.values().map(|value| of(value, key)).sum::<i64>()
}

fn number(document: &Document, key: &str) -> i64 {
    match document.get(key) {
        Some(Bson::Int32(number)) => i64::from(*number),
        Some(Bson::Int64(number)) => *number,
        _ => 0,
    }
}

/// Counters of two limiters among other keys, counted as the exporter counts them.
async fn count_requests(cache: &Redis, config: &Config, counters: u64) {
    let mut connection = cache.connection().await;
    for from in (0..counters).step_by(1_000) {
        let mut pipeline = redis::pipe();
        for client in from..(from + 1_000).min(counters) {
            let limiter = if client % 2 == 0 { "ai_caption" } else { "login_attempt" };
            pipeline
                .cmd("SET")
                .arg(format!("ratelimit:{limiter}:{client}:1735689600"))
                .arg(client % 60)
                .ignore();
            pipeline.cmd("SET").arg(format!("user:profile:{client}")).arg(1).ignore();
        }
        pipeline.query_async::<()>(&mut connection).await.expect("the server runs");
    }
    let query = config.queries().iter().find(|query| query.spec.name == "hayon.rate_limits");
    let Some(Ask::One { question, .. }) = query.map(|query| &query.ask) else { return };
    let surroundings = subject::Surroundings { timeout: PATIENCE, ..Default::default() };
    let mut subject = surroundings.source(&format!("redis: {{url: '{}'}}", cache.url()));
    let started = Instant::now();
    subject.rows(question).await.expect("it counts");
    let seconds = started.elapsed().as_secs_f64();
    let keys = counters * 2;
    println!("  {:<32}{seconds:>10.2}  {counters} counters among {keys} keys", "hayon.rate_limits");
}

/// Creates the documents on the server: sending them would take longer.
async fn fill(database: &Database, users: u64) {
    let thousands = i64::try_from(users.div_ceil(1000)).expect("not that many");
    for (collection, document) in [("users", user()), ("socialaccounts", account()), ("posts", post())] {
        let pipeline = vec![
            doc! {"$documents": [{"a": {"$range": [0, thousands]}}]},
            doc! {"$unwind": "$a"},
            doc! {"$set": {"b": {"$range": [0, 1000]}}},
            doc! {"$unwind": "$b"},
            doc! {"$set": {"n": {"$add": [{"$multiply": ["$a", 1000]}, "$b"]}}},
            doc! {"$replaceWith": document},
            doc! {"$out": collection},
        ];
        let command = doc! {"aggregate": 1, "pipeline": pipeline, "cursor": {}};
        database.run_command(command).await.expect("the server fills the collection");
    }
}

/// Whether a document's number, spread by a factor, falls into the first of this many parts.
fn one_in(parts: i32) -> Document {
    doc! {"$eq": [{"$mod": [{"$multiply": ["$n", 7919]}, parts]}, 0]}
}

fn spread(over: i32) -> Document {
    doc! {"$mod": [{"$multiply": ["$n", 7919]}, over]}
}

fn user() -> Document {
    doc! {
        "email": {"$concat": ["user", {"$toString": "$n"}, "@example.com"]},
        "name": {"$concat": ["User ", {"$toString": "$n"}]},
        "avatar": "https://avatars.example.com/u/18816363",
        "timezone": "Asia/Kolkata",
        "role": "user",
        "isDisabled": one_in(20),
        "fcmTokens": ["t".repeat(140)],
        "auth": {"provider": "email", "passwordHash": "h".repeat(60), "passwordResetToken": {"token": Bson::Null}},
        "subscription": {
            "plan": {"$cond": [one_in(5), "pro", "free"]},
            "status": {"$cond": [one_in(35), "pastDue", "active"]},
            "stripeSubscriptionId": {"$cond": [one_in(5), {"$concat": ["sub_", {"$toString": "$n"}]}, Bson::Null]},
            "currentPeriodEnd": {"$dateAdd": {"startDate": "$$NOW", "unit": "day", "amount": spread(30)}},
        },
        "usage": {"captionGenerations": spread(16), "postsCreated": spread(31)},
        "limits": {"maxPosts": {"$literal": 30}, "maxCaptionGenerations": {"$literal": 15}},
        "createdAt": {"$dateSubtract": {"startDate": "$$NOW", "unit": "minute", "amount": "$n"}},
    }
}

fn account() -> Document {
    let token = "t".repeat(320);
    let mut document = doc! {"userId": "$n"};
    for (platform, parts) in
        [("bluesky", 3), ("tumblr", 10), ("facebook", 4), ("threads", 3), ("mastodon", 20)]
    {
        let part = doc! {
            "connected": one_in(parts),
            "profile": {"handle": {"$concat": ["user", {"$toString": "$n"}]}},
            "auth": {"accessToken": &token, "refreshToken": &token},
            "health": {"status": {"$cond": [one_in(40), "expired", "active"]}},
        };
        document.insert(platform, part);
    }
    document
}

/// 14,400 posts a day; one in a hundred is waiting, and the latest are being published.
fn post() -> Document {
    let platform = |platform: &str| {
        doc! {
            "platform": platform,
            "status": {"$cond": [one_in(50), "failed", "completed"]},
            "platformPostId": "i".repeat(24),
            "platformPostUrl": "u".repeat(60),
            "attemptCount": {"$literal": 1},
            "lastAttemptAt": minutes_ago(),
        }
    };
    let soon = doc! {"$dateAdd": {"startDate": "$$NOW", "unit": "minute", "amount": spread(100_000)}};
    doc! {
        "userId": "$n",
        "content": {"text": "p".repeat(280)},
        "status": {"$switch": {
            "branches": [
                {"case": one_in(100), "then": "SCHEDULED"},
                {"case": {"$lt": ["$n", 20]}, "then": "PROCESSING"},
                {"case": one_in(50), "then": "FAILED"},
            ],
            "default": "COMPLETED",
        }},
        "scheduledAt": {"$cond": [one_in(100), soon, {"$cond": [one_in(2), minutes_ago(), Bson::Null]}]},
        "platformStatuses": [platform("bluesky"), platform("threads")],
        "createdAt": minutes_ago(),
    }
}

fn minutes_ago() -> Document {
    let minutes = doc! {"$toInt": {"$divide": ["$n", 10]}};
    doc! {"$dateSubtract": {"startDate": "$$NOW", "unit": "minute", "amount": minutes}}
}
