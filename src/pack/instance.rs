//! A pack with its sources and values, as a configuration uses it.

use std::collections::{BTreeMap, BTreeSet};

use platform_core::metric::Desc;
use platform_core::query::{self, parse::declared};
use platform_core::yaml::{Faults, Key, Node, Path, Value};

use super::substitute::{Missing, PackValues, Substitution};
use super::{Pack, PackRole, SECTIONS};
use crate::registry::languages;

/// A pack in use.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The name in the configuration.
    pub name: String,
    /// Its description, in one sentence.
    pub about: String,
    /// The sources given for its inputs, each with what it is to the pack.
    pub sources: Vec<(PackRole, String)>,
    /// The queries, each with its path in the pack's file. Their names are `<instance>.<query>`.
    pub queries: Vec<(Path, Node)>,
    sections: Vec<(&'static str, Node)>,
}

impl Pack {
    /// Fills in a pack's sources and values: `given` returns the value of every input and parameter, `None` for those
    /// that are not given. Parameters that are not given have their default.
    ///
    /// Errors in the text are added to `faults`.
    pub fn instantiate(
        &self,
        name: &str,
        given: &dyn Fn(&str) -> Option<Value>,
        faults: &mut Faults,
    ) -> Instance {
        let inputs = self.inputs.keys().map(|input| (input.clone(), given(input).ok_or(Missing::Input)));
        let parameters = self.parameters.iter().map(|(parameter, about)| {
            let value = given(parameter).or_else(|| about.default.clone());
            (parameter.clone(), value.ok_or(Missing::Parameter))
        });
        let sources = self.inputs.keys().filter_map(|input| match given(input) {
            Some(Value::String(source)) => Some((self.role(name, input), source)),
            _ => None,
        });
        let sources = sources.collect();
        let values: PackValues = inputs.chain(parameters).collect();
        let mut substitution = Substitution { values: &values, faults };
        let root = Path::default();
        let (mut queries, mut sections) = (Vec::new(), Vec::new());
        for section in SECTIONS.into_iter().filter(|section| *section != "parameters") {
            let Some(node) = self.tree.get(section) else { continue };
            let path = root.key(section);
            if section == "queries" {
                let nodes = node.elements().iter().enumerate();
                queries.extend(nodes.filter_map(|(index, node)| {
                    let path = path.index(index);
                    let node = substitution.node(node, &path)?;
                    Some((path, named(node, name)))
                }));
            } else if let Some(node) = substitution.node(node, &path) {
                sections.push((section, node));
            }
        }
        Instance { name: name.to_owned(), about: self.about.clone(), sources, queries, sections }
    }

    fn role(&self, deployment: &str, input: &str) -> PackRole {
        let pack = self.name.clone();
        PackRole { pack, deployment: deployment.to_owned(), input: input.to_owned() }
    }

    /// The pack as it is without a configuration: every input under its own name, every parameter at its default.
    pub fn by_itself(&self, name: &str, faults: &mut Faults) -> Instance {
        let given = |key: &str| self.inputs.contains_key(key).then(|| Value::String(key.to_owned()));
        self.instantiate(name, &given, faults)
    }
}

impl Instance {
    /// The families that its queries may export, each once.
    ///
    /// Errors in the queries are added to `faults`.
    pub fn catalogue(&self, faults: &mut Faults) -> Vec<Desc> {
        let languages = languages();
        let queries = self.queries.iter().filter_map(|(path, node)| declared(node, path, &languages, faults));
        let queries: Vec<_> = queries.map(|query| query.spec).collect();
        query::catalogue(&queries)
    }

    /// The same with other severities in its alerts: each is replaced by the value of its key.
    #[must_use]
    pub fn with_severities(mut self, severities: &BTreeMap<String, String>) -> Self {
        let rules = self.sections.iter_mut().filter(|(name, _)| *name == "rules");
        rules.for_each(|(_, node)| replace_severities(node, severities));
        self
    }

    /// The severities of its alerts.
    pub fn severities(&self) -> BTreeSet<&str> {
        let groups = self.section("rules").map_or(&[][..], Node::elements).iter();
        let rules = groups.filter_map(|group| group.get("rules")).flat_map(Node::elements);
        rules.filter_map(|rule| rule.get("labels")?.get("severity")?.text()).collect()
    }

    /// A section other than the queries, for example `roll_up` or `dashboard`.
    pub fn section(&self, name: &str) -> Option<&Node> {
        self.sections.iter().find(|(known, _)| *known == name).map(|(_, node)| node)
    }
}

/// Replaces the label `severity` of each rule below a node.
fn replace_severities(node: &mut Node, severities: &BTreeMap<String, String>) {
    match &mut node.value {
        Value::Map(entries) => {
            entries.iter_mut().for_each(|(key, child)| match (&key.text[..], &mut child.value) {
                ("severity", Value::String(severity)) => {
                    if let Some(other) = severities.get(severity) {
                        severity.clone_from(other);
                    }
                }
                _ => replace_severities(child, severities),
            })
        }
        Value::List(elements) => {
            elements.iter_mut().for_each(|element| replace_severities(element, severities))
        }
        _ => {}
    }
}

/// The query with the instance's name before its own.
fn named(query: Node, instance: &str) -> Node {
    let Value::Map(entries) = query.value else { return query };
    let name = |(key, mut node): (Key, Node)| {
        if let (Value::String(text), "name") = (&mut node.value, key.text.as_str()) {
            *text = format!("{instance}.{text}");
        }
        (key, node)
    };
    Node::new(query.place, Value::Map(entries.into_iter().map(name).collect()))
}
