//! Files of variables: `.env`.

use std::collections::BTreeMap;
use std::io::{self, Read};

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
            notes.push(format!("{}: not read: expected NAME=value, with quotes around spaces", origin(next)));
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
    let done = std::rc::Rc::new(std::cell::Cell::new(from));
    let reader = LineReader { lines, at: (from, 0), done: done.clone() };
    let mut entries = dotenvy::from_read_iter(reader);
    loop {
        let is_entry = |line: &&&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let before = done.get();
        let skipped = lines[before..].iter().take_while(|line| !is_entry(line)).count();
        match entries.next() {
            Some(Ok((name, value))) => each(before + skipped, name, value),
            // Not shown: the library's error has the whole line.
            Some(Err(_)) => return (before + skipped, Err(())),
            None => return (lines.len(), Ok(())),
        }
    }
}

/// Hands out one line at a time, so that whoever reads on knows where the last entry ended.
struct LineReader<'a> {
    lines: &'a [&'a str],
    /// A line, and the bytes of it that have been read.
    at: (usize, usize),
    done: std::rc::Rc<std::cell::Cell<usize>>,
}

impl Read for LineReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (line, from) = self.at;
        let Some(text) = self.lines.get(line) else { return Ok(0) };
        let rest = &text.as_bytes()[from..];
        if rest.len() < buffer.len() {
            buffer[..rest.len()].copy_from_slice(rest);
            buffer[rest.len()] = b'\n';
            self.at = (line + 1, 0);
            self.done.set(line + 1);
            return Ok(rest.len() + 1);
        }
        let length = buffer.len();
        buffer.copy_from_slice(&rest[..length]);
        self.at = (line, from + length);
        Ok(length)
    }
}
