//! One probe of a Redis server: PING, INFO, the built-in queries, and the declared keys.

use std::time::{Duration, Instant};

use platform_core::built_in::BuiltInQueries;
use platform_core::collectors::Chosen;
use platform_core::large;
use platform_core::metric::{Desc, Family, MetricType};
use platform_core::probe::{Observation, Prober, Problem, Reason};

use super::built_in_answers::BuiltInAnswers;
use super::info::Info;
use super::link::words;
use super::links::{Entry, Links};
use super::refusal::{ReplyRefusal, join_remedies};
use super::{keys, value};

pub(super) const UP: Desc = Desc::gauge("redis_up", &[], "1 if the server answered the last probe, else 0.");

pub(super) const PING_DURATION: Desc =
    Desc::gauge("redis_ping_duration_seconds", &[], "Response time of PING.");

/// Probes a server.
pub(super) struct RedisProber {
    pub(super) links: Links,
    pub(super) built_in: BuiltInQueries,
    /// Keys whose size is exported.
    pub(super) keys: Vec<String>,
    /// How long one exchange may take.
    pub(super) timeout: Duration,
}

#[async_trait::async_trait]
impl Prober for RedisProber {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        let mut problems = Vec::new();
        let ping = self.ping(&mut problems).await?;
        let info = self.info(&mut problems).await?;
        problems.extend(alarms(&info).into_iter().map(|alarm| Problem::new(Reason::Alarm, alarm)));
        let mut answers = BuiltInAnswers { links: &mut self.links, info: &info };
        // Without INFO, the version is unknown: a server may reject what is newer.
        let version = if info.is_empty() { u32::MAX } else { info.major_version() };
        let mut observation = self.built_in.ask(&mut answers, version, self.timeout).await?;
        observation.problems.splice(0..0, problems);
        let is_whole = self.built_in.has_server();
        observation.families.extend(ping.filter(|_| is_whole));
        if is_zero(&observation.families, "redis_cluster_state") {
            observation
                .problems
                .push(Problem::new(Reason::Alarm, "the cluster state is not ok: some queries fail"));
        }
        if is_whole {
            keys::observe(&mut self.links, &self.keys, self.timeout, &mut observation).await?;
        }
        if let Some(master) = self.links.master() {
            label_counters(&mut observation.families, &master.to_string());
        }
        observation.problems.extend(self.demoted(&info));
        join_remedies(&mut observation.problems, self.links.way().login.user());
        Ok(observation)
    }

    fn choose(&mut self, chosen: Option<&Chosen>) {
        self.built_in.choose(chosen);
    }
}

impl RedisProber {
    /// The duration of PING, without connecting.
    async fn ping(&mut self, problems: &mut Vec<Problem>) -> Result<Option<Family>, Problem> {
        self.links.open(self.timeout).await?;
        let start = Instant::now();
        match self.links.ask(words(["PING"]), self.timeout).await? {
            Ok(_) => Ok(Some(PING_DURATION.value(start.elapsed().as_secs_f64()))),
            Err(refusal) => {
                problems.push(bearable(&refusal, "PING")?);
                Ok(None)
            }
        }
    }

    /// The whole INFO. Without `all`, commandstats would be missing.
    async fn info(&mut self, problems: &mut Vec<Problem>) -> Result<Info, Problem> {
        match self.links.ask(words(["INFO", "all"]), self.timeout).await? {
            Ok(answer) => match value::into_text(answer) {
                Some(text) => large::in_place(large::of_text(text.len()), || Info::parse(&text)),
                None => Err(Problem::new(Reason::Protocol, "INFO: expected a text")),
            },
            Err(refusal) => {
                problems.push(bearable(&refusal, "INFO")?);
                Ok(Info::default())
            }
        }
    }

    /// After a failover the old master may answer as a replica on a surviving connection.
    fn demoted(&mut self, info: &Info) -> Option<Problem> {
        let Entry::Master { name, .. } = &self.links.way().entry else { return None };
        let role = info.get("role").filter(|role| *role != "master")?;
        let problem = Problem::new(
            Reason::Alarm,
            format!("the server that the sentinels name as master `{name}` is a {role}"),
        );
        self.links.close();
        Some(problem)
    }
}

/// A counter is that of one server: the next master's counters have nothing to do with those of the last.
fn label_counters(families: &mut Vec<Family>, host: &str) {
    let labelled = std::mem::take(families).into_iter().map(|family| match family.desc.metric_type {
        MetricType::Gauge => family,
        MetricType::Counter | MetricType::Unknown | MetricType::Histogram => family.labelled("host", host),
    });
    *families = labelled.collect();
}

fn is_zero(families: &[Family], name: &str) -> bool {
    let samples =
        families.iter().filter(|family| family.desc.name == name).flat_map(|family| &family.samples);
    samples.into_iter().any(|sample| sample.value == 0.0)
}

/// An error after which the rest of the probe still makes sense.
fn bearable(refusal: &ReplyRefusal, wanted: &str) -> Result<Problem, Problem> {
    let problem = refusal.problem(wanted);
    if problem.reason == Reason::Auth { Err(problem) } else { Ok(problem) }
}

/// States of the server that need attention.
fn alarms(info: &Info) -> Vec<String> {
    let mut alarms = Vec::new();
    let is = |field, text| info.get(field) == Some(text);
    if is("loading", "1") {
        alarms.push("the server is loading its data set".to_owned());
    }
    if is("role", "slave") && is("master_link_status", "down") {
        let at = |field| info.get(field).unwrap_or("?");
        alarms.push(format!("the link to the master {}:{} is down", at("master_host"), at("master_port")));
    }
    for (field, what) in [
        ("rdb_last_bgsave_status", "the last RDB save failed"),
        ("aof_last_write_status", "the last write to the AOF failed"),
        ("aof_last_bgrewrite_status", "the last rewrite of the AOF failed"),
    ] {
        if is(field, "err") {
            alarms.push(what.to_owned());
        }
    }
    let number = |field| info.number(field).unwrap_or(0.0);
    let (clients, limit) =
        (number("connected_clients") + number("cluster_connections"), number("maxclients"));
    if limit > 0.0 && clients >= limit {
        alarms.push(format!("{clients} clients are connected; maxclients is {limit}"));
    }
    let memory = number("maxmemory");
    if memory > 0.0 && is("maxmemory_policy", "noeviction") && number("used_memory") >= memory {
        alarms.push(
            "memory is full and writes are rejected: maxmemory is reached, and eviction is off".to_owned(),
        );
    }
    alarms
}
