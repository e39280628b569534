//! The management API: what AMQP does not report. Version 3.8 and later, with or without statistics.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use platform_core::bounded::AtMost;
use platform_core::client::{HttpClient, Request, Response};
use platform_core::deadline::Deadline;
use platform_core::large;
use platform_core::probe::{Problem, Reason};
use platform_core::tls::Tls;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::answer::{
    Alarm, Alarms, BrokerNode, ConsumerRow, HeadMessage, MOST_BINDINGS, MOST_CONSUMERS, MOST_DEFINITIONS,
    MOST_EXCHANGES, MOST_NODES, MOST_QUEUES, Overview, OwnUser, VhostRow,
};
use super::api_refusal::{about, checked};
use super::dead_letter::{BindingRow, DeadLetterRoute, DeadLetters, ExchangeRow, Topology};
use super::endpoint::Interface;
use super::node;
use super::policy::PolicyRow;
use super::queue::{Queue, Role};
use super::queue_statistics::{self, QueueStatistics};
use super::remedy;

pub(super) struct Management {
    interface: Interface,
    http: HttpClient,
    /// Of how many queues at most statistics are read.
    most_statistics: usize,
    topology: Option<TopologyRead>,
    /// The queues of dead-letter routes and alternate exchanges that have had consumers, by virtual host and name: a queue
    /// stays what it is when its consumers stop.
    had_consumers: HashMap<String, HashSet<String>>,
}

/// The topology, as it was when it was last read.
struct TopologyRead {
    at: Instant,
    topology: Topology,
    /// How many exchanges, policies and bindings there are.
    definitions: usize,
    /// What is missing in it: rights on operator policies are rarer than on the rest.
    problem: Option<Problem>,
}

/// When its requests must be finished: before the probe's time is up, because a hanging management API must not make a
/// working broker look down.
pub(super) fn deadline(timeout: Duration) -> Deadline {
    Deadline::within(timeout.mul_f64(0.8))
}

/// What the management API reports; `None` if it does not.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) overview: Option<Overview>,
    pub(super) nodes: Option<Vec<BrokerNode>>,
    pub(super) alarms: Option<Vec<Alarm>>,
    pub(super) queues: Option<Vec<Queue>>,
    pub(super) statistics: Vec<QueueStatistics>,
    /// Between positions in `queues`.
    pub(super) routes: Vec<DeadLetterRoute>,
    pub(super) problems: Vec<Problem>,
}

const OVERVIEW: &str = "overview?columns=rabbitmq_version,erlang_version,product_name,product_version,node,cluster_name,\
     disable_stats,object_totals,message_stats";
const VHOSTS: &str = "vhosts?columns=name,messages";
const WHOAMI: &str = "whoami";
const ALARMS: &str = "health/checks/alarms";
/// The counts come from the queues themselves. Statistics would be some seconds old and cost the broker several times
/// as much.
const QUEUES: &str = "queues?disable_stats=true&enable_queue_totals=true\
     &columns=vhost,name,type,arguments,policy,operator_policy,members,online,messages,messages_ready,\
     messages_unacknowledged";
const CONSUMERS: &str = "consumers?columns=queue.vhost,queue.name";
const POLICIES: &str = "policies";
const OPERATOR_POLICIES: &str = "operator-policies";
const EXCHANGES: &str =
    "exchanges?disable_stats=true&columns=vhost,name,type,policy,arguments.alternate-exchange";
const BINDINGS: &str = "bindings?columns=vhost,source,destination,destination_type,routing_key";

/// The largest answer to a path. A queue with long names and arguments takes 300 bytes.
fn largest_body(path: &str) -> usize {
    match path {
        QUEUES | CONSUMERS | BINDINGS | EXCHANGES => 32 << 20,
        path if path == *queue_statistics::PATH => 32 << 20,
        POLICIES | OPERATOR_POLICIES => 4 << 20,
        _ => 1 << 20,
    }
}

/// How many dead-letter queues are checked for their first message.
const MOST_HEADS: usize = 20;

