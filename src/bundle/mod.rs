//! The bundle: dashboards for Grafana and rules for Prometheus, rendered from the `dashboard:` and the `rules:` of each
//! kind, of each pack, and of the whole.
//!
//! Dashboards are written in a compact grammar, described in `docs/dashboards.md`, and rendered to Grafana's JSON here.
//! Rules are Prometheus rules.

mod alerts_table;
mod bare_duration;
mod checker;
mod column;
mod column_grammar;
mod condition;
mod dashboard_name;
mod data_source;
mod expected_values;
mod field;
mod first_rows;
mod grammar;
mod heatmap;
mod kinds;
mod kubernetes;
mod label_set;
mod last_known;
mod layout;
mod look;
mod look_grammar;
mod pack_schema;
mod packs;
mod panel;
mod panel_grammar;
mod panel_help;
mod panel_json;
mod panel_keys;
mod platform_rows;
mod problems_table;
mod promql;
mod promql_functions;
mod promql_syntax;
mod render;
mod rule_check;
mod rule_duration;
mod rules;
mod series_color;
mod source_status;
mod table;
mod target;
mod template;
mod unit;
mod wrong;

pub use dashboard_name::{overview_dashboard, source_dashboard};
pub use kubernetes::{Objects, SecretStore, manifests};
pub use pack_schema::pack_schema;

use platform_core::yaml::Faults;

use self::checker::DashboardContext;
use self::dashboard_name::uid;
use self::packs::Platform;
use self::panel::{Audience, Dashboard};
use self::platform_rows::platform_rows;
use crate::config::Config;
use crate::registry::Kind;
use crate::snapshot::{health_catalogue, own_catalogue, roll_up_catalogue};

/// Dashboard and rules of the exporter itself.
const EXPORTER: (&str, &str) = (dashboard_name::EXPORTER, include_str!("../../bundle/exporter.yml"));
/// The dashboards that do not belong to one kind, by name.
const WHOLE: [(&str, &str); 2] =
    [(dashboard_name::OVERVIEW, include_str!("../../bundle/overview.yml")), EXPORTER];
/// The rules that do not belong to one kind, by name.
const RULES_OF_ALL: [(&str, &str); 2] = [EXPORTER, ("sources", include_str!("../../bundle/sources.yml"))];

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path, relative to the directory of the bundle.
    pub path: String,
    /// Its content.
    pub text: String,
}

/// Renders the bundle: for everything, or for what a configuration uses.
///
/// # Errors
/// All errors in its source files.
pub fn render(config: Option<&Config>) -> Result<Vec<File>, Faults> {
    render_with_runbooks(config, None)
}

/// Renders the bundle, with alerts that link to this page of runbooks instead of the repository's.
///
/// # Errors
/// As [`render`].
pub fn render_with_runbooks(config: Option<&Config>, runbooks: Option<String>) -> Result<Vec<File>, Faults> {
    let mut faults = config.map(|config| config.files().clone()).unwrap_or_default();
    let files = render_with(config, runbooks, &mut faults);
    if faults.is_empty() { Ok(files) } else { Err(faults) }
}

/// Adds the errors of the dashboards and rules that a configuration uses.
pub fn check(config: &Config, faults: &mut Faults) {
    render_with(Some(config), None, faults);
}

