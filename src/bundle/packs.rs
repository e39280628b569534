//! The dashboards and rules of packs: with variables for their inputs, or with the sources from a configuration.

use platform_core::metric::Desc;
use platform_core::yaml::{Faults, Node, Path, Value};

use super::checker::DashboardContext;
use super::first_rows::first_rows;
use super::panel::{Dashboard, Variable};
use super::{dashboard_name, grammar};
use crate::config::Config;
use crate::pack::{self, EmbeddedPack, Instance};

/// The key of a pack's dashboard that queries the database.
const RESTRICTED: &str = "restricted_dashboard";

/// A pack, as far as its dashboard and its rules are concerned.
pub(super) struct Platform {
    /// The name of the pack, or the one given in the configuration.
    pub(super) name: String,
    /// What it exports.
    pub(super) families: Vec<Desc>,
    /// The variables of the dashboard for its inputs.
    variables: Vec<Variable>,
    /// The names of its sources, or the variables for them.
    sources: Vec<String>,
    /// Whether another deployment has a dashboard of the same title.
    is_one_of_several: bool,
    dashboard: Option<Node>,
    restricted_dashboard: Option<Node>,
    /// Its rule groups, in which an input without a source matches every source.
    pub(super) rules: Option<Node>,
}

/// The packs of the configuration, or else the built-in ones.
pub(super) fn all(config: Option<&Config>, faults: &mut Faults) -> Vec<Platform> {
    let Some(config) = config else { return embedded(faults) };
    let titles: Vec<_> = config.packs().iter().filter_map(title).collect();
    let platform = |instance: &Instance| {
        let families = config
            .queries()
            .iter()
            .flat_map(|query| query.spec.catalogue())
            .map(|desc| Desc::clone(desc))
            .collect();
        let is_same = |other: &&&str| title(instance) == Some(**other);
        let is_one_of_several = titles.iter().filter(is_same).count() > 1;
        let platform = Platform::of(instance, families, Vec::new(), instance.section("rules"));
        Platform { is_one_of_several, ..platform }
    };
    config.packs().iter().map(platform).collect()
}

fn embedded(faults: &mut Faults) -> Vec<Platform> {
    let packs = pack::EMBEDDED.iter().filter_map(|&EmbeddedPack { name, text, .. }| {
        let pack = pack::read_embedded(name, text, faults)?;
        let variable = |key: &str| pack.inputs.contains_key(key).then(|| Value::String(format!("${key}")));
        let any = |key: &str| pack.inputs.contains_key(key).then(|| Value::String(".+".to_owned()));
        let inputs = pack.inputs.keys().map(|input| Variable::input(name, input));
        let variables = std::iter::once(Variable::deployment(name)).chain(inputs).collect();
        let families = pack.by_itself(name, faults).catalogue(faults);
        let rules = pack.instantiate(name, &any, faults);
        let instance = pack.instantiate(name, &variable, faults);
        Some(Platform::of(&instance, families, variables, rules.section("rules")))
    });
    packs.collect()
}

/// The title of its dashboard.
fn title(instance: &Instance) -> Option<&str> {
    instance.section("dashboard")?.get("title")?.text()
}

impl Platform {
    fn of(instance: &Instance, families: Vec<Desc>, variables: Vec<Variable>, rules: Option<&Node>) -> Self {
        let name = instance.name.clone();
        let sources = instance.sources.iter().map(|(_, source)| source.clone()).collect();
        let dashboard = instance.section("dashboard").cloned();
        let restricted_dashboard = instance.section(RESTRICTED).cloned();
        let (rules, is_one_of_several) = (rules.cloned(), false);
        Self { name, families, variables, sources, is_one_of_several, dashboard, restricted_dashboard, rules }
    }

    /// What distinguishes it from other deployments of the same pack, if there are any.
    pub(super) fn deployment(&self) -> Option<&str> {
        self.is_one_of_several.then_some(self.name.as_str())
    }

    /// A title with the name of the deployment.
    fn titled(&self, dashboard: Dashboard) -> Dashboard {
        match self.deployment() {
            Some(name) => Dashboard { title: format!("{}: {name}", dashboard.title), ..dashboard },
            None => dashboard,
        }
    }

    /// Reports that another dashboard has its title: Grafana accepts one of a title in a folder.
    pub(super) fn refuse_title(&self, other: &str, faults: &mut Faults) {
        let title = self.dashboard.as_ref().and_then(|dashboard| dashboard.get("title"));
        let path = Path::default().key("dashboard").key("title");
        let message = format!("the dashboard `{other}` has this title, too: choose another one");
        title.into_iter().for_each(|title| faults.at(title.place, &path, message.clone()));
    }

    /// Whether it has a dashboard.
    pub(super) fn has_dashboard(&self) -> bool {
        self.dashboard.is_some()
    }

    /// The name of its restricted dashboard, if it has one.
    pub(super) fn restricted_name(&self) -> Option<String> {
        self.restricted_dashboard.is_some().then(|| dashboard_name::restricted(&self.name))
    }

    /// The dashboard of tables that query the database.
    pub(super) fn restricted_dashboard(
        &self,
        surroundings: &DashboardContext,
        faults: &mut Faults,
    ) -> Option<Dashboard> {
        let node = self.restricted_dashboard.as_ref()?;
        grammar::dashboard(node, &Path::default().key(RESTRICTED), surroundings, faults)
            .map(|dashboard| self.titled(dashboard))
    }

    /// The dashboard, with the status of the sources in its first row.
    pub(super) fn dashboard(
        &self,
        surroundings: &DashboardContext,
        faults: &mut Faults,
    ) -> Option<Dashboard> {
        let path = Path::default().key("dashboard");
        let node = self.dashboard.as_ref()?;
        let dashboard = grammar::dashboard(node, &path, surroundings, faults);
        refuse_sql(node, &path, faults);
        if let Err(message) = dashboard_name::check(&self.name) {
            faults.at(node.place, &path, message);
        }
        let sources = self.sources.join("|");
        let first = first_rows(&sources, surroundings, faults);
        let mut dashboard = self.titled(dashboard?);
        dashboard.sources = Some(sources);
        dashboard.variables.splice(0..0, self.variables.clone());
        dashboard.rows.splice(0..0, first?);
        Some(dashboard)
    }
}

/// Reports each `sql` in a dashboard for everybody.
fn refuse_sql(node: &Node, path: &Path, faults: &mut Faults) {
    for (key, child) in node.entries() {
        if key.text == "sql" {
            let message = format!(
                "everybody who sees this dashboard could run any SELECT on the database: move what has `sql` to \
                 `{RESTRICTED}`"
            );
            faults.at(key.place, &path.key("sql"), message);
        }
        refuse_sql(child, &path.key(&key.text), faults);
    }
    for (index, element) in node.elements().iter().enumerate() {
        refuse_sql(element, &path.index(index), faults);
    }
}
