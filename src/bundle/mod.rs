//! The bundle: dashboards for Grafana, rendered from the `dashboard:` of each kind and from those of the whole.
//!
//! What a dashboard is stands in a compact grammar; `docs/dashboards.md` describes it. Grafana's JSON is made of it here.

mod body;
mod field;
mod grammar;
mod layout;
mod panel;
mod render;
mod sort;
mod status;
mod table;
mod target;
mod unit;

use std::fmt;

use self::grammar::Surroundings;
use self::panel::{Choice, Dashboard, Row, Variable};
use crate::config::Config;
use crate::snapshot::{health_catalogue, own_catalogue};
use crate::source::Kind;
use crate::yaml::{self, Faults, Path};

/// The dashboards that are not of one kind, by name.
const WHOLE: [(&str, &str); 2] = [
    ("overview", include_str!("../../bundle/overview.yml")),
    ("exporter", include_str!("../../bundle/exporter.yml")),
];

/// The rows that stand first in the dashboard of every kind.
const FIRST_ROWS: &str = include_str!("../../bundle/source.yml");

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where it belongs, from the directory of the bundle on.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// What is wrong with the files that the bundle is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BundleFaults(Vec<Faults>);

impl fmt::Display for BundleFaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<_> = self.0.iter().map(Faults::to_string).collect();
        formatter.write_str(&files.join("\n"))
    }
}

impl std::error::Error for BundleFaults {}

/// Renders the bundle: of everything, or of what a configuration has.
///
/// # Errors
/// Every fault in the files that it is made of.
pub fn render(config: Option<&Config>) -> Result<Vec<File>, BundleFaults> {
    let has = |kind: &Kind| {
        config.is_none_or(|config| config.sources().values().any(|source| source.kind() == *kind))
    };
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(has).collect();
    let surroundings = surroundings(config, &kinds);
    let mut faults = BundleFaults::default();
    let mut files = Vec::new();
    let mut add = |name: &str, tag: &str, read: Result<Dashboard, Faults>| match read {
        Ok(dashboard) => files.push(File {
            path: format!("grafana/dashboards/{name}.json"),
            text: render::render(&dashboard, &uid(name), &[tag]),
        }),
        Err(told) => faults.0.push(told),
    };
    for (name, text) in WHOLE {
        add(name, name, read(&format!("bundle/{name}.yml"), text, &surroundings));
    }
    for kind in kinds {
        add(kind.as_str(), "kind", of_kind(kind, &surroundings));
    }
    if faults.0.is_empty() { Ok(files) } else { Err(faults) }
}

/// Reads the dashboard of a text in the grammar, and renders it. `file` is its name in faults.
///
/// # Errors
/// Every fault in the text.
pub fn render_one(text: &str, file: &str, name: &str) -> Result<String, Faults> {
    let kinds = Kind::ALL;
    let dashboard = read(file, text, &surroundings(None, &kinds))?;
    Ok(render::render(&dashboard, &uid(name), &[]))
}

fn surroundings(config: Option<&Config>, kinds: &[Kind]) -> Surroundings {
    let mut surroundings = Surroundings::default();
    surroundings.know(own_catalogue());
    surroundings.know(health_catalogue());
    for kind in Kind::ALL {
        let facts = kind.facts();
        surroundings.know(facts.up.clone().into_iter().chain((facts.catalogue)()));
    }
    for query in config.map(Config::queries).unwrap_or_default() {
        surroundings.know(query.spec.catalogue());
    }
    let names = WHOLE.into_iter().map(|(name, _)| name).chain(kinds.iter().map(|kind| kind.as_str()));
    surroundings.dashboards = names.map(str::to_owned).collect();
    surroundings
}

/// The dashboard's identity in Grafana, and in its address.
fn uid(name: &str) -> String {
    format!("platform-{name}")
}

/// Grafana's variables look like ours; here they stay as they are.
fn tree(text: &str, faults: &mut Faults) -> Option<yaml::Node> {
    yaml::parse(text, &|name| Some(format!("${{{name}}}")), faults)
}

fn read(file: &str, text: &str, surroundings: &Surroundings) -> Result<Dashboard, Faults> {
    let mut faults = Faults::of(file);
    let dashboard = tree(text, &mut faults).and_then(|tree| {
        let path = Path::default().key("dashboard");
        let Some(node) = tree.get("dashboard") else {
            faults.at(tree.place, &Path::default(), "the key `dashboard` is missing");
            return None;
        };
        grammar::dashboard(node, &path, surroundings, &mut faults)
    });
    dashboard.filter(|_| faults.is_empty()).ok_or(faults)
}

/// A kind's own dashboard, with the variable that chooses the source, and the rows that all kinds have.
fn of_kind(kind: Kind, surroundings: &Surroundings) -> Result<Dashboard, Faults> {
    let mut dashboard = read(&format!("bundle/{kind}.yml"), kind.facts().bundle, surroundings)?;
    let query = format!("label_values(platform_source_up{{kind=\"{kind}\"}}, source)");
    let choice = Choice::Query(query);
    dashboard.variables.insert(
        0,
        Variable { name: "source".to_owned(), label: "Source".to_owned(), choice, many: false },
    );
    dashboard.rows.splice(0..0, first_rows(surroundings)?);
    Ok(dashboard)
}

fn first_rows(surroundings: &Surroundings) -> Result<Vec<Row>, Faults> {
    let mut faults = Faults::of("bundle/source.yml");
    let rows = tree(FIRST_ROWS, &mut faults).and_then(|tree| {
        let path = Path::default().key("rows");
        let node = tree.get("rows").unwrap_or(&tree);
        grammar::rows(node, &path, surroundings, &mut faults)
    });
    rows.filter(|_| faults.is_empty()).ok_or(faults)
}
