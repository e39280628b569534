//! Renders figures as a table in the terminal, and as a section of `docs/benchmarks.md`.

use std::fmt::Write;
use std::path::Path;

const INTRODUCTION: &str = include_str!("introduction.md");
const PROFILES: &str = include_str!("profiles.md");

/// One section of the document.
pub(crate) struct Section {
    title: &'static str,
    parts: Vec<String>,
}

/// Rows below a header; the first column is text, the others are figures.
pub(crate) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Section {
    pub(crate) fn new(title: &'static str) -> Self {
        println!("\n{title}\n");
        Self { title, parts: Vec::new() }
    }

    /// Adds a paragraph, and prints it; its lines may be broken and indented as the source text is.
    pub(crate) fn text(&mut self, text: &str) {
        let text = wrapped(text);
        println!("{text}");
        self.parts.push(text);
    }

    /// Adds a table, and prints it.
    pub(crate) fn table(&mut self, table: &Table) {
        println!("\n{}", table.aligned());
        self.parts.push(table.markdown());
    }

    fn markdown(&self, machine: &str) -> String {
        format!("## {}\n\n{}\n\n{}\n", self.title, wrapped(machine), self.parts.join("\n\n"))
    }
}

impl Table {
    pub(crate) fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(|&cell| cell.to_owned()).collect(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
        let rule = format!("|---|{}", "---:|".repeat(self.head.len() - 1));
        let rows = self.rows.iter().map(|row| line(row));
        [line(&self.head), rule].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
    }

    fn aligned(&self) -> String {
        let lines = || [&self.head].into_iter().chain(&self.rows);
        let width = |column: usize| {
            lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let mut text = String::new();
        for line in lines() {
            for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
                let written = match column {
                    0 => write!(text, "{cell:<width$}"),
                    _ => write!(text, "  {cell:>width$}"),
                };
                written.expect("a string takes everything");
            }
            text.push('\n');
        }
        text
    }
}

/// Replaces sections in the document; the sections of other runs are kept.
pub(crate) fn write(sections: &[Section], order: &[&str], machine: &str) {
    if sections.is_empty() {
        return;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/benchmarks.md");
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let known = |title: &str| {
        let part = before.split("\n## ").skip(1).find(|part| part.lines().next() == Some(title))?;
        Some(format!("## {}\n", part.trim_end()))
    };
    let section = |title: &&str| match sections.iter().find(|section| section.title == *title) {
        Some(section) => Some(section.markdown(machine)),
        None => known(title),
    };
    let parts: Vec<String> = order.iter().filter_map(section).collect();
    std::fs::write(&path, format!("{INTRODUCTION}\n{}\n{PROFILES}", parts.join("\n")))
        .expect("docs/ is writable");
    println!("\nwritten to {}", path.display());
}

/// The length of lines in the documentation.
const LINE: usize = 120;

fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= LINE {
            write!(line, " {word}").expect("a string takes everything");
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

/// A time in milliseconds, in the most readable unit.
pub(crate) fn time(milliseconds: f64) -> String {
    match milliseconds {
        ms if ms < 1.0 => format!("{:.0} µs", ms * 1e3),
        ms if ms < 10.0 => format!("{ms:.2} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

/// The ratio of the first figure to the second.
pub(crate) fn ratio(figure: f64, of: f64) -> String {
    match figure / of {
        ratio if !ratio.is_finite() => "–".to_owned(),
        ratio if ratio < 10.0 => format!("{ratio:.2}"),
        ratio => format!("{ratio:.0}"),
    }
}

/// A count with thousands separators.
pub(crate) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// Bytes in the most readable unit.
pub(crate) fn bytes(count: f64) -> String {
    match count {
        count if count < 1e4 => format!("{count:.0} B"),
        count if count < 1e7 => format!("{:.0} kB", count / 1e3),
        count => format!("{:.1} MB", count / 1e6),
    }
}
