//! A configuration in several files: a directory, or a pattern.

use std::fs;
use std::process::Command;

use tempfile::TempDir;
use testkit::exporter::binary;

const PACK: &str = "about: Acme.\ninputs: {db: {kind: postgres, help: The database.}}\n\
                    queries: [{name: one, source: $(db), every: 1m, sql: SELECT 1 AS n, \
                    metrics: [{name: acme_one, value: n, help: One.}]}]\n";

/// Writes files, and returns what `check` says of a path among them.
fn check(directory: &TempDir, files: &[(&str, &str)], path: &str) -> (Option<i32>, String) {
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut command = Command::new(binary());
    command.current_dir(directory).args(["check", "--config.file", path]);
    let output = command.output().unwrap();
    let all = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(all).unwrap())
}

fn directory() -> TempDir {
    TempDir::with_prefix("config-files-").unwrap()
}

const CACHE: &str = "sources: {cache: {redis: {url: 'redis://cache', password_file: cache.password}}}\n";
const SHOP: &str = "sources: {db: {postgres: {url: 'postgres://u@db/shop'}}}\npacks: {acme: {file: packs/acme.yml, db: db}}\n";
const QUERIES: &str = "queries: [{name: keys, source: cache, every: 1m, redis: {command: [DBSIZE]}, \
                       metrics: [{name: acme_keys, value: value, help: Keys.}]}]\n";

#[test]
fn the_files_of_a_directory_are_one_configuration() {
    let directory = directory();
    let files = [
        ("conf/cache.yml", CACHE),
        ("conf/cache.password", "secret"),
        ("conf/queries.yaml", QUERIES),
        ("conf/shop.yml", SHOP),
        ("conf/packs/acme.yml", PACK),
        ("conf/.cache.yml.swp", "no: configuration"),
        ("conf/.old.yml", "no: configuration"),
        ("conf/notes.txt", "no: configuration"),
    ];
    let (code, text) = check(&directory, &files, "conf");
    assert_eq!(code, Some(0), "{text}");
    for part in ["2 sources", "2 queries"] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }
}

#[test]
fn relative_paths_start_at_the_file_that_names_them() {
    let directory = directory();
    let files = [
        ("teams/a/platform.yml", CACHE),
        ("teams/a/cache.password", "secret"),
        ("teams/b/platform.yml", SHOP),
        ("teams/b/packs/acme.yml", PACK),
    ];
    let (code, text) = check(&directory, &files, "teams/*/platform.yml");
    assert_eq!(code, Some(0), "{text}");

    let broken = PACK.replace("every: 1m", "every: 1 m0");
    let files = [("teams/b/packs/acme.yml", broken.as_str())];
    let (code, text) = check(&directory, &files, "teams/*/platform.yml");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("teams/b/packs/acme.yml:3:"), "one can open the file that is named: {text}");
}

#[test]
fn errors_name_the_file_and_count_in_it() {
    let directory = directory();
    let files = [
        ("conf/a.yml", CACHE),
        ("conf/cache.password", "secret"),
        ("conf/b.yml", &format!("{CACHE}{QUERIES}")),
        ("conf/c.yml", &QUERIES.replace("DBSIZE", "FLUSHALL")),
    ];
    let (code, text) = check(&directory, &files, "conf");
    assert_eq!(code, Some(1), "{text}");
    for part in [
        "conf/b.yml:1:11: sources.cache: there is one of this name already, in conf/a.yml:1 (give them different names)",
        "conf/c.yml:1:",
        ": queries[0]",
    ] {
        assert!(text.contains(part), "{part} is missing in:\n{text}");
    }

    let (code, text) =
        check(&directory, &[("conf/b.yml", "sources: [1]\n"), ("conf/c.yml", "queries: {}\n")], "conf");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("conf/b.yml:1:10: sources: expected a map: `{NAME: {…}}`"), "{text}");

    let (code, text) = check(&directory, &[("conf/b.yml", "a: [\n")], "conf");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("conf/b.yml:"), "{text}");
    assert!(
        !text.contains("there is no source"),
        "the source may be in the file that cannot be read: {text}"
    );
}

#[test]
fn a_path_without_files_is_an_error() {
    let directory = directory();
    fs::create_dir(directory.path().join("empty")).unwrap();
    for path in ["empty", "no/*.yml"] {
        let (code, text) = check(&directory, &[], path);
        assert_eq!(code, Some(1), "{text}");
        let expected =
            format!("there is no configuration in {path}: expected a file, a directory with *.yml");
        assert!(text.contains(&expected), "{text}");
    }
    let (_, text) = check(&directory, &[], "none.yml");
    assert!(text.contains("cannot read none.yml: No such file"), "{text}");
}
