//! A YAML document as a tree whose nodes know their place.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::{fmt, mem};

use serde::Deserialize;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Error, Location, Spanned};

use super::expanded::{Expanded, VariableUse};
use super::variable::expand;
use super::{Fault, Faults, Path, Place, syntax};

/// A value with its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it starts.
    pub place: Place,
    /// What it is.
    pub value: Value,
    /// The variables in its text.
    pub variables: Vec<VariableUse>,
}

/// What a node holds.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names are YAML's own")]
pub enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    String(String),
    List(Vec<Node>),
    /// Keys in order, each once.
    Map(Vec<(Key, Node)>),
}

/// A map's key with its place.
#[derive(Clone, Debug)]
pub struct Key {
    /// Where it is.
    pub place: Place,
    /// The key.
    pub text: String,
}

impl Node {
    /// A node without variables.
    pub fn new(place: Place, value: Value) -> Self {
        Self { place, value, variables: Vec::new() }
    }

    /// The entry of a map under this key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find(|(known, _)| known.text == key).map(|(_, node)| node)
    }

    /// Its text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a map; none for anything else.
    pub fn entries(&self) -> &[(Key, Self)] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// A map with only those entries whose key is among `keys`.
    #[must_use]
    pub fn only(&self, keys: &[&str]) -> Self {
        let entries = self.entries().iter().filter(|(key, _)| keys.contains(&key.text.as_str()));
        Self::new(self.place, Value::Map(entries.cloned().collect()))
    }

    /// A number that is equal for nodes with equal content, wherever they are, within one run of the process.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// The elements of a list; none for anything else.
    pub fn elements(&self) -> &[Self] {
        match &self.value {
            Value::List(elements) => elements,
            _ => &[],
        }
    }
}

/// Which variables a text comes from counts: messages name them.
impl Hash for Node {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (&self.value, &self.variables).hash(hasher);
    }
}

impl Hash for Value {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        mem::discriminant(self).hash(hasher);
        match self {
            Self::Null => {}
            Self::Bool(value) => value.hash(hasher),
            Self::Integer(number) => number.hash(hasher),
            Self::Float(number) => number.to_bits().hash(hasher),
            Self::String(text) => text.hash(hasher),
            Self::List(elements) => {
                elements.hash(hasher);
            }
            Self::Map(entries) => {
                // The order of keys does not matter.
                entries.iter().map(|(key, node)| (&key.text, node)).collect::<BTreeMap<_, _>>().hash(hasher);
            }
        }
    }
}

