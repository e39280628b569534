//! `$(name)`: inputs and parameters in the text of a pack.

use std::collections::BTreeMap;

use platform_core::yaml::{Fault, Faults, Key, Node, Path, Value, hint};

/// What each `$(name)` stands for.
pub(super) type PackValues = BTreeMap<String, Result<Value, Missing>>;

/// What has no value, and so decides how much of the pack is left out with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// An optional input: everything that needs the source is left out.
    Input,
    /// An optional parameter: only the key that refers to it is left out.
    Parameter,
}

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
    /// and so on up; `None` if the node itself is left out. Of a map that refers to a parameter without a value, only
    /// this key is left out.
    pub(super) fn node(&mut self, node: &Node, path: &Path) -> Option<Node> {
        self.styled(node, path, ListStyle::Pattern).ok()
    }

    fn styled(&mut self, node: &Node, path: &Path, style: ListStyle) -> Result<Node, Missing> {
        let value = match &node.value {
            Value::String(text) => self.string(text, node, path, style)?,
            Value::List(elements) => Value::List(self.list(elements, path)?),
            Value::Map(entries) => {
                // All entries, so that each error is found.
                let entries: Vec<_> =
                    entries.iter().map(|(key, child)| self.entry(key, child, path)).collect();
                let kept = entries.into_iter().filter(|entry| !matches!(entry, Err(Missing::Parameter)));
                Value::Map(kept.collect::<Result<_, _>>()?)
            }
            other => other.clone(),
        };
        Ok(Node::new(node.place, value))
    }

    fn list(&mut self, elements: &[Node], path: &Path) -> Result<Vec<Node>, Missing> {
        let (mut kept, mut missing) = (Vec::with_capacity(elements.len()), None);
        for (index, element) in elements.iter().enumerate() {
            match self.styled(element, &path.index(index), ListStyle::Pattern) {
                Ok(node) => kept.push(node),
                Err(what) => missing = Some(what),
            }
        }
        match missing.filter(|_| kept.is_empty()) {
            Some(missing) => Err(missing),
            None => Ok(kept),
        }
    }

    fn entry(&mut self, key: &Key, child: &Node, path: &Path) -> Result<(Key, Node), Missing> {
        let path = path.key(&key.text);
        let style = if key.text == "sql" { ListStyle::Sql } else { ListStyle::Pattern };
        let node = self.styled(child, &path, style);
        let text = self.text(&key.text, child, &path, style)?;
        Ok((Key { place: key.place, text }, node?))
    }

    /// Text that is only `$(name)` becomes the value itself, with its type.
    fn string(&mut self, text: &str, node: &Node, path: &Path, style: ListStyle) -> Result<Value, Missing> {
        let whole = text.trim().strip_prefix("$(").and_then(|rest| rest.strip_suffix(')'));
        match whole.filter(|name| is_name(name)).and_then(|name| self.values.get(name)) {
            Some(value) => value.clone(),
            None => self.text(text, node, path, style).map(Value::String),
        }
    }

    fn text(&mut self, text: &str, node: &Node, path: &Path, style: ListStyle) -> Result<String, Missing> {
        let (mut out, mut rest, mut missing) = (String::with_capacity(text.len()), text, None);
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
                Some(Ok(value)) => out.push_str(&written(value, style)),
                // Without the source, the rest of the text has no meaning either.
                Some(Err(what)) => {
                    missing = missing.filter(|earlier| *earlier == Missing::Input).or(Some(*what))
                }
                None => self.faults.add(Fault {
                    place: node.place,
                    path: path.clone(),
                    message: format!("there is no input or parameter `{name}`"),
                    hint: hint(name, self.values.keys().map(String::as_str)),
                }),
            }
        }
        out.push_str(rest);
        missing.map_or(Ok(out), Err)
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
