//! The dashboards and rules of packs: with variables for their inputs, or with the sources that a configuration gives.

use super::grammar::{self, Surroundings};
use super::panel::{Dashboard, Variable};
use crate::config::Config;
use crate::metric::Desc;
use crate::pack::{self, Instance};
use crate::source::Kind;
use crate::yaml::{Faults, Node, Path, Value};

/// The longest identity that Grafana takes.
const LONGEST_UID: usize = 40;

/// A pack, as far as its dashboard and its rules are concerned.
pub(super) struct Platform {
    /// The name of the pack, or that which a configuration gives it.
    pub(super) name: String,
    /// What it exports.
    pub(super) families: Vec<Desc>,
    /// The inputs that are variables of the dashboard.
    inputs: Vec<(String, Kind)>,
    /// The names of its sources, or the variables that stand for them.
    sources: Vec<String>,
    dashboard: Option<Node>,
    /// Its groups of rules, in which an input without a source stands for every source.
    pub(super) rules: Option<Node>,
}

/// The packs of the configuration, or else those in the binary.
pub(super) fn all(config: Option<&Config>, faults: &mut Faults) -> Vec<Platform> {
    let Some(config) = config else { return embedded(faults) };
    let platform = |instance: &Instance| {
        let families = config.queries().iter().flat_map(|query| query.spec.catalogue()).collect();
        Platform::of(instance, families, Vec::new(), instance.section("rules"))
    };
    config.packs().iter().map(platform).collect()
}

fn embedded(faults: &mut Faults) -> Vec<Platform> {
    let platforms = pack::EMBEDDED.into_iter().filter_map(|(name, text)| {
        let pack = pack::read(text, &format!("packs/{name}.yml"), faults)?;
        let families = pack.by_itself(name, faults).catalogue(faults);
        let variable = |key: &str| pack.inputs.contains_key(key).then(|| Value::String(format!("${key}")));
        let inputs = pack.inputs.iter().map(|(name, input)| (name.clone(), input.kind)).collect();
        let any = |key: &str| pack.inputs.contains_key(key).then(|| Value::String(".+".to_owned()));
        let rules = pack.instantiate(name, &any, faults);
        let instance = pack.instantiate(name, &variable, faults);
        Some(Platform::of(&instance, families, inputs, rules.section("rules")))
    });
    platforms.collect()
}

impl Platform {
    fn of(
        instance: &Instance,
        families: Vec<Desc>,
        inputs: Vec<(String, Kind)>,
        rules: Option<&Node>,
    ) -> Self {
        let (name, sources) = (instance.name.clone(), instance.sources.clone());
        let dashboard = instance.section("dashboard").cloned();
        Self { name, families, inputs, sources, dashboard, rules: rules.cloned() }
    }

    /// Whether it has a dashboard.
    pub(super) fn has_dashboard(&self) -> bool {
        self.dashboard.is_some()
    }

    /// The dashboard, with how the sources are in its first row.
    pub(super) fn dashboard(&self, surroundings: &Surroundings, faults: &mut Faults) -> Option<Dashboard> {
        let path = Path::default().key("dashboard");
        let node = self.dashboard.as_ref()?;
        let dashboard = grammar::dashboard(node, &path, surroundings, faults);
        if !self.has_good_name() {
            let message = format!(
                "the name of the pack, `{}`, becomes the dashboard's address: expected at most {} letters, digits, \
                 `-` and `_`, and not the name of a kind, `overview` or `exporter`",
                self.name,
                LONGEST_UID - super::uid("").len()
            );
            faults.at(node.place, &path, message);
        }
        let first = super::first_rows(&self.sources.join("|"), surroundings, faults);
        let mut dashboard = dashboard?;
        let inputs = self.inputs.iter().map(|(name, kind)| Variable::source(name, *kind));
        dashboard.variables.splice(0..0, inputs);
        dashboard.rows.splice(0..0, first?);
        Some(dashboard)
    }

    fn has_good_name(&self) -> bool {
        let is_taken = super::WHOLE.iter().any(|(name, _)| *name == self.name)
            || Kind::ALL.iter().any(|kind| kind.as_str() == self.name);
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        !is_taken && super::uid(&self.name).len() <= LONGEST_UID && self.name.bytes().all(is_allowed)
    }
}
