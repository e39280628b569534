//! Log files: counted exactly, whatever happens to the file.

mod alerts;
mod counting;
mod following;
mod increase;
mod large;
mod missed;
mod rotation;
mod state;
mod truth;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use platform_core::metric::Family;
use platform_core::probe::Observation;
use platform_core::query::{Cell, Question, Rows};
use serde_json::{Value, json};
use tempfile::TempDir;

use testkit::subject::{Subject, Surroundings, value};

/// A directory with a log file that may not be there yet, and one for the exporter's state.
struct Logs {
    directory: TempDir,
    state: TempDir,
}

impl Logs {
    fn new() -> Self {
        Self {
            directory: TempDir::new().expect("a temporary directory"),
            state: TempDir::new().expect("a temporary directory"),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("app.log")
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn label(&self) -> String {
        self.path().display().to_string()
    }

    /// Appends to the file, and creates it where it is not there.
    fn append(&self, text: impl AsRef<[u8]>) {
        append(&self.path(), text);
    }

    /// A source that follows the file, with `from: beginning` and more keys.
    fn source(&self, keys: &str, questions: &[Question]) -> Subject {
        self.source_from("beginning", keys, questions)
    }

    fn source_from(&self, from: &str, keys: &str, questions: &[Question]) -> Subject {
        let yaml = format!("logfile: {{path: {}, from: {from}, {keys}}}", self.path().display());
        Surroundings { questions: questions.to_vec(), ..Surroundings::default() }.source(&yaml)
    }

    /// The same with a state that survives.
    fn remembering(&self, questions: &[Question]) -> Subject {
        let yaml = format!("logfile: {{path: {}, from: beginning}}", self.path().display());
        let state_dir = Some(self.state.path().to_owned());
        Surroundings { questions: questions.to_vec(), state_dir, ..Surroundings::default() }.source(&yaml)
    }

    fn value(&self, observation: &Observation, name: &str) -> f64 {
        self.value_in(&observation.families, name)
    }

    fn value_in(&self, families: &[Family], name: &str) -> f64 {
        value(families, name, &[&self.label()]).unwrap_or_else(|| panic!("{name} is there"))
    }
}

fn append(path: &Path, text: impl AsRef<[u8]>) {
    appender(path).write_all(text.as_ref()).expect("the file is writable");
}

fn appender(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).expect("the directory is writable")
}

/// A line of the log.
fn line(value: &Value) -> String {
    format!("{value}\n")
}

/// A question from its YAML-like parts.
fn question(parts: Value) -> Question {
    Question::new("log", parts)
}

/// All lines.
fn everything() -> Question {
    question(json!({}))
}

fn count(rows: &Rows) -> f64 {
    assert_eq!(rows.rows.len(), 1, "{rows:?}");
    rows.rows[0][rows.column("count").expect("every answer counts")].number().expect("a number")
}

/// The rows as texts, for comparison.
fn table(rows: &Rows) -> Vec<Vec<String>> {
    rows.rows.iter().map(|row| row.iter().map(|cell| cell.text().unwrap_or_default()).collect()).collect()
}

fn number(cell: f64) -> Cell {
    Cell::Number(cell)
}
