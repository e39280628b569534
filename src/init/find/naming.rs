//! Names of sources from names of variables.

use super::service::{Engine, Service};

/// Parts of names that do not distinguish one service from another.
const GENERIC: [&str; 39] = [
    "url",
    "uri",
    "dsn",
    "host",
    "hostname",
    "mongohost",
    "redishost",
    "server",
    "connection",
    "string",
    "database",
    "db",
    "datasource",
    "spring",
    "data",
    "s3",
    "aws",
    "minio",
    "r2",
    "bucket",
    "bucketname",
    "name",
    "storage",
    "jdbc",
    "stripe",
    "api",
    "key",
    "secret",
    "address",
    "addr",
    "private",
    "public",
    "pooled",
    "unpooled",
    "tls",
    "direct",
    "id",
    "full",
    "restricted",
];

/// Last parts that are names by themselves.
const NOUNS: [&str; 11] =
    ["backend", "broker", "bus", "cable", "cache", "events", "jobs", "queue", "queues", "sessions", "store"];

fn noun(service: Service, variable: &str) -> &'static str {
    match service {
        // Beside a PostgreSQL, which is more often the database.
        Service::Mongodb if variable.contains("MONGO") => "mongodb",
        Service::Postgres | Service::Mongodb => "db",
        Service::Redis => "cache",
        Service::Rabbitmq => "broker",
        Service::Stripe => "stripe",
        Service::S3 => "bucket",
    }
}

/// The name of a source that a variable names: `db` of `DATABASE_URL`, `billing-db` of `BILLING_DATABASE_URL`.
pub(super) fn of_variable(service: Service, variable: &str) -> String {
    let variable = variable.trim_start_matches("PG");
    let words = variable.split(['_', '.', '-']).map(str::to_ascii_lowercase);
    let words: Vec<_> = words
        .filter(|word| !word.is_empty() && !GENERIC.contains(&word.as_str()))
        .filter(|word| Engine::of_word(word).is_none())
        .collect();
    match words.last() {
        None => noun(service, variable).to_owned(),
        Some(last) if NOUNS.contains(&last.as_str()) => valid(&words.join("-")),
        // Not `billing-cache`: that it is a cache is a guess.
        Some(_) if service == Service::Redis => valid(&format!("{}-redis", words.join("-"))),
        Some(_) => valid(&format!("{}-{}", words.join("-"), noun(service, variable))),
    }
}

/// A text as the name of a source.
pub(super) fn valid(text: &str) -> String {
    let replaced = text.chars().map(|c| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '-' });
    let name: String = replaced.take(48).collect();
    if name.is_empty() { "source".to_owned() } else { name }
}

/// Whether a configuration can name a variable: Compose and Kubernetes also allow dots.
pub(super) fn is_variable(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}

/// A text as a part of the name of a variable.
pub(super) fn as_variable(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric();
    let upper: String = text.chars().map(|c| if is_part(c) { c.to_ascii_uppercase() } else { '_' }).collect();
    if upper.starts_with(|c: char| c.is_ascii_digit()) { format!("_{upper}") } else { upper }
}
