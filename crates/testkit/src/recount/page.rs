//! `docs/truth.md`: the states in which each kind was recounted.

use std::fs;

use parking_lot::Mutex;

const FILE: &str = "docs/truth.md";

/// Kinds are tested side by side, and each writes its rows.
static WRITING: Mutex<()> = Mutex::new(());

/// Compares the rows of a kind with the page, numbers of samples apart, or with `BLESS=1` writes them.
pub(super) fn check(kind: &str, rows: &[String]) {
    let _writing = WRITING.lock();
    let path = crate::root().join(FILE);
    let page = fs::read_to_string(&path).expect(FILE);
    if std::env::var_os("BLESS").is_some() {
        return fs::write(path, with_rows(&page, kind, rows)).expect(FILE);
    }
    let kept: Vec<&str> = page.lines().filter(|line| is_row_of(kind, line)).map(without_figure).collect();
    let made: Vec<&str> = rows.iter().map(|row| without_figure(row)).collect();
    assert_eq!(kept, made, "{FILE} is stale: run `BLESS=1 cargo test --test it -- kinds::{kind}::truth`");
}

fn is_row_of(kind: &str, line: &str) -> bool {
    line.split('|').nth(1).is_some_and(|cell| cell.trim() == kind)
}

/// Servers of other versions have more samples or fewer.
fn without_figure(row: &str) -> &str {
    row.trim_end_matches(|character: char| character.is_ascii_digit() || " |".contains(character))
}

/// The page with the rows of the kind among the others, which are sorted by kind.
fn with_rows(page: &str, kind: &str, rows: &[String]) -> String {
    let mut lines: Vec<&str> = page.lines().filter(|line| !is_row_of(kind, line)).collect();
    let head = lines.iter().position(|line| line.starts_with("|---")).expect("a table") + 1;
    let is_later = |line: &&str| line.split('|').nth(1).is_none_or(|cell| cell.trim() > kind);
    let at = lines[head..].iter().position(is_later).map_or(lines.len(), |at| head + at);
    lines.splice(at..at, rows.iter().map(String::as_str));
    lines.join("\n") + "\n"
}
