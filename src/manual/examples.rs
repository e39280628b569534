//! The example configurations.

use crate::pack;
use crate::registry::Kind;

/// The example configuration of a kind or a built-in pack.
pub fn example(name: &str) -> Option<&'static str> {
    examples().find(|(known, _)| *known == name).map(|(_, text)| text)
}

/// What has an example configuration: every kind and every built-in pack.
pub fn examples() -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_kinds = Kind::ALL.iter().map(|kind| (kind.as_str(), kind.facts().example));
    of_kinds.chain(pack::EMBEDDED.iter().map(|pack| (pack.name, pack.example)))
}
