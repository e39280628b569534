//! Packs: queries, dashboard and rules for one platform in one file, with inputs and parameters.
//!
//! A pack declares which sources it needs and which names may differ between deployments. A configuration provides
//! both; the result is an [`Instance`].

mod instance;
mod parameter;
mod role;
mod severity;
mod substitute;

pub use instance::Instance;
pub use parameter::{Parameter, ParameterType};
pub use role::PackRole;
pub use severity::{SEVERITIES, check_severity};

use std::collections::BTreeMap;

use platform_core::schema;
use platform_core::yaml::{self, Fault, Faults, Node, Path, Value};
use schemars::SchemaGenerator;
use serde::Deserialize;
use serde_json::json;

use self::parameter::RawParameter;

use crate::registry::Kind;

/// A pack in the binary.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddedPack {
    /// Its name, which is that of its folder.
    pub name: &'static str,
    /// The pack.
    pub text: &'static str,
    /// What to do about each of its alerts.
    pub runbook: &'static str,
    /// A configuration that uses it.
    pub example: &'static str,
}

/// The packs in these folders below `platforms/`, each if its condition holds.
macro_rules! embedded {
    ($(#[$condition:meta] $name:literal,)+) => {
        &[$(
            #[$condition]
            EmbeddedPack {
                name: $name,
                text: include_str!(concat!("../../platforms/", $name, "/pack.yml")),
                runbook: include_str!(concat!("../../platforms/", $name, "/runbook.md")),
                example: include_str!(concat!("../../platforms/", $name, "/example.yml")),
            },
        )+]
    };
}

/// The built-in packs. A pack is included if every kind that it queries is.
pub const EMBEDDED: &[EmbeddedPack] = embedded! {
    #[cfg(all(
        feature = "mongodb",
        feature = "redis",
        feature = "rabbitmq",
        feature = "stripe",
        feature = "s3",
        feature = "workers",
        feature = "http"
    ))]
    "hayon",
    #[cfg(all(feature = "postgres", feature = "redis", feature = "logfile", feature = "workers"))]
    "hivesync",
    #[cfg(feature = "postgres")]
    "joip",
};

/// The text of a built-in pack.
pub fn embedded(name: &str) -> Option<&'static str> {
    EMBEDDED.iter().find(|pack| pack.name == name).map(|pack| pack.text)
}

/// Every built-in pack, by name.
///
/// # Panics
/// When one has errors. They are part of the binary, and a test loads every one.
pub fn all() -> Vec<(&'static str, Pack)> {
    let packs = EMBEDDED.iter().map(|&EmbeddedPack { name, text, .. }| {
        let mut faults = Faults::default();
        let pack = read_embedded(name, text, &mut faults);
        (name, pack.unwrap_or_else(|| panic!("{faults}")))
    });
    packs.collect()
}

/// A source that a pack needs.
#[derive(Clone, Debug, PartialEq, Deserialize, schemars::JsonSchema)]
pub struct Input {
    /// Its kind.
    pub kind: Kind,
    /// Its role in the platform.
    pub help: String,
    /// Whether the pack also makes sense without it.
    #[serde(default)]
    pub optional: bool,
}

/// A pack as written in its file.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Its name: that of its folder if it is in the binary, otherwise that of its file.
    pub name: String,
    /// Its description, in one sentence.
    pub about: String,
    /// The sources that it needs, by the names under which the rest of the file refers to them.
    pub inputs: BTreeMap<String, Input>,
    /// What may differ between deployments, by name.
    pub parameters: BTreeMap<String, Parameter>,
    tree: Node,
}

/// The keys that describe a pack and its needs.
#[derive(Deserialize, schemars::JsonSchema)]
struct Head {
    about: String,
    #[serde(default)]
    inputs: BTreeMap<String, Input>,
}

const HEAD: [&str; 2] = ["about", "inputs"];
const SECTIONS: [&str; 6] =
    ["parameters", "queries", "roll_up", "dashboard", "restricted_dashboard", "rules"];
/// The reserved keys of a pack's entry in a configuration.
pub const RESERVED: [&str; 4] = ["pack", "file", "roll_up", "severities"];

