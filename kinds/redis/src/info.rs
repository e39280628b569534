//! The text of INFO and CLUSTER INFO as tables.

use std::collections::HashMap;

use indexmap::IndexMap;
use platform_core::probe::{Problem, Reason};
use platform_core::query::{Cell, Columns, Rows};

use super::table::{MOST_UNREAD, Records};

const COMMAND: &str = "cmdstat_";
const LATENCY: &str = "latency_percentiles_usec_";

/// A section of INFO whose lines are records, such as `db0:keys=1,expires=0`.
struct Section {
    name: &'static str,
    /// How the fields of these lines start.
    prefix: &'static str,
    /// The column for the field's own name.
    key: &'static str,
    /// Whether a number follows the prefix. The name is then given with the prefix.
    numbered: bool,
    /// What the names of the other columns start with.
    columns: &'static str,
}

const SECTIONS: [Section; 6] = [
    Section { name: "keyspace", prefix: "db", key: "db", numbered: true, columns: "" },
    Section { name: "commandstats", prefix: COMMAND, key: "cmd", numbered: false, columns: "" },
    Section { name: "errorstats", prefix: "errorstat_", key: "error", numbered: false, columns: "" },
    Section { name: "latencystats", prefix: LATENCY, key: "cmd", numbered: false, columns: "" },
    Section { name: "slaves", prefix: "slave", key: "slave", numbered: true, columns: "slave_" },
    Section { name: "masters", prefix: "master", key: "master", numbered: true, columns: "master_" },
];

/// Strings that describe a server. Each always has a column, since a label must not be missing.
const IDENTITY: [&str; 11] = [
    "role",
    "redis_version",
    "redis_build_id",
    "os",
    "maxmemory_policy",
    "tcp_port",
    "run_id",
    "process_id",
    "master_replid",
    "valkey_version",
    "valkey_release_stage",
];

/// A server has a few hundred fields, plus one per database, command and replica.
const MOST_FIELDS: usize = 50_000;

/// The fields of INFO, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Info {
    /// Those with one value. Of duplicate names, the first counts.
    fields: IndexMap<String, String>,
    /// Lines such as `db0:keys=1,expires=0`.
    records: Vec<(String, String)>,
}

/// The section of INFO that holds a table.
pub(super) fn section(table: &str) -> &str {
    match table {
        "slaves" | "master" => "replication",
        "masters" => "sentinel",
        "latencies" | "identity" => "all",
        table => table,
    }
}

