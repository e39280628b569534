//! A replica set of MongoDB with several members.

use futures_util::future::join_all;
use mongodb::bson::{Document, doc};

use super::mongodb::Mongodb;
use super::process::START;
use super::wait::until;

/// A replica set of three members, of which the first two may become primary.
#[derive(Debug)]
pub struct MongodbSet {
    members: Vec<Mongodb>,
}

impl MongodbSet {
    /// Starts the members, and makes the first one primary. Clients must log in; this user has the role `root`.
    pub async fn start(user: &str, password: &str) -> Self {
        let start = |_| Mongodb::options().login(user, password).launch();
        let mut members = join_all((0..3).map(start)).await;
        let member = |(id, priority): (usize, i32)| {
            doc! {"_id": i32::try_from(id).expect("one digit"), "host": members[id].address(), "priority": priority}
        };
        let all: Vec<_> = [1, 1, 0].into_iter().enumerate().map(member).collect();
        let set = doc! {
            "_id": "rs0",
            "members": all,
            // How long a primary may be silent: ten seconds by default.
            "settings": {"electionTimeoutMillis": 3000, "heartbeatIntervalMillis": 500},
        };
        members[0].initiate(set).await;
        Self { members }
    }

    /// The addresses of the members, as a URL has them.
    pub fn hosts(&self) -> String {
        self.members.iter().map(Mongodb::address).collect::<Vec<_>>().join(",")
    }

    /// Runs a command in the database `admin` of the primary with all rights; panics on an error.
    pub async fn run(&self, command: Document) {
        self.members[self.primary().await].run(command).await;
    }

    /// All members.
    pub fn members(&self) -> &[Mongodb] {
        &self.members
    }

    /// The member that is primary.
    pub async fn primary_member(&self) -> &Mongodb {
        &self.members[self.primary().await]
    }

    /// The address of the member that becomes primary when the primary is gone.
    pub async fn successor(&self) -> String {
        self.members[1 - self.primary().await].address()
    }

    /// Kills the primary.
    pub async fn kill_primary(&mut self) {
        let primary = self.primary().await;
        self.members[primary].kill();
    }

    /// Starts again who was killed.
    pub async fn revive(&mut self) {
        for member in &mut self.members {
            if !member.is_running() {
                member.start_again().await;
            }
        }
    }

    /// How many connections each member that runs has of clients that give this name.
    pub async fn connections_of(&mut self, name: &str) -> Vec<usize> {
        let mut connections = Vec::new();
        for member in &mut self.members {
            if member.is_running() {
                connections.push(member.connections_of(name).await.len());
            }
        }
        connections
    }

    async fn primary(&self) -> usize {
        until(START, "a primary", async || {
            for (index, member) in self.members.iter().enumerate() {
                if member.is_primary().await {
                    return Some(index);
                }
            }
            None
        })
        .await
    }
}
