//! `catalog`: every metric that may be exported.

use std::collections::HashSet;
use std::fmt::Write;

use platform_core::metric::{Desc, MetricType};
use platform_core::yaml::Faults;
use serde_json::json;

use crate::cli::CatalogFormat;
use crate::config::Config;
use crate::pack;
use crate::registry::Kind;
use crate::snapshot::{health_catalogue, own_catalogue, roll_up_catalogue};

/// The catalogue in a format: the exporter itself, the health of sources, each kind, each pack in the binary, and the
/// configured queries.
pub fn catalog(config: Option<&Config>, format: CatalogFormat) -> String {
    let mut sections = vec![
        ("exporter", "The exporter itself", own_catalogue()),
        ("source", "Every source", health_catalogue()),
        ("roll_up", "The daily roll-up of a pack", roll_up_catalogue()),
    ];
    for kind in Kind::ALL {
        sections.push((kind.as_str(), kind.as_str(), kind.facts().families()));
    }
    for (name, pack) in pack::all() {
        let mut faults = Faults::of(name);
        let families = pack.by_itself(name, &mut faults).catalogue(&mut faults);
        sections.push((name, name, families));
    }
    let queries = config.map(Config::queries).unwrap_or_default();
    let listed: HashSet<_> =
        sections.iter().flat_map(|(.., families)| families).map(|desc| desc.name.clone()).collect();
    let families = queries.iter().flat_map(|query| query.spec.catalogue());
    let families: Vec<_> = families.filter(|desc| !listed.contains(&desc.name)).collect();
    if !families.is_empty() {
        sections.push(("queries", "Declared queries", families));
    }
    match format {
        CatalogFormat::Markdown => markdown(&sections),
        CatalogFormat::Json => json(&sections),
    }
}

type Section = (&'static str, &'static str, Vec<Desc>);

fn markdown(sections: &[Section]) -> String {
    let mut text = String::from(
        "# Metrics\n\nFamilies of a source also have the label `source` with the name of the source, except on `/probe`.\n",
    );
    for (_, title, families) in sections {
        write!(text, "\n## {title}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n")
            .expect(INFALLIBLE);
        for desc in families {
            let labels = desc.labels.iter().collect::<Vec<_>>().join(", ");
            let help = desc.help.replace('|', "\\|").replace('\n', " ");
            writeln!(text, "| `{}` | {} | {labels} | {help} |", desc.name, type_name(desc))
                .expect(INFALLIBLE);
        }
    }
    text
}

fn json(sections: &[Section]) -> String {
    let of_section = |(section, _, families): &Section| {
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
    let all: Vec<_> = sections.iter().flat_map(of_section).collect();
    serde_json::to_string_pretty(&all).expect("strings make valid JSON") + "\n"
}

const INFALLIBLE: &str = "writing to a string does not fail";

fn type_name(desc: &Desc) -> &'static str {
    match desc.metric_type {
        MetricType::Counter => "counter",
        MetricType::Gauge => "gauge",
        MetricType::Unknown => "unknown",
    }
}
