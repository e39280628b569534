//! A viewer of the dashboard of users: what Grafana asks as its role.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use super::Deployment;
use super::tables::somebody;
use crate::bundle::Rendered;
use testkit::joip::world::{DAY, World, id};

/// A row by its columns' names.
pub(super) type Row = serde_json::Map<String, Value>;

/// What is chosen at the top of the dashboard.
pub(super) struct Viewer<'a> {
    deployment: &'a Deployment,
    dashboard: Rendered,
    pub(super) sort: &'static str,
    pub(super) names: &'static str,
    pub(super) user: String,
    /// The range of Grafana's time picker: the last 30 days.
    from: String,
    to: String,
}

impl<'a> Viewer<'a> {
    /// Somebody who looks at the last 30 days; `more` are parameters.
    pub(super) fn of(deployment: &'a Deployment, world: &World, more: &str) -> Self {
        let bound = |age: u64| jiff::Timestamp::from_second(world.seconds(age)).unwrap().to_string();
        Self {
            deployment,
            dashboard: deployment.dashboard("joip-users", more),
            sort: "activity_score",
            names: "shown",
            user: id(somebody(world)),
            from: bound(30 * DAY),
            to: bound(0),
        }
    }

    /// The rows of a table.
    pub(super) fn rows(&self, title: &str) -> Vec<Row> {
        let selects = self.dashboard.selects();
        let (_, sql) = selects.iter().find(|(known, _)| *known == title).unwrap_or_else(|| panic!("{title}"));
        self.ask(title, sql)
    }

    /// The rows of every table, by its title.
    pub(super) fn all(&self) -> BTreeMap<String, Vec<Row>> {
        let selects = self.dashboard.selects().into_iter();
        selects.map(|(title, sql)| (title.to_owned(), self.ask(title, sql))).collect()
    }

    /// The rows of a query, with what Grafana puts in the place of its macros and variables.
    fn ask(&self, title: &str, sql: &str) -> Vec<Row> {
        let sql = sql
            .replace("$__timeFrom()", &format!("'{}'", self.from))
            .replace("$__timeTo()", &format!("'{}'", self.to))
            .replace("${sort:sqlstring}", &format!("'{}'", self.sort))
            .replace("${names:sqlstring}", &format!("'{}'", self.names))
            .replace("${user:sqlstring}", &format!("'{}'", self.user));
        assert!(!sql.contains('$'), "{sql}");
        let url = self.deployment.postgres.url_as("grafana_joip", "", "postgres");
        let sql = format!("SELECT coalesce(json_agg(t), '[]') FROM ({sql}) AS t");
        let mut psql = Command::new("psql");
        let output = psql.args(["-X", "-q", "-A", "-t", "-d", &url, "-c", &sql]).output().unwrap();
        assert!(output.status.success(), "{title}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

pub(super) fn text(row: &Row, column: &str) -> String {
    row[column].as_str().unwrap_or_else(|| panic!("{column} of {row:?}")).to_owned()
}

pub(super) fn number(row: &Row, column: &str) -> f64 {
    row[column].as_f64().unwrap_or_else(|| panic!("{column} of {row:?}"))
}

/// A point in time in Unix seconds: as Grafana shows it, it has a time zone.
pub(super) fn time(row: &Row, column: &str) -> i64 {
    let time = text(row, column);
    time.parse::<jiff::Timestamp>().unwrap_or_else(|error| panic!("{time}: {error}")).as_second()
}
