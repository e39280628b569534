//! The services, the proxies in front of them, and the configuration of the exporter that watches them.

use std::time::Duration;

use crate::ours::{KINDS, up};
use testkit::exporter::Exporter;
use testkit::http::client;
use testkit::platform::Platform;
use testkit::postgres::Postgres;
use testkit::proxy::Proxy;
use testkit::redis::Redis;
use testkit::wait::eventually;

/// The variables of the demo's configuration with addresses of services, and the sources they belong to.
const ADDRESSES: [(&str, &str); 9] = [
    ("POSTGRES_URL", "orders-db"),
    ("MONGODB_URL", "documents"),
    ("REDIS_URL", "cache"),
    ("RABBITMQ_URL", "broker"),
    ("RABBITMQ_MANAGEMENT_URL", "broker"),
    ("STRIPE_API_BASE", "payments"),
    ("S3_ENDPOINT", "media"),
    ("STS_ENDPOINT", "media"),
    ("WEBSITE_URL", "website"),
];

/// The unaffected sources, with their kinds.
pub(crate) const CALM: [(&str, &str); 6] = [
    ("calm-db", "postgres"),
    ("calm-cache", "redis"),
    ("calm-media", "s3"),
    ("calm-jobs", "workers"),
    ("calm-log", "logfile"),
    ("calm-website", "http"),
];

const CALM_SOURCES: &str = "
  calm-db: {postgres: {url: \"${CALM_POSTGRES}\"}, interval: 5s}
  calm-cache: {redis: {url: \"${CALM_REDIS}\"}, interval: 5s}
  calm-media:
    s3:
      bucket: media
      endpoint: \"${CALM_S3}\"
      access_key_id: \"${AWS_ACCESS_KEY_ID}\"
      secret_access_key: \"${AWS_SECRET_ACCESS_KEY}\"
    interval: 5s
  calm-jobs: {workers: {classes: {night: {push: true, token: \"${BACKUP_TOKEN}\", interval: 10s}}}, interval: 5s}
  calm-log: {logfile: {path: \"${CALM_LOG}\"}, interval: 5s}
  calm-website: {http: {url: \"${CALM_WEBSITE}\"}, interval: 5s}
";

/// Present in every other configuration only.
const NEWCOMER: &str = "
  newcomer: {redis: {url: \"${CALM_REDIS}\"}, interval: 1s}
";

/// The series of a family that belong to a source.
pub(crate) fn series(name: &str, source: &str, kind: &str) -> String {
    format!("{name}{{source=\"{source}\",kind=\"{kind}\"}}")
}

pub(crate) fn last_success(source: &str, kind: &str) -> String {
    series("platform_source_last_success_timestamp_seconds", source, kind)
}

/// The path to a service that breaks.
pub(crate) struct Path {
    pub(crate) source: &'static str,
    pub(crate) name: &'static str,
    pub(crate) proxy: Proxy,
}

/// Everything that runs besides the exporter.
pub(crate) struct Stage {
    pub(crate) platform: Platform,
    /// One for each address, in the order of [`ADDRESSES`].
    pub(crate) paths: Vec<Path>,
    calm_db: Postgres,
    calm_cache: Redis,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        let platform = Platform::start().await;
        let (calm_db, calm_cache) = tokio::join!(Postgres::start(), Redis::start());
        let mut paths = Vec::new();
        for (name, source) in ADDRESSES {
            let url = url::Url::parse(&address(&platform, name)).expect("a URL");
            let target = format!("127.0.0.1:{}", url.port().expect("a free port was taken"));
            paths.push(Path { source, name, proxy: Proxy::start(&target).await });
        }
        Self { platform, paths, calm_db, calm_cache }
    }

    /// The release binary, with every source up.
    pub(crate) async fn exporter(&self) -> Exporter {
        let mut options = Exporter::options(&config(0));
        for (name, value) in self.platform.environment() {
            let path = self.paths.iter().find(|path| path.name == name);
            options = options.variable(name, &path.map_or(value.clone(), |path| path.proxy.through(&value)));
        }
        let calm = [
            ("CALM_POSTGRES", self.calm_db.url()),
            ("CALM_REDIS", self.calm_cache.url()),
            ("CALM_S3", self.platform.s3.endpoint()),
            ("CALM_LOG", calm_log(&self.platform)),
            ("CALM_WEBSITE", self.platform.website.url("/")),
        ];
        let options = calm.into_iter().fold(options, |options, (name, value)| options.variable(name, &value));
        let exporter = options.start().await;
        for class in ["backup", "night"] {
            self.platform.keep_pushing(&exporter.url(&format!("/heartbeat/{class}/host1")));
        }
        log_a_line(&self.platform);
        eventually(Duration::from_secs(60), "every source is up", async || {
            up(&exporter).await == KINDS + CALM.len()
        })
        .await;
        exporter
    }
}

fn address(platform: &Platform, variable: &str) -> String {
    let mut environment = platform.environment().into_iter();
    environment.find(|(name, _)| *name == variable).expect("it is listed").1
}

fn calm_log(platform: &Platform) -> String {
    platform.log().with_file_name("calm.log").display().to_string()
}

/// A line for each of the two log files.
pub(crate) fn log_a_line(platform: &Platform) {
    for log in [platform.log(), calm_log(platform).into()] {
        testkit::platform_data::append(&log, "error", "timeout");
    }
}

/// The demo's configuration with short intervals and the calm sources. Every other one has an additional source, and
/// another interval for a source that breaks.
fn config(number: u32) -> String {
    let more = if number.is_multiple_of(2) { "" } else { NEWCOMER };
    let short =
        Platform::CONFIG.replace("interval: 5s\n", "interval: 1s\n").replace("every: 10s\n", "every: 1s\n");
    let short =
        short.replace("interval: 10s\n", if more.is_empty() { "interval: 1s\n" } else { "interval: 2s\n" });
    short.replacen("sources:\n", &format!("sources:{CALM_SOURCES}{more}"), 1)
}

/// Loads another configuration.
pub(crate) async fn reload(exporter: &Exporter, number: u32) {
    let file = exporter.directory().join("platform.yml");
    std::fs::write(file, config(number)).expect("the directory is writable");
    let answer = client().post(exporter.url("/-/reload")).send().await.expect("the exporter answers");
    assert!(answer.status().is_success(), "the configuration is good: {:?}", answer.text().await);
}
