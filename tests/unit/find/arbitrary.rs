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

/// What may end a part of a URL. Not a space: before a `#`, it ends a text, and the rest is that of another URL.
const PUNCTUATION: [&str; 17] =
    ["@", ":", "/", "?", "#", "%", "&", "=", ",", "[", "]", "'", "\"", "\\", "$", "password=", "host="];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn passwords_are_never_printed(
        before in prop::collection::vec(select(&PUNCTUATION[..]), 0..4),
        after in prop::collection::vec(select(&PUNCTUATION[..]), 0..4),
        user in select(&["", "user", "us.er", "a:b"][..]),
        scheme in select(&["postgres", "postgresql+psycopg2", "jdbc:postgresql", "redis", "amqp", "mongodb", "mysql"][..]),
        host in select(&["db", "db.example.com:1", "db:x", ""][..]),
        quote in select(&["", "'", "\""][..]),
    ) {
        let password = format!("{}PLANTED{}", before.concat(), after.concat());
        let url = format!("{scheme}://{user}:{password}@{host}/app");
        let yaml = url.replace('\'', "''");
        let env = format!("DATABASE_URL={quote}{url}{quote}\nDB_HOST=h\nDB_PASSWORD={quote}{password}{quote}\nREDIS_HOST={user}:{password}@h\n");
        let compose = format!("services:\n  web:\n    environment:\n      - 'DATABASE_URL={yaml}'\n      - OTHER_URL={url}\n  db: {{image: redis, command: --requirepass {password}}}\n");
        let manifest = format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - env:\n        - {{name: A_URL, value: '{yaml}'}}\n        - name: B_URL\n          value: {url}\n");
        let files = [(".env", env.as_str()), ("compose.yml", &compose), ("k8s/a.yml", &manifest)];
        let findings = found(&files, &[("MAIN_URL", &url), ("PGHOST", &url), ("REDIS_ADDR", &format!("{user}:{password}@h"))]);
        for printed in [findings.to_string(), format!("{findings:?}")] {
            prop_assert!(!printed.contains("PLANTED"), "{url}: {printed}");
        }
    }

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
