//! One probe: the broker over AMQP, then the management API, then over AMQP what is still unknown.

use std::collections::BTreeSet;
use std::time::Duration;

use platform_core::large;
use platform_core::metric::Family;
use platform_core::probe::{Observation, Prober, Problem, Reason};

use super::amqp::{AmqpSession, Depth, SessionInUse};
use super::answer::Resource;
use super::config::Config;
use super::families;
use super::management::{self, Management, Survey};
use super::nature::{Nature, Natures};
use super::queue::{Queue, QueueType, Role};
use super::queue_series::QueueBudgets;
use super::queue_statistics;
use super::remedy;

pub(super) struct RabbitmqProber {
    config: Config,
    timeout: Duration,
    session: Option<AmqpSession>,
    management: Option<Management>,
    members: QueueBudgets,
    natures: Natures,
}

/// How many queues are checked over AMQP in addition to the declared ones: well below a millisecond each.
const MOST_DOUBTFUL: usize = 100;

/// How many queues a problem names.
const NAMED: usize = 5;

impl RabbitmqProber {
    pub(super) fn new(config: Config, timeout: Duration) -> Self {
        let management = config
            .management
            .clone()
            .map(|interface| Management::new(interface, config.tls.clone(), config.most_statistics()));
        Self {
            config,
            timeout,
            session: None,
            management,
            members: QueueBudgets::default(),
            natures: Natures::default(),
        }
    }

    async fn exchange(&mut self) -> Result<SessionInUse, Problem> {
        // A broker restart between two probes must fail neither.
        if let Some(session) = self.session.take().filter(AmqpSession::is_open)
            && let Ok(exchange) = session.begin().await
        {
            return Ok(exchange);
        }
        AmqpSession::open(&self.config.broker, &self.config.tls).await?.begin().await
    }
}

#[async_trait::async_trait]
impl Prober for RabbitmqProber {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        let end = management::deadline(self.timeout);
        let mut exchange = self.exchange().await?;
        let mut survey = match &mut self.management {
            Some(management) => management.survey(end).await,
            None => Survey::default(),
        };
        let size = survey.queues.as_ref().map_or(0, Vec::len);
        // Before AMQP adds queues that it counts differently.
        let totals = large::in_place(size, || {
            self.natures.remember(survey.queues.as_deref().unwrap_or_default(), &self.config);
            survey.queues.as_deref().map(families::of_all)
        });
        add_declared(&self.config, &self.natures, &mut exchange, &mut survey).await?;
        let mut queues = survey.queues.take().unwrap_or_default();
        large::in_place(size, || {
            for queue in &mut queues {
                queue.role = self.config.scope.role(&queue.name, queue.role);
            }
        });
        let has_statistics = survey.overview.as_ref().is_some_and(|overview| !overview.disable_stats);
        if let Some(management) = self.management.as_mut().filter(|_| has_statistics) {
            survey.problems.extend(management.add_heads(&mut queues, end).await);
        }
        settle_doubts(&self.config, &mut exchange, &mut queues).await?;
        self.session = Some(exchange.finish().await?);
        let size = size + survey.routes.len() + survey.statistics.len();
        Ok(large::in_place(size, || self.observation(queues, survey, totals.into_iter().flatten())))
    }

    async fn leave(&mut self) {
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }
}

impl RabbitmqProber {
    fn observation(
        &mut self,
        queues: Vec<Queue>,
        survey: Survey,
        totals: impl IntoIterator<Item = Family>,
    ) -> Observation {
        let Config { scope, broker, .. } = &self.config;
        let mut families = self.members.families(&queues, &survey.routes, scope, &broker.vhost);
        families.extend(totals);
        if queues.iter().all(|queue| queue.role != Role::Unknown) {
            let attended = queues.iter().filter(|queue| scope.is_attended(queue));
            families.extend(families::of_attended(attended));
        }
        families.extend(families::of_broker(&survey));
        let chosen = survey.statistics.iter().filter(|queue| scope.is_chosen(&queue.name));
        let has_one_node = survey.nodes.as_ref().is_some_and(|nodes| nodes.len() == 1);
        families.extend(queue_statistics::families(chosen, has_one_node));
        let is_abandoned = |queue: &&Queue| scope.is_attended(queue) && queue.is_abandoned() == Some(true);
        let mut problems = sick(&survey);
        problems.extend(survey.problems);
        problems.extend(in_minority(&queues));
        problems.extend(abandoned(&queues.iter().filter(is_abandoned).collect::<Vec<_>>()));
        Observation { families, problems, ..Observation::default() }
    }
}