/// Exchanges, bindings and policies are reread after this long.
const TOPOLOGY_AGE: Duration = Duration::from_secs(60);

impl Management {
    pub(super) fn new(interface: Interface, tls: Tls, most_statistics: usize) -> Self {
        let http = HttpClient::new(tls);
        Self { interface, http, most_statistics, topology: None, had_consumers: HashMap::new() }
    }

    /// Requests everything, until `end`.
    pub(super) async fn survey(&mut self, end: Deadline) -> Survey {
        let mut survey = Survey::default();
        if let Err(problem) = self.fill(&mut survey, end).await {
            survey.problems.push(problem);
        }
        survey
    }

    /// Adds the timestamps of the first messages of dead-letter queues. One request per queue: for all queues at
    /// once, the statistics would cost the broker more than everything else.
    pub(super) async fn add_heads(&mut self, queues: &mut [Queue], end: Deadline) -> Option<Problem> {
        let is_filled = |queue: &&mut Queue| queue.role == Role::DeadLetter && queue.depth() > Some(0);
        let mut dead: Vec<_> = queues.iter_mut().filter(is_filled).collect();
        dead.sort_unstable_by_key(|queue| std::cmp::Reverse(queue.depth()));
        for queue in dead.into_iter().take(MOST_HEADS) {
            let name = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let path =
                format!("queues/{}/{}?columns=head_message_timestamp", name(&queue.vhost), name(&queue.name));
            match self.get(&path, end).await.and_then(|response| response.json::<HeadMessage>()) {
                Ok(head) => queue.head_timestamp = head.head_message_timestamp.whole(),
                // Deleted meanwhile.
                Err(problem) if problem.reason == Reason::NotFound => {}
                Err(problem) => return Some(problem),
            }
        }
        None
    }

    async fn fill(&mut self, survey: &mut Survey, end: Deadline) -> Result<(), Problem> {
        let overview: Overview = self.get(OVERVIEW, end).await?.json()?;
        let (statistics, total) = (!overview.disable_stats, overview.object_totals.queues);
        survey.overview = Some(overview);
        survey.alarms = Some(self.alarms(end).await?);
        survey.nodes = match self.get(&node::PATH, end).await {
            Ok(response) => Some(list::<MOST_NODES, _>(&response, &node::PATH, "nodes")?),
            Err(problem) if problem.reason == Reason::Permission => {
                let remedy =
                    self.tags(end).await.map(|tags| remedy::tags(&self.interface.login.username, &tags));
                survey.problems.push(problem.fixed_by(remedy.ok()));
                None
            }
            Err(problem) => return Err(problem),
        };
        let mut queues: Vec<Queue> = list::<MOST_QUEUES, _>(&self.get(QUEUES, end).await?, QUEUES, "queues")?;
        survey.problems.extend(self.hidden(queues.len(), total, end).await?);
        // Users who may not see the nodes see only their own consumers.
        let counted = match statistics && survey.nodes.is_some() {
            true => self.count_consumers(&mut queues, end).await,
            false => Ok(()),
        };
        if statistics && self.most_statistics > 0 {
            match self.statistics(queues.len(), end).await {
                Ok(statistics) => survey.statistics = statistics,
                Err(problem) => survey.problems.push(problem),
            }
        }
        for queue in &mut queues {
            let before = self.had_consumers.get(&queue.vhost);
            queue.had_consumers =
                queue.consumers > Some(0) || before.is_some_and(|names| names.contains(&queue.name));
        }
        survey.problems.extend(self.read_topology(&queues, end).await.err());
        let definitions = self.topology.as_ref().map_or(0, |read| read.definitions);
        large::in_place(queues.len() + definitions, || self.find_dead_letters(&mut queues, survey));
        survey.queues = Some(queues);
        counted
    }