fn render_with(config: Option<&Config>, runbooks: Option<String>, faults: &mut Faults) -> Vec<File> {
    let platforms = packs::all(config, faults);
    let kinds = match config {
        Some(config) => config.kinds().into_iter().collect(),
        None => Kind::ALL.to_vec(),
    };
    let mut surroundings = DashboardContext { runbooks, ..surroundings(&kinds, &platforms) };
    if let Some(config) = config {
        surroundings.sources = config.sources().len();
        surroundings.know_broken(config.broken_queries());
        config.queries().iter().for_each(|query| surroundings.expect(&query.spec));
    }
    let mut dashboards: Vec<(String, Dashboard)> = Vec::new();
    for (name, text) in WHOLE {
        let mut dashboard = grammar::of_file(&format!("bundle/{name}.yml"), text, &surroundings, faults)
            .and_then(|dashboard| kinds::overview(dashboard, &kinds, &surroundings, faults));
        // Without a configuration, nobody knows whether there are any.
        if name == dashboard_name::OVERVIEW && config.is_some() {
            let rows = platform_rows(&platforms, &surroundings, faults);
            if let (Some(overview), Some(rows)) = (&mut dashboard, rows) {
                overview.rows.splice(1..1, rows);
            }
        }
        dashboards.extend(dashboard.map(|dashboard| (name.to_owned(), dashboard)));
    }
    for &kind in &kinds {
        let dashboard = kinds::dashboard(kind, &surroundings, faults);
        dashboards.extend(dashboard.map(|dashboard| (kind.to_string(), dashboard)));
    }
    for platform in &platforms {
        let Some(dashboard) = platform.dashboard(&surroundings, faults) else { continue };
        if let Some((other, _)) = dashboards.iter().find(|(_, other)| other.title == dashboard.title) {
            platform.refuse_title(other, faults);
        }
        dashboards.push((platform.name.clone(), dashboard));
    }
    let dashboards = dashboards.iter();
    let mut files: Vec<_> =
        dashboards.map(|(name, dashboard)| dashboard_file(name, dashboard, Audience::Everybody)).collect();
    files.extend(rule_files(&kinds, &platforms, &surroundings, faults));
    files.extend(restricted(&platforms, surroundings, faults));
    files
}

fn dashboard_file(name: &str, dashboard: &Dashboard, audience: Audience) -> File {
    let folder = match audience {
        Audience::Everybody => "grafana",
        Audience::Restricted => "grafana/restricted",
    };
    let text = render::render(dashboard, &uid(name), audience);
    File { path: format!("{folder}/dashboards/{name}.json"), text }
}

/// The dashboards that query databases. They link to each other only: the others are in another Grafana.
fn restricted(platforms: &[Platform], others: DashboardContext, faults: &mut Faults) -> Vec<File> {
    let dashboards = platforms.iter().filter_map(Platform::restricted_name).collect();
    let surroundings = DashboardContext { dashboards, ..others };
    let file = |platform: &Platform| {
        let dashboard = platform.restricted_dashboard(&surroundings, faults)?;
        Some(dashboard_file(&platform.restricted_name()?, &dashboard, Audience::Restricted))
    };
    platforms.iter().filter_map(file).collect()
}

/// The rules of the exporter, of all sources, of each kind and of each pack.
fn rule_files(
    kinds: &[Kind],
    platforms: &[Platform],
    context: &DashboardContext,
    faults: &mut Faults,
) -> Vec<File> {
    let file = |name: &str, text| File { path: format!("alerts/{name}.rules.yml"), text };
    let mut files = Vec::new();
    for (name, text) in RULES_OF_ALL {
        files.extend(
            rules::of_file(&format!("bundle/{name}.yml"), text, context, faults).map(|text| file(name, text)),
        );
    }
    for kind in kinds {
        let (name, text) = (kind.as_str(), kind.facts().rules);
        let rules = rules::of_file(&format!("kinds/{name}/rules.yml"), text, context, faults);
        files.extend(rules.map(|text| file(name, text)));
    }
    for platform in platforms {
        let text = rules::of_pack(platform, context, faults);
        files.extend(text.map(|text| file(&platform.name, text)));
    }
    files
}

/// What dashboards may refer to: every metric, and each other.
fn surroundings(kinds: &[Kind], platforms: &[Platform]) -> DashboardContext {
    let mut surroundings = DashboardContext::default();
    surroundings.know([own_catalogue(), health_catalogue(), roll_up_catalogue()].concat());
    surroundings.know(Kind::ALL.iter().flat_map(|kind| kind.facts().families()));
    for platform in platforms {
        surroundings.know(platform.families.iter().cloned());
    }
    let of_kinds = Kind::ALL.iter().map(|kind| kind.facts().rules);
    let texts = RULES_OF_ALL.into_iter().map(|(_, text)| text).chain(of_kinds);
    surroundings.know_recorded(texts.flat_map(rules::recorded_by));
    surroundings.know_recorded(
        platforms.iter().filter_map(|platform| platform.rules.as_ref()).flat_map(rules::recorded),
    );
    let of_kinds = kinds.iter().map(|kind| kind.as_str());
    let names = WHOLE.into_iter().map(|(name, _)| name).chain(of_kinds).map(str::to_owned);
    let of_packs = platforms.iter().filter(|platform| platform.has_dashboard());
    surroundings.dashboards = names.chain(of_packs.map(|platform| platform.name.clone())).collect();
    surroundings
}