/// Checks declared queues that are still unknown over AMQP.
async fn add_declared(
    config: &Config,
    natures: &Natures,
    exchange: &mut SessionInUse,
    survey: &mut Survey,
) -> Result<(), Problem> {
    let vhost = &config.broker.vhost;
    let queues = survey.queues.get_or_insert_default();
    let mut missing: BTreeSet<&str> = config.scope.declared.iter().map(String::as_str).collect();
    for queue in queues.iter().filter(|queue| queue.vhost == *vhost) {
        missing.remove(&*queue.name);
    }
    let missing: Vec<_> = missing.into_iter().collect();
    for (name, depth) in missing.iter().zip(exchange.inspect(&missing).await?) {
        let nature = natures.of(name, config);
        match depth {
            Ok(depth) => queues.push(inspected(vhost, name, nature, depth)),
            Err(problem) => {
                survey.problems.push(remedy::with_queues(problem, vhost, &config.scope.declared));
            }
        }
    }
    Ok(())
}

fn inspected(vhost: &str, name: &str, Nature { queue_type, role }: Nature, depth: Depth) -> Queue {
    // AMQP counts all that a stream keeps, and never its consumers.
    let is_counted = queue_type != QueueType::Stream;
    Queue {
        vhost: vhost.to_owned(),
        name: name.to_owned(),
        queue_type,
        role,
        ready: is_counted.then(|| depth.ready.into()),
        consumers: is_counted.then(|| depth.consumers.into()),
        ..Queue::default()
    }
}

/// Checks the consumers of queues that seem to have none over AMQP.
///
/// The statistics miss consumers of the last few seconds, and may be disabled.
async fn settle_doubts(
    config: &Config,
    exchange: &mut SessionInUse,
    queues: &mut [Queue],
) -> Result<(), Problem> {
    let (scope, vhost) = (&config.scope, &config.broker.vhost);
    let is_doubtful = |queue: &&mut Queue| {
        queue.vhost == *vhost
            && scope.is_attended(queue)
            && queue.depth() > Some(0)
            && queue.consumers.unwrap_or(0) == 0
    };
    let doubtful = large::in_place(queues.len(), || {
        let mut doubtful: Vec<_> = queues.iter_mut().filter(is_doubtful).collect();
        doubtful.sort_unstable_by_key(|queue| std::cmp::Reverse(queue.depth()));
        doubtful.truncate(MOST_DOUBTFUL);
        doubtful
    });
    let depths =
        exchange.inspect(&doubtful.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>()).await?;
    for (queue, depth) in doubtful.into_iter().zip(depths) {
        // Refused: deleted meanwhile, or exclusive to another connection.
        if let Ok(depth) = depth {
            queue.consumers = Some(depth.consumers.into());
        }
    }
    Ok(())
}

/// What the nodes themselves report.
fn sick(survey: &Survey) -> Vec<Problem> {
    let alarm = |detail: String| Problem::new(Reason::Alarm, detail);
    let alarms = survey.alarms.iter().flatten().map(|raised| {
        let resource = match raised.resource {
            Resource::Memory => "memory",
            Resource::Disk => "disk space",
            Resource::Other => "resource",
        };
        alarm(format!("{resource} alarm of {}: publishers are blocked", raised.node))
    });
    let nodes = survey.nodes.iter().flatten();
    let stopped = nodes.clone().filter(|node| !node.running);
    let stopped = stopped.map(|node| alarm(format!("{} is not running", node.name)));
    let partitioned = nodes.filter(|node| node.partitions.as_ref().is_some_and(|others| !others.is_empty()));
    let partitioned = partitioned.map(|node| alarm(format!("{} sees a network partition", node.name)));
    alarms.chain(stopped).chain(partitioned).collect()
}

/// Quorum queues that have lost too many replicas to work.
fn in_minority(queues: &[Queue]) -> Option<Problem> {
    let lost: Vec<_> = queues.iter().filter(|queue| queue.is_in_minority()).collect();
    let named = lost.iter().take(NAMED).filter_map(|queue| {
        let (members, online) = queue.replicas()?;
        Some(format!("{} in {} ({online} of {members})", queue.name, queue.vhost))
    });
    let named = list(named, lost.len());
    (!lost.is_empty()).then(|| Problem::new(Reason::Alarm, format!("no majority of replicas: {named}")))
}

fn abandoned(queues: &[&Queue]) -> Option<Problem> {
    let named = queues.iter().take(NAMED).map(|queue| {
        format!("{} in {} ({} messages)", queue.name, queue.vhost, queue.depth().unwrap_or_default())
    });
    let named = list(named, queues.len());
    (!queues.is_empty()).then(|| Problem::new(Reason::Stale, format!("no consumers on {named}")))
}

/// The first names, and how many more there are.
fn list(named: impl Iterator<Item = String>, all: usize) -> String {
    let named = named.collect::<Vec<_>>().join(", ");
    match all.saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}