/// The tree as returned by serde-saphyr.
enum Raw {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    String(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

/// No configuration is this large; the limit protects memory if the wrong file is given.
const LARGEST_DOCUMENT: usize = 4 << 20;

/// Returns the value of `${NAME}`; without it, `${NAME}` is plain text.
pub(super) type Variables<'a> = Option<&'a dyn Fn(&str) -> Option<String>>;

pub(super) fn parse(text: &str, variables: Variables<'_>, faults: &mut Faults) -> Option<Node> {
    let file = faults.current();
    let start = Place { file, line: 1, column: 1 };
    if text.len() > LARGEST_DOCUMENT {
        let (most, size) = (LARGEST_DOCUMENT >> 20, text.len().div_ceil(1 << 20));
        let message =
            format!("expected a file of at most {most} MiB, found {size} MiB: is it the right file?");
        faults.at(start, &Path::default(), message);
        return None;
    }
    let options = serde_saphyr::options! {
        // Every entry reaches the tree, where duplicate keys are reported with their place, along with all other
        // errors.
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        strict_booleans: true,
        // A snippet would print the lines around an error, which may contain secrets.
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => Some(Builder { file, variables, faults }.node(raw, &Path::default())),
        Err(error) => {
            let place = error.location().map_or(start, |location| place_at(file, location));
            let (place, message) =
                syntax::mistake(text, place).unwrap_or_else(|| (place, syntax_message(&error)));
            faults.at(place, &Path::default(), message);
            None
        }
    }
}

/// Converts the parser's tree, replaces variables and checks keys.
struct Builder<'a> {
    file: usize,
    variables: Variables<'a>,
    faults: &'a mut Faults,
}

impl Builder<'_> {
    fn node(&mut self, raw: Spanned<Raw>, path: &Path) -> Node {
        let place = place_at(self.file, raw.referenced);
        let mut variables = Vec::new();
        let value = match raw.value {
            Raw::Null => Value::Null,
            Raw::Bool(value) => Value::Bool(value),
            Raw::Integer(value) => Value::Integer(value),
            Raw::Float(value) => Value::Float(value),
            Raw::String(text) => {
                let expanded = self.expand(text, place, path);
                variables = expanded.variables;
                Value::String(expanded.text)
            }
            Raw::List(items) => Value::List(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| self.node(item, &path.index(index)))
                    .collect(),
            ),
            Raw::Map(entries) => Value::Map(self.map(entries, path)),
        };
        Node { place, value, variables }
    }

    fn map(&mut self, entries: Vec<(Spanned<String>, Spanned<Raw>)>, path: &Path) -> Vec<(Key, Node)> {
        let mut map = Vec::with_capacity(entries.len());
        let mut known: HashMap<String, Place> = HashMap::with_capacity(entries.len());
        for (key, value) in entries {
            let (place, text) = (place_at(self.file, key.referenced), key.value);
            let path = path.key(&text);
            if let Some(first) = known.get(&text) {
                let message = format!("duplicate key, first on line {}", first.line);
                self.faults.at(place, &path, message);
            } else {
                let node = self.node(value, &path);
                known.insert(text.clone(), place);
                map.push((Key { place, text }, node));
            }
        }
        map
    }

    fn expand(&mut self, text: String, place: Place, path: &Path) -> Expanded {
        let plain = |text| Expanded { text, variables: Vec::new() };
        let Some(variable) = self.variables else { return plain(text) };
        expand(&text, variable).unwrap_or_else(|error| {
            let (message, hint) = (error.to_string(), error.hint());
            self.faults.last(Fault { place, path: path.clone(), message, hint });
            plain(String::new())
        })
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Raw, E> {
        i64::try_from(value).map(Raw::Integer).map_err(|_| E::custom("expected a number below 2^63"))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

/// The error without the place at the end of the parser's message: every message already starts with it.
fn syntax_message(mut error: &Error) -> String {
    while let Error::AliasError { error: inner, .. } | Error::WithSnippet { error: inner, .. } = error {
        error = inner;
    }
    let own = match error {
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "the value of the anchor `&NAME` contains its own alias `*NAME`: write it out"
        }
        Error::UnknownAnchor { .. } => {
            "there is no anchor `&NAME` before this alias `*NAME`: put strings with `*` in quotes"
        }
        Error::MultipleDocuments { .. } => "expected one document: remove `---` and everything after it",
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "expected a smaller or flatter document: with aliases (`*NAME`) expanded, it has too many values or levels"
        }
        _ => "",
    };
    if !own.is_empty() {
        return own.to_owned();
    }
    let message = error.to_string();
    let message = message.lines().next().unwrap_or_default();
    let message = message.split(" at line ").next().unwrap_or(message);
    let message = message.strip_prefix("error: ").unwrap_or(message);
    match message {
        message if message.contains("while parsing a block mapping") => {
            format!("not valid YAML: {message}; does the indentation match the lines above?")
        }
        message if message.contains("while parsing a flow") || message.contains("unexpected character") => {
            format!("not valid YAML: {message}; texts with `: ` or `,` or a special character need quotes")
        }
        message => format!("not valid YAML: {message}"),
    }
}

fn place_at(file: usize, location: Location) -> Place {
    Place { file, line: location.line(), column: location.column() }
}
