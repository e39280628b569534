//! Every metric that may be exported.

use std::collections::HashSet;
use std::fmt::Write;

use platform_core::metric::{Desc, MetricType};
use platform_core::yaml::Faults;
use serde_json::json;

use crate::config::Config;
use crate::pack;
use crate::registry::Kind;
use crate::snapshot::{health_catalogue, own_catalogue, roll_up_catalogue};

/// The metrics of the exporter itself, the health of sources, each kind, each pack in the binary, and the configured
/// queries.
pub struct MetricCatalogue(Vec<Section>);

struct Section {
    name: &'static str,
    title: &'static str,
    families: Vec<Desc>,
    /// What the names of further families start with.
    prefixes: Vec<String>,
}

impl MetricCatalogue {
    /// The catalogue of the binary, and of the queries of a configuration.
    pub fn new(config: Option<&Config>) -> Self {
        let section = |name, title, families| Section { name, title, families, prefixes: Vec::new() };
        let mut sections = vec![
            section("exporter", "The exporter itself", own_catalogue()),
            section("source", "Every source", health_catalogue()),
            section("roll_up", "The daily roll-up of a pack", roll_up_catalogue()),
        ];
        sections.extend(Kind::ALL.iter().map(|kind| Section {
            name: kind.as_str(),
            title: kind.as_str(),
            families: kind.facts().families(),
            prefixes: (kind.facts().prefixes)(),
        }));
        for (name, pack) in pack::all() {
            let mut faults = Faults::of(name);
            let families = pack.by_itself(name, &mut faults).catalogue(&mut faults);
            sections.push(section(name, name, families));
        }
        let families = declared(config, &sections);
        if !families.is_empty() {
            sections.push(section("queries", "Declared queries", families));
        }
        Self(sections)
    }

    /// A table for each section.
    pub fn markdown(&self) -> String {
        let mut text = String::from(
            "# Metrics\n\nFamilies of a source also have the label `source` with the name of the source, except on `/probe`.\n",
        );
        for Section { title, families, prefixes, .. } in &self.0 {
            write!(text, "\n## {title}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n")
                .expect(INFALLIBLE);
            for desc in families {
                let labels = desc.labels.iter().collect::<Vec<_>>().join(", ");
                let help = desc.help.replace('|', "\\|").replace('\n', " ");
                writeln!(text, "| `{}` | {} | {labels} | {help} |", desc.name, type_name(desc))
                    .expect(INFALLIBLE);
            }
            if !prefixes.is_empty() {
                let named: Vec<_> = prefixes.iter().map(|prefix| format!("`{prefix}`")).collect();
                let named = named.join(", ");
                writeln!(
                text,
                "\nAnd a family for each other number that a server sends. Their names start with {named}."
            )
            .expect(INFALLIBLE);
            }
        }
        text
    }

    /// A list of objects.
    pub fn json(&self) -> String {
        let of_section = |Section { name: section, families, .. }: &Section| {
            let object = |desc: &Desc| {
                json!({
                    "section": section,
                    "name": desc.name,
                    "type": type_name(desc),
                    "labels": desc.labels.iter().collect::<Vec<_>>(),
                    "help": desc.help,
                })
            };
            families.iter().map(object).collect::<Vec<_>>()
        };
        let all: Vec<_> = self.0.iter().flat_map(of_section).collect();
        serde_json::to_string_pretty(&all).expect("strings make valid JSON") + "\n"
    }
}

/// The families of the configured queries that no section has.
fn declared(config: Option<&Config>, sections: &[Section]) -> Vec<Desc> {
    let queries = config.map(Config::queries).unwrap_or_default();
    let listed: HashSet<_> =
        sections.iter().flat_map(|section| &section.families).map(|desc| desc.name.clone()).collect();
    let families = queries.iter().flat_map(|query| query.spec.catalogue()).map(|desc| Desc::clone(desc));
    families.filter(|desc| !listed.contains(&desc.name)).collect()
}

const INFALLIBLE: &str = "writing to a string does not fail";

fn type_name(desc: &Desc) -> &'static str {
    match desc.metric_type {
        MetricType::Counter => "counter",
        MetricType::Gauge => "gauge",
        MetricType::Unknown => "unknown",
        MetricType::Histogram => "histogram",
    }
}
