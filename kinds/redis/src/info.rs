//! The text of INFO and CLUSTER INFO as tables.

use platform_core::probe::{Problem, Reason};
use platform_core::query::{Cell, Columns, Rows};

use super::table::Records;

/// A section of INFO whose lines are records, such as `db0:keys=1,expires=0`.
struct Section {
    name: &'static str,
    /// How the fields of these lines start.
    prefix: &'static str,
    /// The column for the field's own name, and whether it is given with the prefix.
    key: &'static str,
    whole: bool,
    /// What the names of the other columns start with.
    columns: &'static str,
}

const SECTIONS: [Section; 5] = [
    Section { name: "keyspace", prefix: "db", key: "db", whole: true, columns: "" },
    Section { name: "commandstats", prefix: "cmdstat_", key: "cmd", whole: false, columns: "" },
    Section { name: "errorstats", prefix: "errorstat_", key: "error", whole: false, columns: "" },
    Section {
        name: "latencystats",
        prefix: "latency_percentiles_usec_",
        key: "cmd",
        whole: false,
        columns: "",
    },
    Section { name: "slaves", prefix: "slave", key: "slave", whole: true, columns: "slave_" },
];

/// Strings that describe a server. Each always has a column, since a label must not be missing.
const IDENTITY: [&str; 5] = ["role", "redis_version", "redis_mode", "os", "maxmemory_policy"];

/// A server has a few hundred fields, plus one per database, command and replica.
const MOST_FIELDS: usize = 50_000;

/// The fields of INFO, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Info(Vec<(String, String)>);

/// The section of INFO that holds a table.
pub(super) fn section(table: &str) -> &str {
    match table {
        "slaves" | "master" => "replication",
        table => table,
    }
}

impl Info {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let fields = lines.filter_map(|line| line.trim_end().split_once(':'));
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let fields: Vec<_> = fields.take(MOST_FIELDS + 1).collect();
        if fields.len() > MOST_FIELDS {
            return Err(Problem::new(Reason::Query, format!("INFO has more than {MOST_FIELDS} fields")));
        }
        Ok(Self(fields))
    }

    /// Whether it is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of a field.
    pub(super) fn get(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str())
    }

    /// The number in a field.
    pub(super) fn number(&self, field: &str) -> Option<f64> {
        self.get(field)?.parse().ok()
    }

    /// The major version of the server; 0 if unknown.
    pub(super) fn major_version(&self) -> u32 {
        let version = self.get("redis_version").and_then(|version| version.split('.').next());
        version.and_then(|major| major.parse().ok()).unwrap_or(0)
    }

    /// One of the tables in INFO; without a name, one row of all plain fields.
    pub(super) fn table(&self, name: Option<&str>, wanted: &Columns) -> Result<Rows, Problem> {
        let name = name.map(str::to_ascii_lowercase);
        if name.as_deref() == Some("master") && self.get("role") != Some("slave") {
            return Ok(Rows::default());
        }
        let section = SECTIONS.iter().find(|section| Some(section.name) == name.as_deref());
        section.map_or_else(|| self.fields(wanted), |section| self.records(section, wanted))
    }

    fn fields(&self, wanted: &Columns) -> Result<Rows, Problem> {
        let absent = IDENTITY.iter().filter(|field| self.get(field).is_none()).map(|&field| (field, ""));
        let fields = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields = fields.filter(|(_, value)| !is_record(value)).chain(absent);
        let mut records = Records::new(wanted);
        records.column("present")?;
        for (name, _) in fields.clone() {
            records.column(name)?;
        }
        let present = ("present", Cell::Number(1.0));
        records
            .push(std::iter::once(present).chain(fields.map(|(name, value)| (name, cell(name, value)))))?;
        Ok(records.finish())
    }

    fn records(&self, section: &Section, wanted: &Columns) -> Result<Rows, Problem> {
        let lines = self.0.iter().filter(|(_, value)| is_record(value)).filter_map(|(name, value)| {
            let key = name.strip_prefix(section.prefix)?;
            Some((if section.whole { name } else { key }, value.as_str()))
        });
        let column = |name: &str| format!("{}{name}", section.columns);
        let mut records = Records::new(wanted);
        records.column(section.key)?;
        for (_, value) in lines.clone() {
            for (name, _) in pairs(value) {
                records.column(&column(name))?;
            }
        }
        for (key, value) in lines {
            let key = (section.key.to_owned(), Cell::Text(key.to_owned()));
            let cells = pairs(value).map(|(name, value)| (column(name), cell(name, value)));
            records.push(std::iter::once(key).chain(cells))?;
        }
        Ok(records.finish())
    }
}

fn is_record(value: &str) -> bool {
    value.contains('=')
}

fn pairs(record: &str) -> impl Iterator<Item = (&str, &str)> {
    record.split(',').filter_map(|pair| pair.split_once('='))
}

/// A status becomes a number, so that it can be a value.
fn cell(name: &str, value: &str) -> Cell {
    if name.ends_with("_status") || name == "cluster_state" {
        return Cell::Number(f64::from(u8::from(matches!(value, "ok" | "up"))));
    }
    Cell::Text(value.to_owned())
}
