//! What is not read.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::{assert_found, directory, found, found_in};

#[test]
fn only_regular_files_of_the_directory_itself() {
    let outside = directory(&[("shared.env", "DATABASE_URL=postgres://outside.example.com/app\n")]);
    let inside = directory(&[
        ("config/app.env", "REDIS_URL=redis://inside.example.com\n"),
        ("node_modules/lib/docker-compose.yml", "services: {db: {image: postgres}}\n"),
        ("deploy/vendor/docker-compose.yml", "services: {db: {image: postgres}}\n"),
        ("src/docker-compose.yml", "services: {db: {image: postgres}}\n"),
        ("k8s/1/2/3/docker-compose.yml", "services: {db: {image: postgres, ports: ['5432:5432']}}\n"),
        ("k8s/1/2/3/4/docker-compose.yml", "services: {deeper: {image: redis}}\n"),
        (
            "docker-compose.yml",
            "services: {web: {image: web, env_file: [../other.env, /etc/passwd, config/app.env, .env.fifo]}}\n",
        ),
    ]);
    let at = |path: &str| inside.path().join(path);
    let made = Command::new("mkfifo").args([at(".env"), at(".env.fifo")]).status().unwrap();
    assert!(made.success());
    symlink(outside.path().join("shared.env"), at(".env.production")).unwrap();
    symlink(at("config/app.env"), at(".env.local")).unwrap();
    symlink(".", at("k8s/circle")).unwrap();
    symlink(outside.path(), at("manifests")).unwrap();
    symlink(at("absent"), at(".env.staging")).unwrap();
    fs::create_dir(at("compose.yml")).unwrap();
    fs::write(at(".env.prod"), b"A=\xFF\n").unwrap();
    assert_found(
        &found_in(inside.path(), &[]),
        "
cache redis redis://inside.example.com at .env.local:1, config/app.env:1 (service web)
  url: ${REDIS_URL} = redis://inside.example.com
db postgres postgres://127.0.0.1:5432/ at k8s/1/2/3/docker-compose.yml:1 (service db)
  url: ${DB_URL} = postgres://postgres@127.0.0.1:5432/ *DB_URL
note: .env: not read: no regular file
note: .env.fifo: not read: no regular file
note: .env.production: not read: it leads out of the directory
note: .env.staging: not read: entity not found
note: .env.prod: not read: expected UTF-8, found the byte 0xFF: save the file as UTF-8
note: docker-compose.yml:1 (service web): ../other.env is not read: it leads out of the directory
note: docker-compose.yml:1 (service web): /etc/passwd is not read: it leads out of the directory
",
    );
}

#[test]
fn large_files() {
    let long = format!("# {}\nDATABASE_URL=postgres://long.example.com/app\n", "a".repeat(2 << 20));
    let longest = format!("REDIS_URL=redis://r.example.com\n# {}\n", "a".repeat((1 << 20) - 100));
    assert_found(
        &found(&[(".env", &long), (".env.production", &longest)], &[]),
        "
cache redis redis://r.example.com at .env.production:1
  url: ${REDIS_URL} = redis://r.example.com
note: .env: not read: larger than 1 MiB
",
    );
}

#[test]
fn many_files() {
    let files: Vec<_> = (0..250).map(|number| (format!("k8s/{number:03}.yml"), "kind: None\n")).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    assert_found(
        &found(&files, &[]),
        "
note: k8s/200.yml: not read: more than 200 files
",
    );
}

#[test]
fn all_files_together() {
    let comment = format!("# {}\n", "a".repeat((1 << 20) - 3));
    let files: Vec<_> = (0..40).map(|number| format!(".env.stage{number:02}")).collect();
    let files: Vec<_> = files.iter().map(|path| (path.as_str(), comment.as_str())).collect();
    let findings = found(&files, &[]);
    let first = ".env.stage32: not read: more than 32 MiB in all";
    assert_eq!((findings.notes.len(), findings.notes.first().map(String::as_str)), (8, Some(first)));
}

#[test]
fn a_directory_that_is_not_there() {
    let findings = found_in(Path::new("/absent/directory"), &[("REDIS_URL", "redis://r.example.com")]);
    assert_found(
        &findings,
        "
cache redis redis://r.example.com at environment
  url: ${REDIS_URL} = redis://r.example.com
note: /absent/directory: cannot be read: entity not found
",
    );
}
