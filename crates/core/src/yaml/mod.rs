//! Strict reading of YAML: all errors at once, each with its place and a fix. Pure.
//!
//! A document becomes a tree of placed nodes, and any part of the tree decodes into a typed value through serde.

mod decode;
mod encoding;
mod expanded;
mod failure;
mod fault;
mod syntax;
mod tree;
mod variable;

pub use encoding::{EncodingError, text};
pub use expanded::{Expanded, VariableUse};
pub use fault::{Fault, Faults, Path, Place, hint, meant_by, nearest};
pub use tree::{Key, Node, Value};

use serde::de::DeserializeOwned;

/// Reads a document into its tree. `variable` returns the value of `${NAME}`.
///
/// Returns `None` when the text is not YAML at all; then, as for each variable that is not set, `faults` has the
/// reason.
pub fn parse(text: &str, variable: &dyn Fn(&str) -> Option<String>, faults: &mut Faults) -> Option<Node> {
    tree::parse(text, Some(variable), faults)
}

/// Reads a document without variables into its tree: `${NAME}` stays as it is.
///
/// Returns `None` when the text is not YAML at all; then `faults` has the reason.
pub fn parse_literally(text: &str, faults: &mut Faults) -> Option<Node> {
    tree::parse(text, None, faults)
}

/// Decodes a node. Returns `None` if there are errors; all of them are then in `faults`.
pub fn decode<T: DeserializeOwned>(node: &Node, path: &Path, faults: &mut Faults) -> Option<T> {
    decode::decode(node, path, faults)
}

/// Decodes the valid part of a node. Returns `None` if nothing is left of it; the errors are in `faults`.
pub fn decode_rest<T: DeserializeOwned>(node: &Node, path: &Path, faults: &mut Faults) -> Option<T> {
    decode::decode_rest(node, path, faults)
}

/// Reports the keys of a map that are not among the known ones.
pub fn refuse_unknown_keys(node: &Node, path: &Path, known: &[&str], faults: &mut Faults) {
    decode::refuse_unknown_keys(node, path, known, faults);
}
