//! The databases of a source beside that of its URL. One that fails costs only its own values.

use platform_core::built_in::BuiltInQueries;
use platform_core::collectors::Chosen;
use platform_core::deadline::Deadline;
use platform_core::probe::{Observation, Problem, Reason};

use super::config::Config;
use super::database::{DatabaseReader, DatabaseValues};

/// Reads what only a session in a database can see of it.
pub(super) struct OtherDatabases(Vec<(String, DatabaseReader)>);

impl OtherDatabases {
    /// `built_in` gives the queries for one database.
    pub(super) fn new(config: &Config, built_in: impl Fn() -> BuiltInQueries) -> Self {
        let reader = |name: &String| {
            let config = Config { database: name.clone(), ..config.clone() };
            (name.clone(), DatabaseReader::new(&config, built_in().only_scoped()))
        };
        Self(config.databases.iter().map(reader).collect())
    }

    /// Limits the next runs to a part of the queries.
    pub(super) fn choose(&mut self, chosen: Option<&Chosen>) {
        self.0.iter_mut().for_each(|(_, reader)| reader.choose(chosen));
    }

    /// Reads one database after the other, so that a probe keeps only one backend busy. Each may take half of the time
    /// that is left. `own` is the database that has been read already.
    pub(super) async fn read(&mut self, own: Option<String>, deadline: Deadline) -> Vec<Observation> {
        let mut known = Vec::from_iter(own);
        let mut all = Vec::with_capacity(self.0.len());
        for (name, reader) in self.0.iter_mut().filter(|(_, reader)| !reader.is_idle()) {
            let deadline = deadline.of_part();
            // Dropping the future closes the connection.
            let seen = tokio::time::timeout(deadline.left(), reader.read(deadline)).await;
            let seen = seen
                .unwrap_or_else(|_| Err(Problem::new(Reason::Slow, "no answer in its share of `timeout`")));
            let mut observation =
                seen.and_then(|seen| own_values(seen, &mut known)).unwrap_or_else(of_problem);
            let named = |problem: Problem| problem.context(format_args!("database {name}"));
            observation.problems = observation.problems.into_iter().map(named).collect();
            all.push(observation);
        }
        all
    }
}

/// Two series with the same labels would make the whole exposition invalid.
fn own_values(seen: DatabaseValues, known: &mut Vec<String>) -> Result<Observation, Problem> {
    let Some(database) = seen.database else {
        // The query for it has failed, which is one of the problems.
        return Ok(Observation { families: Vec::new(), ..seen.observation });
    };
    if known.contains(&database) {
        let detail = format!(
            "the name leads to the database {database}, which is read already: remove it from `databases`"
        );
        return Err(Problem::new(Reason::Query, detail));
    }
    known.push(database);
    Ok(seen.observation)
}

/// The server is up: what takes too long is slow.
fn of_problem(problem: Problem) -> Observation {
    let reason = if problem.reason == Reason::Timeout { Reason::Slow } else { problem.reason };
    Observation { problems: vec![Problem { reason, ..problem }], ..Observation::default() }
}
