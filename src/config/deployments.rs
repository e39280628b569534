//! Several deployments of one pack.

use platform_core::query::Declared;
use platform_core::yaml::{Fault, Key, Node, Path};

/// What names the pack of an entry of `packs`.
const PACK: [&str; 2] = ["file", "pack"];

/// The error at the input of a deployment, if its query is the same as one of another deployment of its pack: what they
/// share is the source.
pub(super) fn shared_input(tree: &Node, declared: &Declared, twin: &str) -> Option<Fault> {
    let packs = tree.get("packs")?;
    let query = &declared.spec.name;
    let ((own, entry), (other, other_entry)) = (deployment(packs, query)?, deployment(packs, twin)?);
    let is_same = pack(own, entry) == pack(other, other_entry)
        && query.strip_prefix(own.text.as_str()) == twin.strip_prefix(other.text.as_str());
    let source = declared.ask.source();
    let mut inputs = entry.entries().iter().filter(|(_, node)| node.text() == Some(source.as_str()));
    let (input, node) = inputs.next().filter(|_| is_same)?;
    let (own, other) = (&own.text, &other.text);
    Some(Fault {
        place: node.place,
        path: Path::default().key("packs").key(own).key(&input.text),
        message: format!("the source `{source}` serves the pack `{other}` already"),
        hint: Some(format!("give `{own}` a source of its own")),
    })
}

/// The entry that a query comes from: its name is the first part of the query's.
fn deployment<'a>(packs: &'a Node, query: &str) -> Option<&'a (Key, Node)> {
    let is_its = |name: &str| query.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    let entries = packs.entries().iter().filter(|(key, _)| is_its(&key.text));
    // Names may have dots: of `shop` and `shop.eu`, the longer one is more likely.
    entries.max_by_key(|(key, _)| key.text.len())
}

/// The pack that an entry uses.
fn pack<'a>(name: &'a Key, entry: &'a Node) -> Option<&'a str> {
    PACK.iter().find_map(|key| entry.get(key)).map_or(Some(&name.text), Node::text)
}
