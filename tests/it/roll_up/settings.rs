//! The keys of a roll-up, in a pack and in a configuration.

use kind_postgres::{DailyTable, RollUpConfig};
use platform_exporter::config::{self, Surroundings};

use super::{DECLARED, decoded};
use crate::docs::yaml_blocks;

#[test]
fn the_keys_have_defaults() {
    let config: RollUpConfig = decoded("{write_url: 'postgres://writer:pencil@db/app'}").unwrap();
    assert_eq!(config.target(), "postgres://db:5432/app");
    assert_eq!(config.time_zone.name(), "UTC");
    assert_eq!((config.every.as_secs(), config.timeout.as_secs(), config.back_fill), (300, 60, 31));
    assert!(!format!("{config:?}").contains("pencil"));
    let config: RollUpConfig =
        decoded("{write_url: 'postgres://db', time_zone: europe/berlin, back_fill: 90d}").unwrap();
    assert_eq!((config.time_zone.name(), config.back_fill), ("Europe/Berlin", 90));
    let table: DailyTable = decoded(DECLARED).unwrap();
    assert_eq!(table.observed.len(), 1);
}

#[test]
fn every_fault_is_reported() {
    let faults = |yaml: &str| decoded::<RollUpConfig>(yaml).map(drop).unwrap_err().to_string();
    for (yaml, reported) in [
        ("{every: 5m}", "the key `write_url` is missing"),
        ("{write_url: 'mysql://db'}", "expected a URL that starts with postgres://"),
        ("{write_url: 'postgres://db', time_zone: Europe/Berln}", "did you mean `Europe/Berlin`?"),
        ("{write_url: 'postgres://db', time_zone: CET-1CEST}", "expected the IANA name of a time zone"),
        ("{write_url: 'postgres://db', back_fill: 12h}", "expected `back_fill` from 1d to 366d"),
        ("{write_url: 'postgres://db', back_fill: 2y}", "expected a duration of at most 366d"),
        ("{write_url: 'postgres://db', write_password: a, write_password_file: b}", "not both"),
        ("{write_url: 'postgres://db', url: 'postgres://db'}", "url: unknown key; expected one of write_url"),
    ] {
        let faults = faults(yaml);
        assert!(faults.contains(reported), "{yaml}: {faults}");
    }
    let both = faults("{write_url: 'postgres://db:secret/x', time_zone: Mars, every: never, tiem: 1}");
    for reported in ["time_zone", "every", "tiem"] {
        assert!(both.contains(reported), "{both}");
    }
    assert!(!both.contains("secret"), "{both}");
}

#[test]
fn a_table_names_each_column_once() {
    let faults = |from: &str, to: &str| {
        let yaml = DECLARED.replace(from, to);
        decoded::<DailyTable>(&yaml).map(drop).unwrap_err().to_string()
    };
    for (from, to, reported) in [
        ("table: visits_daily", "table: 'visits; DROP TABLE visits'", "expected an SQL name"),
        ("table: visits_daily", "table: 'a.\"b'", "expected an SQL name"),
        ("columns: [users,", "columns: [day,", "the column day is listed twice"),
        ("columns: [users,", "columns: [max_depth,", "the column max_depth is listed twice"),
        ("columns: [users, month_users, visits, avg_ms]", "columns: []", "expected at least one"),
        ("day: day", "dya: day", "did you mean `day`?"),
    ] {
        let faults = faults(from, to);
        assert!(faults.contains(reported), "{to}: {faults}");
    }
}

/// What docs/roll-up.md shows is what the exporter takes.
#[test]
fn the_documentation_is_true() {
    let docs = include_str!("../../../docs/roll-up.md");
    let block = |number: usize| {
        let block = yaml_blocks(docs).nth(number).unwrap();
        let indent = block.len() - block.trim_start().len();
        let lines = block.lines().map(|line| line.get(indent..).unwrap_or_default());
        lines.collect::<Vec<_>>().join("\n")
    };
    let surroundings = Surroundings {
        variable: &|name| Some(format!("{}://there", if name == "REDIS_URL" { "redis" } else { "postgres" })),
        file: &|_| Err(std::io::Error::from(std::io::ErrorKind::NotFound)),
    };
    let config = config::load(&block(0), "docs/roll-up.md", surroundings);
    let config = config.unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.roll_ups()[0].config.time_zone.name(), "Europe/Berlin");
    #[derive(serde::Deserialize)]
    struct Pack {
        roll_up: DailyTable,
    }
    let pack: Pack = decoded(&block(1)).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(pack.roll_up.observed.len(), 1);
}