impl Info {
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let mut info = Self::default();
        let fields = lines.filter_map(|line| line.trim_end().split_once(':'));
        for (number, (name, value)) in fields.enumerate() {
            if number == MOST_FIELDS {
                let detail = format!("INFO has more than {MOST_FIELDS} fields");
                return Err(Problem::new(Reason::Query, detail));
            }
            let value = value.to_owned();
            if value.contains('=') {
                info.records.push((name.to_owned(), value));
            } else {
                info.fields.entry(name.to_owned()).or_insert(value);
            }
        }
        Ok(info)
    }

    /// Whether it is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.records.is_empty()
    }

    /// The text of a field.
    pub(super) fn get(&self, field: &str) -> Option<&str> {
        let record = || self.records.iter().find(|(name, _)| name == field).map(|(_, value)| value);
        self.fields.get(field).or_else(record).map(String::as_str)
    }

    /// The number in a field.
    pub(super) fn number(&self, field: &str) -> Option<f64> {
        self.get(field)?.parse().ok()
    }

    /// The major version of the server; 0 if unknown.
    pub(super) fn major_version(&self) -> u32 {
        self.version("redis_version").map_or(0, |(major, _)| major)
    }

    /// Whether the server has COMMANDLOG: Valkey 8.1 and later.
    pub(super) fn has_command_log(&self) -> bool {
        self.version("valkey_version").is_some_and(|version| version >= (8, 1))
    }

    /// The mode: standalone, sentinel or cluster. Valkey has it under another name.
    pub(super) fn mode(&self) -> Option<&str> {
        self.get("redis_mode").or_else(|| self.get("server_mode"))
    }

    /// The microseconds spent in each command.
    pub(super) fn durations(&self) -> HashMap<&str, f64> {
        let stats = self.stats().into_iter();
        stats.filter_map(|(command, stats)| Some((command, number_of(stats, "usec")?))).collect()
    }

    /// One of the tables in INFO; without a name, one row of all plain fields.
    pub(super) fn table(&self, name: Option<&str>, wanted: &Columns) -> Result<Rows, Problem> {
        let name = name.map(str::to_ascii_lowercase);
        if name.as_deref() == Some("master") && self.get("role") != Some("slave") {
            return Ok(Rows::default());
        }
        match name.as_deref() {
            Some("latencies") => return self.latencies(wanted),
            Some("identity") => return self.identity(wanted),
            _ => {}
        }
        let section = SECTIONS.iter().find(|section| Some(section.name) == name.as_deref());
        section.map_or_else(|| self.fields(wanted), |section| self.records(section, wanted))
    }

    fn fields(&self, wanted: &Columns) -> Result<Rows, Problem> {
        let derived = self.derived();
        let known =
            |name: &str| derived.iter().find(|(known, _)| *known == name).map(|(_, cell)| cell.clone());
        let find = |name: &str| known(name).or_else(|| Some(cell(name, self.fields.get(name)?)));
        let all = || derived.iter().map(|(name, _)| *name).chain(self.fields.keys().map(String::as_str));
        let kept: Vec<(&str, Cell)> = match wanted {
            // A built-in query reads a few of some hundred fields.
            Columns::Named(names) => {
                names.iter().filter_map(|name| Some((name.as_str(), find(name)?))).collect()
            }
            others => {
                let kept = all().enumerate().filter(|(place, name)| others.contains(*place, name));
                kept.filter_map(|(_, name)| Some((name, find(name)?))).collect()
            }
        };
        let mut records = Records::new(wanted);
        let is_kept = |name: &&str| kept.iter().any(|(known, _)| known == name);
        let unread = all().filter(|name| !is_kept(name)).take(MOST_UNREAD);
        for name in kept.iter().map(|(name, _)| *name).chain(unread) {
            records.column(name)?;
        }
        records.push(kept)?;
        Ok(records.finish())
    }

    /// What describes the server.
    fn identity(&self, wanted: &Columns) -> Result<Rows, Problem> {
        let mode = ("redis_mode", self.mode());
        let texts: Vec<_> =
            IDENTITY.map(|field| (field, self.get(field))).into_iter().chain([mode]).collect();
        let mut records = Records::new(wanted);
        records.column("present")?;
        for (name, _) in &texts {
            records.column(name)?;
        }
        let texts =
            texts.into_iter().map(|(name, text)| (name, Cell::Text(text.unwrap_or_default().to_owned())));
        records.push(std::iter::once(("present", Cell::Number(1.0))).chain(texts))?;
        Ok(records.finish())
    }

    /// What follows from the fields.
    fn derived(&self) -> Vec<(&'static str, Cell)> {
        let mut derived = vec![("present", Cell::Number(1.0))];
        let now = self.number("server_time_usec").map(|now| (now / 1e6).floor());
        if let (Some(now), Some(uptime)) = (now, self.number("uptime_in_seconds")) {
            derived.push(("start_time_seconds", Cell::Number(now - uptime)));
        }
        derived
    }

    /// The percentiles of each command, with its calls and the time spent in them.
    fn latencies(&self, wanted: &Columns) -> Result<Rows, Problem> {
        let stats = self.stats();
        let lines = self.records.iter().filter_map(|(name, percentiles)| {
            let command = name.strip_prefix(LATENCY)?;
            let stats = stats.get(command)?;
            let known = [
                ("cmd", Cell::Text(command.to_owned())),
                ("count", Cell::Number(number_of(stats, "calls")?)),
                ("sum", Cell::Number(number_of(stats, "usec")?)),
            ];
            let percentiles = pairs(percentiles)
                .filter_map(|(name, value)| Some((name.strip_prefix('p')?, Cell::Text(value.to_owned()))));
            Some(known.into_iter().chain(percentiles))
        });
        let mut records = Records::new(wanted);
        for (name, _) in lines.clone().flatten() {
            records.column(name)?;
        }
        for line in lines {
            records.push(line)?;
        }
        Ok(records.finish())
    }

    /// What was counted of each command.
    fn stats(&self) -> HashMap<&str, &str> {
        let stats = self.records.iter();
        stats.filter_map(|(name, stats)| Some((name.strip_prefix(COMMAND)?, stats.as_str()))).collect()
    }

    fn version(&self, field: &str) -> Option<(u32, u32)> {
        let mut parts = self.get(field)?.split('.').map_while(|part| part.parse().ok());
        Some((parts.next()?, parts.next().unwrap_or(0)))
    }

    fn records(&self, section: &Section, wanted: &Columns) -> Result<Rows, Problem> {
        let lines = self.records.iter().filter_map(|(name, value)| {
            let key = name.strip_prefix(section.prefix)?;
            match section.numbered {
                // Redis 8 also has lines such as `db0_distrib_strings_sizes`.
                true => {
                    key.bytes().all(|byte| byte.is_ascii_digit()).then_some((name.as_str(), value.as_str()))
                }
                false => Some((key, value.as_str())),
            }
        });
        let column = |name: &str| format!("{}{name}", section.columns);
        let mut records = Records::new(wanted);
        records.column(section.key)?;
        for (_, value) in lines.clone() {
            for (name, _) in pairs(value) {
                records.column(&column(name))?;
            }
            if let Some((name, _)) = is_ok(value) {
                records.column(&name)?;
            }
        }
        for (key, value) in lines {
            let key = (section.key.to_owned(), Cell::Text(key.to_owned()));
            let cells = pairs(value).map(|(name, value)| (column(name), cell(name, value)));
            records.push(std::iter::once(key).chain(cells).chain(is_ok(value)))?;
        }
        Ok(records.finish())
    }
}

fn number_of(record: &str, field: &str) -> Option<f64> {
    pairs(record).find(|(name, _)| *name == field)?.1.parse().ok()
}

/// Whether what a sentinel watches is well, in a column of its own: its status is a text.
fn is_ok(record: &str) -> Option<(String, Cell)> {
    let (_, status) = pairs(record).find(|(name, _)| *name == "status")?;
    Some(("ok".to_owned(), Cell::Number(f64::from(u8::from(status == "ok")))))
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
