//! What a failing source shows apart from its failure: everything else is well. An alert that stays silent because it
//! has no data would prove nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::scenario::Scenario;
use super::series::{Course, Labels, Series};

/// The labels that say of which source a series is.
const PLACE: [&str; 3] = ["job", "instance", "source"];

/// Those of an exporter's own metrics, and of an exporter that watches nothing that fails.
const EXPORTER: [(&str, &str); 2] = [("job", "platform_exporter"), ("instance", "exporter:9884")];

/// A series of the healthy source of a test.
struct Healthy {
    metric: String,
    labels: Labels,
    start: f64,
    per_second: f64,
}

/// The healthy series of all tests, by the part that they are from.
pub(crate) struct Surroundings(BTreeMap<String, Vec<Healthy>>);

impl Surroundings {
    pub(crate) fn of(scenarios: &[Scenario]) -> Self {
        let mut parts: BTreeMap<String, Vec<Healthy>> = BTreeMap::new();
        for scenario in scenarios {
            let healthy = parts.entry(scenario.part.clone()).or_default();
            // What several tests have is taken from the first.
            let known: BTreeSet<_> = healthy.iter().map(|known| known.metric.clone()).collect();
            for series in scenario.series.iter().filter(|series| is_well(&scenario.part, series)) {
                let Some(course) = series.course() else { continue };
                if !known.contains(&series.metric) {
                    healthy.push(Healthy::new(series, course, scenario.interval));
                }
            }
        }
        Self(parts)
    }

    /// The healthy series of the sources and exporters of a scenario. A metric that the scenario has itself is left out.
    pub(crate) fn of_scenario(&self, scenario: &Scenario) -> Vec<Series> {
        let own: BTreeSet<_> = scenario.series.iter().map(|series| series.metric.as_str()).collect();
        let mut found: BTreeMap<String, Series> = BTreeMap::new();
        let mut add = |part: &str, place: &Labels, kind: Option<&String>| {
            let healthy = self.0.get(part).into_iter().flatten();
            for healthy in healthy.filter(|healthy| !own.contains(healthy.metric.as_str())) {
                let series = healthy.at(place, kind, scenario);
                found.insert(series.to_string(), series);
            }
        };
        let mut exporters =
            BTreeSet::from([EXPORTER.map(|(name, value)| (name.to_owned(), value.to_owned())).into()]);
        for series in &scenario.series {
            let mut place = series.labels.clone();
            place.retain(|name, _| PLACE.contains(&name.as_str()));
            if place.len() == PLACE.len() && place["source"] != "well" {
                let kind = series.labels.get("kind");
                add("sources", &place, kind);
                // What an exporter says of itself is of no source.
                if scenario.part != "exporter" {
                    add(&scenario.part, &place, kind);
                }
            }
            place.remove("source");
            exporters.insert(place);
        }
        for exporter in exporters {
            add("exporter", &exporter, None);
        }
        found.into_values().collect()
    }
}

/// Whether a series is of what is well in its test: a source, or in the tests of the exporter an exporter.
fn is_well(part: &str, series: &Series) -> bool {
    match part {
        "exporter" => {
            let is_own = series.label("source").is_empty() && series.label("job") == "platform_exporter";
            is_own && series.label("instance").starts_with("well:")
        }
        _ => series.label("source") == "well",
    }
}

impl Healthy {
    fn new(series: &Series, Course { start, step }: Course, interval: Duration) -> Self {
        let mut labels = series.labels.clone();
        labels.retain(|name, _| !PLACE.contains(&name.as_str()));
        Self { metric: series.metric.clone(), labels, start, per_second: step / interval.as_secs_f64() }
    }

    /// The same for another source, for as long as a scenario takes.
    fn at(&self, place: &Labels, kind: Option<&String>, scenario: &Scenario) -> Series {
        let mut labels = self.labels.clone();
        labels.extend(place.clone());
        if let (Some(kind), true) = (kind, labels.contains_key("kind")) {
            labels.insert("kind".to_owned(), kind.clone());
        }
        let step = self.per_second * scenario.interval.as_secs_f64();
        let samples = scenario.end.as_secs() / scenario.interval.as_secs() + 1;
        let values = format!("{}{step:+}x{samples}", self.start);
        Series { metric: self.metric.clone(), labels, values }
    }
}