    fn find_dead_letters(&mut self, queues: &mut [Queue], survey: &mut Survey) {
        let Some(TopologyRead { topology, problem, .. }) = &self.topology else { return };
        survey.problems.extend(problem.clone());
        let dead_letters = topology.resolve(queues);
        self.remember_consumers(queues, &dead_letters);
        for (queue, role) in queues.iter_mut().zip(dead_letters.roles) {
            queue.role = role;
        }
        survey.routes = dead_letters.routes;
        if !dead_letters.complete {
            let detail = "too many bindings to find every dead-letter queue: set x-dead-letter-routing-key";
            survey.problems.push(Problem::new(Reason::Cardinality, detail));
        }
    }

    /// The statistics of all queues: the broker computes them for each, and is not asked to for too many.
    async fn statistics(&mut self, queues: usize, end: Deadline) -> Result<Vec<QueueStatistics>, Problem> {
        if queues > self.most_statistics {
            let detail =
                format!("no statistics of single queues: there are {queues}, and max_queues is less");
            return Err(Problem::new(Reason::Cardinality, detail));
        }
        list::<MOST_QUEUES, _>(
            &self.get(&queue_statistics::PATH, end).await?,
            &queue_statistics::PATH,
            "queues",
        )
    }

    fn remember_consumers(&mut self, queues: &[Queue], dead_letters: &DeadLetters) {
        self.had_consumers.clear();
        let on_routes = dead_letters.routes.iter().flat_map(|route| [route.from, route.to]);
        let positions = on_routes.chain(dead_letters.unroutable.iter().copied());
        for queue in positions.map(|at| &queues[at]).filter(|queue| queue.had_consumers) {
            self.had_consumers.entry(queue.vhost.clone()).or_default().insert(queue.name.clone());
        }
    }

    /// The check fails with 503 when there are alarms.
    async fn alarms(&mut self, end: Deadline) -> Result<Vec<Alarm>, Problem> {
        let response = self.send(ALARMS, end).await?;
        match response.status {
            503 => response.json::<Alarms>()?.alarms.all("alarms"),
            _ => checked(response, &self.interface.login)
                .map(|_| Vec::new())
                .map_err(|problem| about(ALARMS, problem)),
        }
    }

    /// The list silently omits virtual hosts to which the user has no access.
    async fn hidden(
        &mut self,
        seen: usize,
        total: Option<u64>,
        end: Deadline,
    ) -> Result<Option<Problem>, Problem> {
        let more = |total: Option<u64>| total.is_some_and(|total| total > seen as u64);
        if !more(total) {
            return Ok(None);
        }
        // Or some were deleted between the two requests.
        let total = self.get(OVERVIEW, end).await?.json::<Overview>()?.object_totals.queues;
        let detail = || {
            let total = total.unwrap_or_default();
            format!("sees {seen} of {total} queues: grant the user access to every virtual host")
        };
        if !more(total) {
            return Ok(None);
        }
        let hidden = self.hidden_vhosts(end).await.unwrap_or_default();
        let remedy = remedy::access(&self.interface.login.username, remedy::needed(&hidden));
        Ok(Some(Problem::new(Reason::Permission, detail()).fixed_by(remedy)))
    }

    /// The virtual hosts of which lists have nothing, although there are exchanges in each.
    async fn hidden_vhosts(&mut self, end: Deadline) -> Result<Vec<VhostRow>, Problem> {
        let mut vhosts = list::<MOST_DEFINITIONS, VhostRow>(&self.get(VHOSTS, end).await?, VHOSTS, "vhosts")?;
        let exchanges = self.get(EXCHANGES, end).await?;
        let exchanges = list::<MOST_EXCHANGES, ExchangeRow<'_>>(&exchanges, EXCHANGES, "exchanges")?;
        large::in_place(exchanges.len(), || {
            let seen: HashSet<&str> = exchanges.iter().map(|exchange| &*exchange.vhost).collect();
            vhosts.retain(|vhost| !seen.contains(&*vhost.name));
        });
        Ok(vhosts)
    }

