//! Enabled roll-ups: the pack's definition combined with the configuration.

use std::collections::BTreeMap;

use kind_postgres::{DailyTable, RollUpConfig};
use platform_core::query::{Declared, MetricPart};
use platform_core::schema;
use platform_core::yaml::{self, Faults, Node, Path};
use schemars::SchemaGenerator;

use crate::pack::Instance;

/// The daily roll-up of a configured pack.
#[derive(Clone, Debug)]
pub struct RollUp {
    /// The name of the pack in the configuration.
    pub pack: String,
    /// The table and its content.
    pub table: DailyTable,
    /// Where and when it is written.
    pub config: RollUpConfig,
    /// Equal for roll-ups with equal configuration, within one run of the process.
    pub fingerprint: u64,
}

const KEY: &str = "roll_up";

impl RollUp {
    /// The name of the pack in the configuration.
    pub fn pack(&self) -> &str {
        &self.pack
    }

    /// Equal for roll-ups with equal configuration, within one run of the process.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Whether a query of the pack exports a metric that a column observes.
    pub fn observes(&self, query: &Declared) -> bool {
        self.table.observed.values().any(|observed| self.is_exported_by(query, &observed.metric))
    }

    /// Whether a query of the pack exports this metric.
    pub fn is_exported_by(&self, query: &Declared, metric: &str) -> bool {
        let of_pack =
            query.spec.name.strip_prefix(self.pack.as_str()).is_some_and(|rest| rest.starts_with('.'));
        of_pack && query.spec.metrics.iter().any(|given| given.name.as_ref() == metric)
    }

    /// The minimum permissions of the account of `write_url`.
    pub fn permissions(&self) -> String {
        format!(
            "GRANT SELECT, INSERT, UPDATE ON {} TO …;\n-- And SELECT on what the roll-up of the pack reads.\n",
            self.table.table
        )
    }
}

/// The schema of the key `roll_up` of a pack's entry.
pub(super) fn schema(generator: &mut SchemaGenerator) -> serde_json::Value {
    schema::of::<RollUpConfig>(generator)
}

/// Reads the roll-up of every pack that has one, and returns those that the configuration enables.
pub(super) fn read_all<'a>(
    tree: &Node,
    packs: &[Instance],
    queries: impl Iterator<Item = &'a Declared> + Clone,
    faults: &mut Faults,
) -> Vec<RollUp> {
    let path = Path::default().key("packs");
    let used = tree.get("packs").map_or(&[][..], Node::entries);
    let mut roll_ups = Vec::new();
    for (name, node) in used {
        let given = node.get(KEY).map(|node| (node, path.key(&name.text).key(KEY)));
        let config = given
            .as_ref()
            .map(|(node, path)| (*node, path, yaml::decode::<RollUpConfig>(node, path, faults)));
        // Errors in the pack itself have been reported.
        let Some(pack) = packs.iter().find(|pack| pack.name == name.text) else { continue };
        let section = pack.section(KEY);
        let table = section.map(|node| table(node, pack, queries.clone(), faults));
        match (config, table) {
            (Some((node, path, _)), None) => {
                faults.at(node.place, path, "this pack has no roll-up: remove the key");
            }
            (Some((node, path, Some(config))), Some(Some(table))) => {
                let fingerprint = node.fingerprint() ^ section.map_or(0, Node::fingerprint).rotate_left(1);
                let roll_up = RollUp { pack: name.text.clone(), table, config, fingerprint };
                roll_ups.push((node, path.clone(), roll_up));
            }
            // Not enabled, or already reported.
            _ => {}
        }
    }
    refuse_shared_tables(&roll_ups, faults);
    roll_ups.into_iter().map(|(_, _, roll_up)| roll_up).collect()
}

fn table<'a>(
    node: &Node,
    pack: &Instance,
    queries: impl Iterator<Item = &'a Declared>,
    faults: &mut Faults,
) -> Option<DailyTable> {
    let path = Path::default().key(KEY);
    let table: DailyTable = yaml::decode(node, &path, faults)?;
    let prefix = format!("{}.", pack.name);
    let of_pack: Vec<_> = queries.filter(|query| query.spec.name.starts_with(&prefix)).collect();
    for (column, observed) in &table.observed {
        let metrics = of_pack.iter().flat_map(|query| &query.spec.metrics);
        let mut parts = metrics.filter(|metric| metric.name.as_ref() == observed.metric);
        if !parts.any(|metric| metric.part == MetricPart::Value) {
            let path = path.key("observed").key(&column.to_string());
            let message =
                format!("no query of the pack exports {} as a gauge, counter or unknown", observed.metric);
            faults.at(node.get("observed").unwrap_or(node).place, &path, message);
        }
    }
    Some(table)
}

/// Two that write the same rows would overwrite each other forever.
fn refuse_shared_tables(roll_ups: &[(&Node, Path, RollUp)], faults: &mut Faults) {
    let mut owners = BTreeMap::new();
    for (node, path, RollUp { pack, table, config, .. }) in roll_ups {
        let target = config.target();
        if let Some(owner) = owners.insert((target, table.table.clone()), pack) {
            let message = format!("the roll-up of {owner} already writes {} there", table.table);
            faults.at(node.place, path, message);
        }
    }
}