/// Reads a pack in the binary.
///
/// Returns `None` if there are errors; all of them are then in `faults`.
pub fn read_embedded(name: &str, text: &str, faults: &mut Faults) -> Option<Pack> {
    read(name, text, &format!("platforms/{name}/pack.yml"), faults)
}

/// Reads a pack. `file` is its name in error messages.
///
/// Returns `None` if there are errors; all of them are then in `faults`.
pub fn read(name: &str, text: &str, file: &str, faults: &mut Faults) -> Option<Pack> {
    let before = faults.len();
    faults.begin(file);
    let tree = yaml::parse_literally(text, faults)?;
    let root = Path::default();
    let known: Vec<_> = HEAD.into_iter().chain(SECTIONS).collect();
    yaml::refuse_unknown_keys(&tree, &root, &known, faults);
    let entries = tree.entries().iter().filter(|(key, _)| HEAD.contains(&key.text.as_str()));
    let head = Node::new(tree.place, Value::Map(entries.cloned().collect()));
    let head = yaml::decode::<Head>(&head, &root, faults);
    let parameters = parameter::read_all(&tree, faults);
    check_sections(&tree, faults);
    check_names(&tree, faults);
    if let Some(queries) = tree.get("queries") {
        refuse_variables(queries, &root.key("queries"), faults);
    }
    let Head { about, inputs } = head?;
    (faults.len() == before).then_some(Pack { name: name.to_owned(), about, inputs, parameters, tree })
}

/// The schemas of the keys `inputs` and `parameters`.
pub fn schema_of_head(generator: &mut SchemaGenerator) -> [serde_json::Value; 2] {
    let names = |schema: serde_json::Value| json!({"type": "object", "additionalProperties": schema});
    let mut parameter = schema::properties::<RawParameter>(generator);
    parameter.insert("default".to_owned(), true.into());
    let parameter = json!({"type": "object", "properties": parameter, "required": ["type", "help"]});
    [names(schema::of::<Input>(generator)), names(parameter)]
}

/// `${NAME}` would go to the server as it stands: packs have parameters instead. In dashboards it is one of Grafana's.
fn refuse_variables(node: &Node, path: &Path, faults: &mut Faults) {
    if let Value::String(text) = &node.value
        && let Some((name, _)) = text.split_once("${").and_then(|(_, rest)| rest.split_once('}'))
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    {
        let parameter = name.to_ascii_lowercase();
        faults.add(Fault {
            place: node.place,
            path: path.clone(),
            message: format!("`${{{name}}}` is not replaced in a pack"),
            hint: Some(format!(
                "declare a parameter, write `$({parameter})` here, and `{parameter}: \"${{{name}}}\"` in the configuration"
            )),
        });
    }
    node.entries().iter().for_each(|(key, child)| refuse_variables(child, &path.key(&key.text), faults));
    for (index, element) in node.elements().iter().enumerate() {
        refuse_variables(element, &path.index(index), faults);
    }
}

fn check_sections(tree: &Node, faults: &mut Faults) {
    let section = |name| tree.get(name).map(|node| (node, Path::default().key(name)));
    if let Some((node, path)) = section("parameters").filter(|(node, _)| node.entries().is_empty()) {
        faults.at(node.place, &path, "expected parameters: `NAME: {type: …, default: …, help: …}`");
    }
    if let Some((node, path)) = section("queries").filter(|(node, _)| node.elements().is_empty()) {
        faults.at(node.place, &path, "expected a list of queries: `- name: …`");
    }
}

fn check_names(tree: &Node, faults: &mut Faults) {
    for section in ["inputs", "parameters"] {
        let Some(node) = tree.get(section) else { continue };
        let path = Path::default().key(section);
        for (key, _) in node.entries() {
            let (name, path) = (key.text.as_str(), path.key(&key.text));
            if !substitute::is_name(name) {
                faults.at(key.place, &path, "expected a name of the form [a-z][a-z0-9_]*");
            }
            if RESERVED.contains(&name) {
                faults.at(key.place, &path, format!("`{name}` is reserved: choose another name"));
            }
            if section == "parameters" && tree.get("inputs").is_some_and(|inputs| inputs.get(name).is_some())
            {
                faults.at(key.place, &path, "an input already has this name");
            }
        }
    }
}