    /// The tags of its own user.
    async fn tags(&mut self, end: Deadline) -> Result<Vec<String>, Problem> {
        self.get(WHOAMI, end).await?.json::<OwnUser>().map(OwnUser::tags)
    }

    async fn count_consumers(&mut self, queues: &mut [Queue], end: Deadline) -> Result<(), Problem> {
        let response = self.get(CONSUMERS, end).await?;
        let consumers = list::<MOST_CONSUMERS, ConsumerRow<'_>>(&response, CONSUMERS, "consumers")?;
        large::in_place(queues.len() + consumers.len(), || {
            let mut counts = HashMap::new();
            for row in consumers {
                *counts.entry((row.queue.vhost, row.queue.name)).or_insert(0) += 1;
            }
            for queue in queues {
                let count = counts.get(&(Cow::from(&queue.vhost), Cow::from(&queue.name)));
                queue.consumers = Some(count.copied().unwrap_or(0));
            }
        });
        Ok(())
    }

    /// Reads the topology again when it is due. If that fails, the one read before remains: definitions rarely change.
    async fn read_topology(&mut self, queues: &[Queue], end: Deadline) -> Result<(), Problem> {
        if self.topology.as_ref().is_some_and(|read| read.at.elapsed() < TOPOLOGY_AGE) {
            return Ok(());
        }
        let policies = self.policies(POLICIES, end).await?;
        let (operator_policies, problem) = match self.policies(OPERATOR_POLICIES, end).await {
            // This version of the broker has none.
            Err(problem) if problem.reason == Reason::NotFound => (Vec::new(), None),
            Err(problem) if problem.reason == Reason::Permission => (Vec::new(), Some(problem)),
            other => (other?, None),
        };
        let exchanges = self.get(EXCHANGES, end).await?;
        let exchanges = list::<MOST_EXCHANGES, ExchangeRow<'_>>(&exchanges, EXCHANGES, "exchanges")?;
        let mut definitions = policies.len() + operator_policies.len() + exchanges.len();
        let (mut topology, needs_bindings) = large::in_place(queues.len() + definitions, || {
            let topology = Topology::of(policies, operator_policies, &exchanges);
            let needs_bindings = topology.needs_bindings(queues);
            (topology, needs_bindings)
        });
        if needs_bindings {
            let bindings = self.get(BINDINGS, end).await?;
            let bindings = list::<MOST_BINDINGS, BindingRow<'_>>(&bindings, BINDINGS, "bindings")?;
            definitions += bindings.len();
            topology = large::in_place(definitions, || topology.with(&bindings));
        }
        self.topology = Some(TopologyRead { at: Instant::now(), topology, definitions, problem });
        Ok(())
    }

    async fn policies(&mut self, path: &'static str, end: Deadline) -> Result<Vec<PolicyRow>, Problem> {
        list::<MOST_DEFINITIONS, PolicyRow>(&self.get(path, end).await?, path, "policies")
    }

    pub(super) async fn get(&mut self, path: &str, end: Deadline) -> Result<Response, Problem> {
        checked(self.send(path, end).await?, &self.interface.login).map_err(|problem| about(path, problem))
    }

    async fn send(&mut self, path: &str, end: Deadline) -> Result<Response, Problem> {
        let login = &self.interface.login;
        let password = login.password.read().await?;
        let credentials = STANDARD.encode(format!("{}:{}", login.username, password.expose_secret()));
        let request = Request::get(format!("{}/api/{path}", self.interface.url))
            .header("authorization", SecretString::from(format!("Basic {credentials}")))
            .largest_body(largest_body(path));
        self.http.send(request, end.left()).await.map_err(|problem| about(path, problem))
    }
}

/// The items of an answer that is a list.
pub(super) fn list<'a, const MOST: usize, T: Deserialize<'a>>(
    response: &'a Response,
    path: &str,
    what: &str,
) -> Result<Vec<T>, Problem> {
    let items = response.json::<AtMost<MOST, T>>().and_then(|list| list.all(what));
    items.map_err(|problem| about(path, problem))
}
