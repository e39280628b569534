//! Whatever is in a file, it is read to the end, and what is found can be configured.

use std::collections::{BTreeMap, BTreeSet};

use platform_core::setting::SourceName;
use proptest::prelude::*;
use proptest::sample::select;

use super::{exposed, found};

/// Pieces of files that mean something to one of the readers.
const PIECES: [&str; 52] = [
    "DATABASE_URL",
    "DB_HOST",
    "DB_PORT",
    "DB_USER",
    "REDIS_URL",
    "PGHOST",
    "S3_BUCKET",
    "S3_ENDPOINT",
    "A",
    "=",
    ": ",
    "=",
    "\n",
    "\n",
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    "---\n",
    "postgres://",
    "postgresql+psycopg2://",
    "jdbc:postgresql://",
    "redis://",
    "amqp://",
    "unix:///",
    "mongodb+srv://",
    "a",
    "db",
    "@",
    ":",
    "/",
    "?",
    "#",
    "&",
    ",",
    "[",
    "]",
    "{",
    "}",
    "${",
    "$",
    "$(",
    "%",
    "'",
    "\"",
    "\\",
    "5432",
    "host=/x",
    "services:\n",
    "image: postgres\n",
    "environment:\n",
    "é",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn files_are_read_to_the_end(
        env in prop::collection::vec(select(&PIECES[..]), 0..60),
        yaml in prop::collection::vec(select(&PIECES[..]), 0..60),
        value in prop::collection::vec(select(&PIECES[..]), 0..12),
    ) {
        let yaml = yaml.concat();
        let compose = format!("services:\n  db:\n    image: postgres\n    environment:\n      X_URL: '{}'\n{yaml}",
            value.concat().replace('\'', "''").replace('\n', " "));
        let manifest = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\n{yaml}");
        let env = format!("{}\nLAST_DATABASE_URL=postgres://last.example.com/app\n", env.concat());
        let files = [(".env", env.as_str()), ("compose.yml", &compose), ("k8s/a.yml", &manifest)];
        let value = value.concat();
        let findings = found(&files, &[("MAIN_URL", &value), ("MAIN_HOST", &value), ("REDIS_HOST", &value)]);
        let mut names = BTreeSet::new();
        let mut values: BTreeMap<&str, &str> = BTreeMap::new();
        for source in &findings.sources {
            prop_assert!(SourceName::try_from(source.name.clone()).is_ok(), "{}", source.name);
            prop_assert!(names.insert(&source.name), "{} is there twice", source.name);
            prop_assert!(!source.settings.is_empty() && !source.places.is_empty(), "{source:?}");
            for variable in source.settings.iter().flat_map(|setting| &setting.variables) {
                let value = exposed(&variable.value);
                let before = values.insert(&variable.name, value);
                prop_assert!(before.is_none_or(|before| before == value), "{} has two values", variable.name);
            }
        }
        prop_assert!(!findings.to_string().is_empty());
    }
}
