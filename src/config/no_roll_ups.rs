//! Roll-ups of a build without PostgreSQL: there are none.

use platform_core::query::Declared;
use platform_core::yaml::{Faults, Node, Path};
use schemars::SchemaGenerator;

use crate::pack::Instance;

/// The daily roll-up of a configured pack. It has no values in this build.
#[derive(Clone, Debug)]
pub enum RollUp {}

impl RollUp {
    /// The name of the pack in the configuration.
    pub fn pack(&self) -> &str {
        match *self {}
    }

    /// Equal for roll-ups with equal configuration.
    pub fn fingerprint(&self) -> u64 {
        match *self {}
    }

    /// Whether a query exports a metric that a column observes.
    pub fn observes(&self, _: &Declared) -> bool {
        match *self {}
    }

    /// The minimum permissions of the account.
    pub fn permissions(&self) -> String {
        match *self {}
    }
}

/// The schema of the key `roll_up` of a pack's entry.
pub(super) fn schema(_: &mut SchemaGenerator) -> serde_json::Value {
    false.into()
}

/// Reports every roll-up that the configuration enables.
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
