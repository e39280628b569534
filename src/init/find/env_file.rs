//! Files of variables: `.env`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::rc::Rc;

use super::assignment::assigned;
use super::origin::Origin;
use super::scope::ScopeVariable;

/// `$` as the library sees it: by itself, it would look variables up in the environment of this process, and replace
/// those that are not set by nothing.
const DOLLAR: char = '\u{F8FE}';
/// A `$` that stands for itself.
const PLAIN_DOLLAR: char = '\u{F8FF}';
/// A file with more errors is none of variables.
const MOST_ERRORS: usize = 20;

/// The variables of a file, later ones replacing earlier ones. `variable` has those of the surroundings.
pub(super) fn variables(
    file: &str,
    text: &str,
    part: Option<&str>,
    variable: &dyn Fn(&str) -> Option<String>,
    notes: &mut Vec<String>,
) -> BTreeMap<String, ScopeVariable> {
    let mut found: BTreeMap<String, ScopeVariable> = BTreeMap::new();
    let origin = |line: usize| Origin::File {
        file: file.to_owned(),
        line: line as u64,
        part: part.map(str::to_owned),
    };
    let text = text.trim_start_matches('\u{FEFF}').replace("\\$", PLAIN_DOLLAR.encode_utf8(&mut [0; 4]));
    let text = text.replace('$', DOLLAR.encode_utf8(&mut [0; 4]));
    let lines: Vec<_> = text.lines().collect();
    let (mut next, mut errors) = (0, 0);
    while next < lines.len() {
        let (at, entry) = entries(&lines, next, &mut |at, name, value| {
            let known = |name: &str| {
                let earlier = || found.get(name).and_then(|variable| variable.text().map(str::to_owned));
                variable(name).or_else(earlier)
            };
            let raw = lines.get(at).and_then(|line| line.split_once('=')).map_or("", |(_, raw)| raw);
            let is_literal = raw.trim_start().starts_with('\'');
            let origin = origin(at + 1);
            let variable = if is_literal {
                Some(ScopeVariable::new(&value.replace([DOLLAR, PLAIN_DOLLAR], "$"), origin))
            } else {
                let raw = with_references(&value, &known);
                assigned(&name, &raw, &known, origin, notes)
            };
            found.extend(variable.map(|variable| (name, variable)));
        });
        next = at + 1;
        if entry.is_err() {
            errors += 1;
            notes.push(format!("{}: not read: expected NAME=value", origin(next)));
            if errors == MOST_ERRORS {
                notes.push(format!("{}: the rest is not read: too many errors", origin(next)));
                break;
            }
        }
    }
    found
}

/// A value as Compose would have it. Most readers of these files take a `$` for itself unless a brace follows, and
/// passwords have some.
fn with_references(value: &str, known: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(value.len());
    let mut parts = value.split(DOLLAR);
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let is_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        let name: String = part.chars().take_while(is_name).collect();
        let is_reference = part.starts_with('{') || known(&name).is_some();
        out.push_str(if is_reference { "$" } else { "$$" });
        out.push_str(part);
    }
    out.replace(PLAIN_DOLLAR, "$$")
}

/// Reads on from a line to the end or to the first error, which is that of the line that is returned. An error ends the
/// library's iterator at its own line or, after a quote that is not closed, at the end of the file.
fn entries(
    lines: &[&str],
    from: usize,
    each: &mut dyn FnMut(usize, String, String),
) -> (usize, Result<(), ()>) {
    let progress = Rc::new(Progress { done: Cell::new(from), is_between: Cell::new(true) });
    let reader = LineReader { lines, line: Vec::new(), at: 0, progress: progress.clone() };
    let mut entries = dotenvy::from_read_iter(reader);
    loop {
        let before = progress.done.get();
        let skipped = lines[before..].iter().take_while(|line| !is_entry(line)).count();
        progress.is_between.set(true);
        match entries.next() {
            Some(Ok((name, value))) => each(before + skipped, name, value),
            // Not shown: the library's error has the whole line.
            Some(Err(_)) => return (before + skipped, Err(())),
            None => return (lines.len(), Ok(())),
        }
    }
}

fn is_entry(line: &str) -> bool {
    !line.trim().is_empty() && !line.trim_start().starts_with('#')
}

/// How far a file has been read.
struct Progress {
    /// The lines that have been handed out.
    done: Cell<usize>,
    /// Whether the next entry has not begun.
    is_between: Cell<bool>,
}

/// Hands out one line at a time, so that whoever reads on knows where the last entry ended.
struct LineReader<'a> {
    lines: &'a [&'a str],
    /// The line that is being handed out, and how much of it has been.
    line: Vec<u8>,
    at: usize,
    progress: Rc<Progress>,
}

impl Read for LineReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.line.len() {
            let number = self.progress.done.get();
            let Some(line) = self.lines.get(number) else { return Ok(0) };
            let begins = self.progress.is_between.get() && is_entry(line);
            let line = if begins { quoted(line) } else { (*line).to_owned() };
            self.progress.is_between.set(self.progress.is_between.get() && !begins);
            self.line = line.into_bytes();
            self.line.push(b'\n');
            self.at = 0;
            self.progress.done.set(number + 1);
        }
        let length = buffer.len().min(self.line.len() - self.at);
        buffer[..length].copy_from_slice(&self.line[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

/// An entry whose value is quoted or simple. The library takes a quote within a value for the beginning of several lines,
/// and refuses spaces, where other readers take the line as it is.
fn quoted(line: &str) -> String {
    let Some((name, value)) = line.split_once('=') else { return line.to_owned() };
    let value = value.trim();
    if value.starts_with(['\'', '"', '#']) {
        return line.to_owned();
    }
    let mut out = format!("{name}=");
    let mut hashes = value.match_indices('#').map(|(at, _)| &value[..at]);
    let value = hashes.find(|before| before.ends_with(char::is_whitespace)).map_or(value, str::trim_end);
    for character in value.chars() {
        match character {
            '\\' | '\'' | '"' => out.extend(['\\', character]),
            character if character.is_whitespace() => out.push_str("\\ "),
            character => out.push(character),
        }
    }
    out
}
