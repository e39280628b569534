//! `$(name)`: inputs and parameters in the text of a pack.

use std::collections::BTreeMap;

use platform_core::yaml::{Fault, Faults, Key, Node, Path, Value, hint};

/// What `$(name)` stands for; `None` for an input that is not given.
pub(super) type PackValues = BTreeMap<String, Option<Value>>;

/// How a list is written inside longer text.
#[derive(Clone, Copy)]
enum ListStyle {
    /// `'a', 'b'`
    Sql,
    /// `a|b`
    Pattern,
}

/// Whether a name can stand in `$(name)`.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Substitutes values in nodes of a pack.
pub(super) struct Substitution<'a> {
    pub(super) values: &'a PackValues,
    pub(super) faults: &'a mut Faults,
}

impl Substitution<'_> {
    /// The node with its values.
    ///
    /// What refers to an input that is not given is left out: the element of a list, then a list with no elements left,
    /// and so on up; `None` if the node itself is left out.
    pub(super) fn node(&mut self, node: &Node, path: &Path) -> Option<Node> {
        self.styled(node, path, ListStyle::Pattern)
    }

    fn styled(&mut self, node: &Node, path: &Path, style: ListStyle) -> Option<Node> {
        let value = match &node.value {
            Value::String(text) => self.string(text, node, path, style)?,
            Value::List(elements) => {
                let children = elements.iter().enumerate();
                let kept: Vec<_> =
                    children.filter_map(|(index, child)| self.node(child, &path.index(index))).collect();
                if kept.is_empty() && !elements.is_empty() {
                    return None;
                }
                Value::List(kept)
            }
            Value::Map(entries) => {
                let entries: Vec<_> =
                    entries.iter().map(|(key, child)| self.entry(key, child, path)).collect();
                Value::Map(entries.into_iter().collect::<Option<_>>()?)
            }
            other => other.clone(),
        };
        Some(Node { place: node.place, value })
    }

    fn entry(&mut self, key: &Key, child: &Node, path: &Path) -> Option<(Key, Node)> {
        let path = path.key(&key.text);
        let style = if key.text == "sql" { ListStyle::Sql } else { ListStyle::Pattern };
        let node = self.styled(child, &path, style);
        let text = self.text(&key.text, child, &path, style)?;
        Some((Key { place: key.place, text }, node?))
    }

    /// Text that is only `$(name)` becomes the value itself, with its type.
    fn string(&mut self, text: &str, node: &Node, path: &Path, style: ListStyle) -> Option<Value> {
        let whole = text.trim().strip_prefix("$(").and_then(|rest| rest.strip_suffix(')'));
        match whole.filter(|name| is_name(name)).and_then(|name| self.values.get(name)) {
            Some(value) => value.clone(),
            None => self.text(text, node, path, style).map(Value::String),
        }
    }

    fn text(&mut self, text: &str, node: &Node, path: &Path, style: ListStyle) -> Option<String> {
        let (mut out, mut rest, mut is_given) = (String::with_capacity(text.len()), text, true);
        while let Some(start) = rest.find("$(") {
            let (before, after) = rest.split_at(start);
            out.push_str(before);
            let name = after[2..].split_once(')').filter(|(name, _)| is_name(name));
            let Some((name, after)) = name else {
                out.push_str("$(");
                rest = &after[2..];
                continue;
            };
            rest = after;
            match self.values.get(name) {
                Some(Some(value)) => out.push_str(&written(value, style)),
                Some(None) => is_given = false,
                None => self.faults.add(Fault {
                    place: node.place,
                    path: path.clone(),
                    message: format!("there is no input or parameter `{name}`"),
                    hint: hint(name, self.values.keys().map(String::as_str)),
                }),
            }
        }
        out.push_str(rest);
        is_given.then_some(out)
    }
}

fn written(value: &Value, style: ListStyle) -> String {
    match (value, style) {
        (Value::String(text), _) => text.clone(),
        (Value::Integer(number), _) => number.to_string(),
        (Value::Float(number), _) => number.to_string(),
        (Value::List(items), ListStyle::Sql) => items
            .iter()
            .map(|item| format!("'{}'", written(&item.value, style)))
            .collect::<Vec<_>>()
            .join(", "),
        (Value::List(items), ListStyle::Pattern) => {
            items.iter().map(|item| written(&item.value, style)).collect::<Vec<_>>().join("|")
        }
        // No parameter has one of these.
        (Value::Null | Value::Bool(_) | Value::Map(_), _) => String::new(),
    }
}
