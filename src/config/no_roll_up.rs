//! Roll-ups of a build without PostgreSQL: there are none.

use platform_core::query::Declared;
use platform_core::yaml::{Faults, Node, Path};

use crate::pack::Instance;

/// The daily roll-up of a configured pack, which nothing can write.
#[derive(Clone, Debug)]
pub enum RollUp {}

impl RollUp {
    /// The name that the configuration gives to the pack.
    pub fn pack(&self) -> &str {
        match *self {}
    }

    /// The same for a roll-up that is configured in the same way.
    pub fn fingerprint(&self) -> u64 {
        match *self {}
    }

    /// The least that the account needs.
    pub fn permissions(&self) -> String {
        match *self {}
    }
}

/// Reports every roll-up that the configuration switches on.
pub(super) fn read_all<'a>(
    tree: &Node,
    _packs: &[Instance],
    _queries: impl Iterator<Item = &'a Declared> + Clone,
    faults: &mut Faults,
) -> Vec<RollUp> {
    let path = Path::default().key("packs");
    for (name, node) in tree.get("packs").map_or(&[][..], Node::entries) {
        if let Some(given) = node.get("roll_up") {
            let path = path.key(&name.text).key("roll_up");
            faults.at(
                given.place,
                &path,
                "this exporter was built without PostgreSQL, which a roll-up needs",
            );
        }
    }
    Vec::new()
}
