//! The connections of a prober or query lane: one, or in a cluster one per node.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ::redis::Value;
use platform_core::probe::{Problem, Reason};
use platform_core::tls::Tls;

use super::endpoint::{RedisEndpoint, RedisLogin};
use super::link::{RedisLink, Reply, Words, only, words};
use super::refusal::ReplyRefusal;
use super::sentinel;

/// How a source is reached.
#[derive(Clone, Debug)]
pub(super) struct CommandRoute {
    pub(super) entry: Entry,
    pub(super) login: RedisLogin,
    pub(super) tls: Tls,
    /// Whether keys are spread over cluster nodes.
    pub(super) cluster: bool,
}

impl CommandRoute {
    async fn connect(&self, node: &ClusterNode, timeout: Duration) -> Result<RedisLink, Problem> {
        let Self { entry, login, tls, .. } = self;
        match (node, entry) {
            (Some(endpoint), _) | (None, Entry::Server(endpoint)) => {
                RedisLink::open(endpoint, login, tls, timeout).await
            }
            (None, Entry::Master { name, sentinels }) => {
                // A hanging sentinel must leave time for the others.
                let share = timeout / u32::try_from(sentinels.len() + 1).unwrap_or(u32::MAX);
                let master = sentinel::master(name, sentinels, tls, share).await?;
                // A sentinel without TLS must not cause the password to be sent in clear text if another one uses TLS.
                RedisLink::open(&master.with_tls(entry.has_tls()), login, tls, share).await
            }
        }
    }
}

/// The first server to connect to.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Server(RedisEndpoint),
    /// The server that the sentinels name as the master.
    Master {
        name: String,
        sentinels: Vec<(RedisEndpoint, RedisLogin)>,
    },
}

impl Entry {
    /// Whether it uses TLS; the master does if any of its sentinels does.
    pub(super) fn has_tls(&self) -> bool {
        match self {
            Self::Server(endpoint) => endpoint.has_tls(),
            Self::Master { sentinels, .. } => sentinels.iter().any(|(endpoint, _)| endpoint.has_tls()),
        }
    }
}

/// A server: the entry point, or a cluster node.
pub(super) type ClusterNode = Option<RedisEndpoint>;

/// Open connections, opened on first use.
pub(super) struct Links {
    way: CommandRoute,
    open: BTreeMap<ClusterNode, RedisLink>,
}

impl Links {
    pub(super) fn new(way: CommandRoute) -> Self {
        Self { way, open: BTreeMap::new() }
    }

    pub(super) fn way(&self) -> &CommandRoute {
        &self.way
    }

    /// Ensures a connection to the entry point.
    pub(super) async fn open(&mut self, timeout: Duration) -> Result<(), Problem> {
        if self.open.get_mut(&None).is_none_or(RedisLink::is_closed) {
            let link = self.way.connect(&None, timeout).await?;
            self.open.insert(None, link);
        }
        Ok(())
    }

    /// The server that the sentinels have named, while there is a connection.
    pub(super) fn master(&self) -> Option<&RedisEndpoint> {
        let is_named = matches!(self.way.entry, Entry::Master { .. });
        self.open.get(&None).filter(|_| is_named).map(RedisLink::endpoint)
    }

    /// Drops every connection: the next command looks up the servers again.
    pub(super) fn close(&mut self) {
        self.open.clear();
    }

    /// Sends commands together to one server.
    ///
    /// A server may have closed the connection since the last command, so a broken one is replaced once; all commands
    /// are read-only, so repeating them is harmless.
    pub(super) async fn exchange(
        &mut self,
        node: &ClusterNode,
        commands: &[Words],
        timeout: Duration,
    ) -> Result<Vec<Reply>, Problem> {
        self.open.retain(|_, link| !link.is_closed());
        // Removed from the map while in use, so that a cancelled future drops it.
        if let Some(mut link) = self.open.remove(node) {
            match link.exchange(commands, timeout).await {
                Ok(replies) => {
                    self.open.insert(node.clone(), link);
                    return Ok(replies);
                }
                Err(problem) if problem.reason == Reason::Connect => {}
                Err(problem) => return Err(problem),
            }
        }
        let mut link = self.way.connect(node, timeout).await?;
        let replies = link.exchange(commands, timeout).await?;
        self.open.insert(node.clone(), link);
        Ok(replies)
    }

    /// Sends commands, each to the server that has its key.
    pub(super) async fn ask_all(
        &mut self,
        commands: &[Words],
        timeout: Duration,
    ) -> Result<Vec<Reply>, Problem> {
        let mut replies = self.exchange(&None, commands, timeout).await?;
        for (node, places) in self.moved(&replies) {
            let commands: Vec<Words> = places.iter().map(|&place| commands[place].clone()).collect();
            let moved = self.exchange(&Some(node), &commands, timeout).await?;
            for (place, reply) in places.into_iter().zip(moved) {
                replies[place] = reply;
            }
        }
        Ok(replies)
    }

    /// Sends one command to the server that has its key.
    pub(super) async fn ask(&mut self, command: Words, timeout: Duration) -> Result<Reply, Problem> {
        only(self.ask_all(&[command], timeout).await?)
    }

    /// Every server that holds keys.
    pub(super) async fn masters(&mut self, timeout: Duration) -> Result<BTreeSet<ClusterNode>, Problem> {
        if !self.way.cluster {
            return Ok(BTreeSet::from([None]));
        }
        let reply = self.ask(words(["CLUSTER", "SLOTS"]), timeout).await?;
        let slots = reply.map_err(|refusal| refusal.problem("CLUSTER SLOTS"))?;
        let (Some(link), Value::Array(slots)) = (self.open.get(&None), slots) else {
            return Err(Problem::new(Reason::Protocol, "CLUSTER SLOTS: expected a list"));
        };
        Ok(slots.iter().map(|range| master(range, link)).filter(ClusterNode::is_some).collect())
    }

    /// The positions of redirections, by target node.
    fn moved(&self, replies: &[Reply]) -> BTreeMap<RedisEndpoint, Vec<usize>> {
        let mut moved: BTreeMap<RedisEndpoint, Vec<usize>> = BTreeMap::new();
        if let Some(link) = self.open.get(&None).filter(|_| self.way.cluster) {
            for (place, reply) in replies.iter().enumerate() {
                if let Some((host, port)) = reply.as_ref().err().and_then(ReplyRefusal::moved_to) {
                    moved.entry(link.sibling(host, port)).or_default().push(place);
                }
            }
        }
        moved
    }
}

/// The master of a range of slots: `[from, to, [host, port, …], replicas …]`.
fn master(range: &Value, from: &RedisLink) -> ClusterNode {
    let Value::Array(range) = range else { return None };
    let Value::Array(node) = range.get(2)? else { return None };
    from.address(node)
}
