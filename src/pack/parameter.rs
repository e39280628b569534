//! What may differ between deployments, and the values it accepts.

use std::collections::BTreeMap;

use platform_core::setting::{Duration, SqlName};
use platform_core::yaml::{self, Faults, Node, Path, Value};
use promql_parser::util::parse_duration;
use serde::Deserialize;

/// A parameter of a pack.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The accepted values.
    pub parameter_type: ParameterType,
    /// The default; without one, a value is required, unless the parameter is optional.
    pub default: Option<Value>,
    /// Whether what refers to it is left out if there is no value.
    pub optional: bool,
    /// What it is.
    pub help: String,
}

/// The accepted values of a parameter. Every type is safe inside a query, a pattern and an expression: no value can end
/// the text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ParameterType {
    /// The name of a table or column as written in SQL: `users`, `app.users`, `"userId"`.
    SqlName,
    /// The path of a field in a document: `usage.postsCreated`.
    Field,
    /// Text without quotes, backslashes or control characters.
    Text,
    /// A list of such texts.
    Texts,
    /// A number.
    Number,
    /// A duration such as `5m`.
    Duration,
    /// The address of a page: `https://admin.example.com`.
    Url,
}

impl ParameterType {
    /// Checks a value.
    ///
    /// # Errors
    /// What was expected.
    pub fn check(self, value: &Value) -> Result<(), &'static str> {
        match (self, value) {
            (Self::SqlName, Value::String(text)) if SqlName::is_valid(text) => Ok(()),
            (Self::Field, Value::String(text)) if is_field(text) => Ok(()),
            (Self::Text, Value::String(text)) if is_text(text) => Ok(()),
            (Self::Texts, Value::List(items)) if !items.is_empty() && items.iter().all(is_item) => Ok(()),
            (Self::Number, Value::Integer(_)) => Ok(()),
            (Self::Number, Value::Float(number)) if number.is_finite() => Ok(()),
            (Self::Duration, Value::String(text)) if is_duration(text) => Ok(()),
            (Self::Url, Value::String(text)) if is_url(text) => Ok(()),
            _ => Err(self.expected()),
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::SqlName => "expected an SQL name, such as users, app.users or '\"userId\"'",
            Self::Field => "expected a field path, such as usage.postsCreated",
            Self::Text => "expected text without quotes, backslashes or control characters",
            Self::Texts => "expected a list of texts without quotes, backslashes or control characters",
            Self::Number => "expected a number",
            Self::Duration => "expected a duration such as 15s, 5m or 1h, without spaces",
            Self::Url => {
                "expected an address such as https://admin.example.com, without user, password or spaces"
            }
        }
    }
}

/// Whether both this configuration and Prometheus understand it.
fn is_duration(text: &str) -> bool {
    Duration::try_from(text.to_owned()).is_ok() && parse_duration(text).is_ok()
}

fn is_item(node: &Node) -> bool {
    matches!(&node.value, Value::String(text) if is_text(text))
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && !text.contains(['\'', '"', '`', '\\']) && !text.chars().any(char::is_control)
}

fn is_field(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
    };
    text.split('.').all(is_part)
}

/// Whether text is the address of a page. It ends up in links, which everybody sees: no credentials.
fn is_url(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        && is_text(text)
        && !text.contains(|c: char| c.is_whitespace() || "@<>()$".contains(c))
}

#[derive(Deserialize, schemars::JsonSchema)]
pub(super) struct RawParameter {
    r#type: ParameterType,
    help: String,
    #[serde(default)]
    optional: bool,
}

/// Reads the parameters of a pack.
pub(super) fn read_all(tree: &Node, faults: &mut Faults) -> BTreeMap<String, Parameter> {
    let path = Path::default().key("parameters");
    let entries = tree.get("parameters").map_or(&[][..], Node::entries).iter();
    let parameters =
        entries.filter_map(|(key, node)| Some((key.text.clone(), read(node, &path.key(&key.text), faults)?)));
    parameters.collect()
}

fn read(node: &Node, path: &Path, faults: &mut Faults) -> Option<Parameter> {
    let others = node.entries().iter().filter(|(key, _)| key.text != "default");
    let raw = Node::new(node.place, Value::Map(others.cloned().collect()));
    let RawParameter { r#type: parameter_type, help, optional } = yaml::decode(&raw, path, faults)?;
    let default = node.get("default");
    if let Some(default) = default.filter(|_| optional) {
        let message = "an optional parameter has no default: remove `default` or `optional`";
        faults.at(default.place, &path.key("default"), message);
    }
    if let Some(default) = default
        && let Err(expected) = parameter_type.check(&default.value)
    {
        faults.at(default.place, &path.key("default"), expected);
    }
    Some(Parameter { parameter_type, default: default.map(|node| node.value.clone()), optional, help })
}
