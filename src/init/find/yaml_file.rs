//! YAML that others wrote for other programs.

use platform_core::yaml::{self, Faults, Node, Value};

/// A file of more documents is none of manifests.
const MOST_DOCUMENTS: usize = 500;

/// The documents of a file. One that is no YAML becomes a note with its place.
pub(super) fn documents(file: &str, text: &str, notes: &mut Vec<String>) -> Vec<Node> {
    let mut documents = Vec::new();
    let (mut start, mut current) = (0, String::new());
    let mut end = |start: usize, text: &mut String| {
        if !text.trim().is_empty() {
            documents.extend(document(file, start, text, notes));
        }
        text.clear();
    };
    let mut count = 0;
    for (number, line) in text.trim_start_matches('\u{FEFF}').lines().enumerate() {
        let is_separator = line
            .strip_prefix("---")
            .is_some_and(|rest| rest.trim().is_empty() || rest.trim_start().starts_with('#'));
        if is_separator {
            end(start, &mut current);
            (start, count) = (number + 1, count + 1);
            if count == MOST_DOCUMENTS {
                break;
            }
            continue;
        }
        current.push_str(line);
        current.push('\n');
    }
    end(start, &mut current);
    documents
}

fn document(file: &str, start: usize, text: &str, notes: &mut Vec<String>) -> Option<Node> {
    let mut faults = Faults::of(file);
    let node = yaml::parse_literally(text, &mut faults);
    for fault in faults.sorted() {
        let line = fault.place.line + start as u64;
        notes.push(format!("{file}:{line}:{}: {}", fault.place.column, fault.message));
    }
    let mut node = node?;
    moved(&mut node, start as u64);
    Some(node)
}

/// Places are those in the file.
fn moved(node: &mut Node, by: u64) {
    node.place.line += by;
    match &mut node.value {
        Value::List(elements) => elements.iter_mut().for_each(|element| moved(element, by)),
        Value::Map(entries) => {
            for (key, node) in entries {
                key.place.line += by;
                moved(node, by);
            }
        }
        _ => {}
    }
}

/// A scalar as text; `None` for nothing, lists and maps.
pub(super) fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Integer(value) => Some(value.to_string()),
        Value::Float(value) => Some(value.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// A node under several keys.
pub(super) fn at<'a>(node: &'a Node, keys: &[&str]) -> Option<&'a Node> {
    keys.iter().try_fold(node, |node, key| node.get(key))
}

/// A text under several keys.
pub(super) fn text_at<'a>(node: &'a Node, keys: &[&str]) -> Option<&'a str> {
    at(node, keys)?.text()
}
