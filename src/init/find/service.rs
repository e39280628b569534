//! The backing services that can be watched, and how applications name them.

use crate::registry::Kind;

/// A backing service that has a kind, whether or not this build has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Postgres,
    Mongodb,
    Redis,
    Rabbitmq,
    Stripe,
    S3,
}

/// What a scheme, an engine or an image stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Watched(Service),
    /// There is no kind for it: its name.
    Other(&'static str),
}

use Engine::{Other, Watched};
use Service::{Mongodb, Postgres, Rabbitmq, Redis, S3};

/// What drivers, frameworks and URLs name an engine.
const ENGINES: [(&str, Engine); 32] = [
    ("postgres", Watched(Postgres)),
    ("postgresql", Watched(Postgres)),
    ("postgis", Watched(Postgres)),
    ("timescale", Watched(Postgres)),
    ("pgsql", Watched(Postgres)),
    ("psql", Watched(Postgres)),
    ("pg", Watched(Postgres)),
    ("ecto", Watched(Postgres)),
    ("mongodb", Watched(Mongodb)),
    ("mongo", Watched(Mongodb)),
    ("redis", Watched(Redis)),
    ("rediss", Watched(Redis)),
    ("valkey", Watched(Redis)),
    ("valkeys", Watched(Redis)),
    ("rabbitmq", Watched(Rabbitmq)),
    ("rabbit", Watched(Rabbitmq)),
    ("cloudamqp", Watched(Rabbitmq)),
    ("amqp", Watched(Rabbitmq)),
    ("amqps", Watched(Rabbitmq)),
    ("pyamqp", Watched(Rabbitmq)),
    ("mysql", Other("MySQL")),
    ("mysql2", Other("MySQL")),
    ("mariadb", Other("MariaDB")),
    ("sqlite", Other("SQLite")),
    ("sqlite3", Other("SQLite")),
    ("sqlserver", Other("SQL Server")),
    ("mssql", Other("SQL Server")),
    ("oracle", Other("Oracle")),
    ("clickhouse", Other("ClickHouse")),
    ("cassandra", Other("Cassandra")),
    ("memcached", Other("Memcached")),
    ("nats", Other("NATS")),
];

/// The last parts of the names of images.
const IMAGES: [(&[&str], Engine); 9] = [
    (
        &[
            "postgres",
            "postgresql",
            "postgis",
            "timescaledb",
            "timescaledb-ha",
            "pgvector",
            "pgvecto-rs",
            "supabase-postgres",
        ],
        Watched(Postgres),
    ),
    (
        &["mongo", "mongodb", "mongodb-community-server", "mongodb-atlas-local", "percona-server-mongodb"],
        Watched(Mongodb),
    ),
    (
        &["redis", "redis-stack", "redis-stack-server", "valkey", "valkey-bundle", "dragonfly", "keydb"],
        Watched(Redis),
    ),
    (&["rabbitmq"], Watched(Rabbitmq)),
    (&["minio", "localstack", "localstack-pro"], Watched(S3)),
    (&["mysql", "percona"], Other("MySQL")),
    (&["mariadb"], Other("MariaDB")),
    (&["memcached"], Other("Memcached")),
    (&["clickhouse", "clickhouse-server"], Other("ClickHouse")),
];

impl Service {
    /// The name of its kind.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mongodb => "mongodb",
            Self::Redis => "redis",
            Self::Rabbitmq => "rabbitmq",
            Self::Stripe => "stripe",
            Self::S3 => "s3",
        }
    }

    /// Its kind, if this build has it.
    pub(super) fn kind(self) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.as_str() == self.name())
    }

    /// The port that it listens on.
    pub(super) const fn port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Mongodb => 27017,
            Self::Redis => 6379,
            Self::Rabbitmq => 5672,
            Self::Stripe => 443,
            Self::S3 => 9000,
        }
    }

    /// The scheme of its URLs.
    pub(super) const fn scheme(self) -> &'static str {
        match self {
            Self::Rabbitmq => "amqp",
            Self::S3 | Self::Stripe => "https",
            _ => self.name(),
        }
    }

    /// The schemes that its kind reads.
    pub(super) const fn schemes(self) -> &'static [&'static str] {
        match self {
            Self::Postgres => &["postgres", "postgresql"],
            Self::Mongodb => &["mongodb", "mongodb+srv"],
            Self::Redis => &["redis", "rediss", "redis+unix", "unix", "valkey", "valkeys", "valkey+unix"],
            Self::Rabbitmq => &["amqp", "amqps"],
            Self::Stripe | Self::S3 => &[],
        }
    }
}

impl Engine {
    /// By a word: a scheme, a part of a variable's name, a driver such as `django.db.backends.postgresql`.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        let word = word.rsplit('.').next().unwrap_or_default();
        // A dialect of SQLAlchemy: postgresql+psycopg2.
        let word = word.split('+').next().unwrap_or_default();
        ENGINES.iter().find(|(known, _)| *known == word).map(|(_, engine)| *engine)
    }

    /// By the name of an image: `ghcr.io/acme/postgres:16-alpine@sha256:…`.
    pub(super) fn of_image(image: &str) -> Option<Self> {
        let name = image.split('@').next()?.rsplit('/').next()?;
        let name = name.split(':').next()?;
        IMAGES.iter().find(|(names, _)| names.contains(&name)).map(|(_, engine)| *engine)
    }

    /// By the port of a database whose engine nothing else names.
    pub(super) fn of_port(port: &str) -> Option<Self> {
        match port {
            "5432" => Some(Watched(Postgres)),
            "27017" => Some(Watched(Mongodb)),
            "3306" => Some(Other("MySQL")),
            "1433" => Some(Other("SQL Server")),
            _ => None,
        }
    }

    /// By the parts of a variable's name.
    pub(super) fn of_variable(name: &str) -> Option<Self> {
        // `PGHOST` has no separator.
        let name = name.strip_prefix("PG").filter(|rest| !rest.starts_with('_')).map_or(name, |_| "PG");
        name.split('_').find_map(Self::of_word)
    }
}

/// What a variable is for, by its name alone: its value is kept elsewhere.
pub(super) fn by_name(variable: &str) -> Option<Service> {
    let is_known = |kind: &&Kind| {
        let environment = kind.facts().environment;
        environment.first().is_some_and(|key| key.variables.contains(&variable))
    };
    if let Some(kind) = Kind::ALL.iter().find(is_known) {
        return [Postgres, Mongodb, Redis, Rabbitmq, Service::Stripe, S3]
            .into_iter()
            .find(|service| service.name() == kind.as_str());
    }
    let words: Vec<_> = variable.split('_').collect();
    if !words.last().is_some_and(|last| ["URL", "URI", "DSN"].contains(last)) {
        return None;
    }
    match Engine::of_variable(variable) {
        Some(Watched(service)) => Some(service),
        Some(Other(_)) => None,
        None => words.ends_with(&["DATABASE", "URL"]).then_some(Postgres),
    }
}

/// Whether a variable may have to do with a service, so that its lack of a value is worth a note.
pub(super) fn concerns_service(variable: &str) -> bool {
    let is_word = |word: &str| {
        ["DB", "DATABASE", "S3", "AWS", "MINIO", "STRIPE", "BROKER", "DATASOURCE"].contains(&word)
    };
    Engine::of_variable(variable).is_some() || variable.split('_').any(is_word)
}
