//! A session of the superuser that stays open, and what the processes of a server say about all sessions.

use std::fs;

use nix::unistd::Pid;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use super::PATIENCE;
use testkit::postgres::Postgres;
use testkit::wait::eventually;

pub(crate) struct Session(PgConnection);

impl Session {
    pub(crate) async fn open(server: &Postgres, database: &str) -> Self {
        Self::at(&server.url_as("postgres", "", database)).await.expect("the server lets everyone in")
    }

    /// A session at a URL; an error is given as the server words it.
    pub(crate) async fn at(url: &str) -> Result<Self, String> {
        PgConnection::connect(url).await.map(Self).map_err(|error| error.to_string())
    }

    /// Runs a script, and gives its rows; an error is given as the server words it.
    pub(crate) async fn attempt(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, String> {
        let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).fetch_all(&mut self.0).await;
        let rows = rows.map_err(|error| error.to_string())?;
        let cells = |row: &sqlx::postgres::PgRow| {
            let cell = |index| row.try_get_unchecked::<Option<String>, _>(index).expect("text");
            (0..row.len()).map(cell).collect()
        };
        Ok(rows.iter().map(cells).collect())
    }

    /// As [`Self::attempt`], for what cannot fail.
    pub(crate) async fn rows(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.attempt(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The only value of the only row; none if it is NULL.
    pub(super) async fn cell(&mut self, sql: &str) -> Option<String> {
        self.rows(sql).await.remove(0).remove(0)
    }

    pub(super) async fn number(&mut self, sql: &str) -> f64 {
        self.cell(sql).await.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{sql}: no number"))
    }

    /// Ends it, and so has the server count what it did.
    pub(crate) async fn close(self) {
        self.0.close().await.expect("the server lives");
    }
}

/// A process that serves a client, by its title.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) user: String,
    pub(super) database: String,
    pub(super) state: &'static str,
    pub(super) waits: bool,
}

impl Client {
    /// The type and the name of what it waits for.
    pub(super) fn waits_for(&self) -> [&'static str; 2] {
        match self.state {
            "active" if self.waits => ["Lock", "relation"],
            "active" => ["Timeout", "PgSleep"],
            _ => ["Client", "ClientRead"],
        }
    }
}

/// The processes of a server, by their titles without `postgres: `.
fn processes(server: &Postgres) -> Vec<(Pid, String)> {
    let read = |pid: Pid| Some((pid, fs::read(format!("/proc/{pid}/cmdline")).ok()?));
    let commands = server.process().processes().into_iter().filter_map(read);
    let text = |command: Vec<u8>| String::from_utf8_lossy(&command).replace('\0', " ");
    commands
        .filter_map(|(pid, command)| Some((pid, text(command).strip_prefix("postgres: ")?.trim().to_owned())))
        .collect()
}

/// The titles of a server's processes.
pub(super) fn titles(server: &Postgres) -> Vec<String> {
    processes(server).into_iter().map(|(_, title)| title).collect()
}

/// Waits until the sessions wait for their clients, or for what they run. An idle one says so a moment before it waits.
pub(super) async fn asleep(server: &Postgres) {
    let is_asleep = |pid: Pid| {
        let state = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        state.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('S'))
    };
    eventually(PATIENCE, "every session waits", async || {
        let sessions = processes(server).into_iter().filter(|(_, title)| client(title).is_some());
        sessions.map(|(pid, _)| pid).all(is_asleep)
    })
    .await;
}

pub(super) fn clients(titles: &[String]) -> Vec<Client> {
    titles.iter().filter_map(|title| client(title)).collect()
}

/// `postgres: USER DATABASE HOST STATE`.
fn client(title: &str) -> Option<Client> {
    let words: Vec<&str> = title.splitn(4, ' ').collect();
    let [user, database, host, state] = words[..] else { return None };
    if user == "walsender" || !(host == "[local]" || host.starts_with("127.0.0.1(")) {
        return None;
    }
    let known = ["idle", "idle in transaction", "idle in transaction (aborted)"];
    let shown = known.into_iter().find(|known| *known == state).unwrap_or("active");
    let (user, database) = (user.to_owned(), database.to_owned());
    Some(Client { user, database, state: shown, waits: state.ends_with(" waiting") })
}

/// Waits until so many clients are connected: those that have ended may take a moment to go.
pub(super) async fn settle(server: &Postgres, sessions: usize) {
    eventually(PATIENCE, "the sessions of the scenario alone", async || {
        clients(&titles(server)).len() == sessions
    })
    .await;
}
