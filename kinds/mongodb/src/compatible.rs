//! The names that mongodb_exporter had before 0.20, made of the families of a probe.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use platform_core::metric::{Desc, Family, LabelName, LabelNames, MetricName, MetricType, Sample};
use platform_core::yaml::{self, Faults, Path};

const FILE: &str = include_str!("../compatible.yml");

/// The label of whatever serverStatus counts.
const HOST: &str = "host";

/// The rules of `compatible.yml`.
#[derive(serde::Deserialize)]
pub(super) struct OldNames {
    names: Vec<OldName>,
}

/// One older name.
#[derive(serde::Deserialize)]
struct OldName {
    name: MetricName,
    #[serde(default)]
    from: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, LabelName>,
    #[serde(default)]
    values: BTreeMap<String, String>,
    #[serde(default, rename = "where")]
    only: BTreeMap<String, String>,
    #[serde(default)]
    sum: bool,
    label: Option<LabelName>,
    #[serde(default)]
    parts: BTreeMap<String, String>,
}

/// Reads the rules.
///
/// # Panics
/// When the file has errors. It is part of the binary, and a test reads it.
pub(super) fn names() -> OldNames {
    let mut faults = Faults::of("kinds/mongodb/compatible.yml");
    let tree = yaml::parse_literally(FILE, &mut faults);
    let names = tree.and_then(|tree| yaml::decode(&tree, &Path::default(), &mut faults));
    names.unwrap_or_else(|| panic!("{faults}"))
}

impl OldNames {
    /// The families under their older names.
    pub(super) fn of(&self, families: &[Family]) -> Vec<Family> {
        let known: HashMap<&str, &Family> =
            families.iter().map(|family| (family.desc.name.as_ref(), family)).collect();
        let made = self.names.iter().map(|name| name.made(&|source| known.get(source).copied()));
        made.filter(|family| !family.samples.is_empty()).collect()
    }

    /// Every family that there may be, where a probe has these.
    pub(super) fn catalogue(&self, known: &[Desc]) -> Vec<Desc> {
        let known: HashMap<&str, Family> =
            known.iter().map(|desc| (desc.name.as_ref(), desc.family())).collect();
        let other = Desc::unknown("", &[HOST], "").family();
        self.names
            .iter()
            .map(|name| Arc::unwrap_or_clone(name.made(&|source| known.get(source).or(Some(&other))).desc))
            .collect()
    }
}

impl OldName {
    /// The families that it is made of, each with the value of its own label.
    fn sources(&self) -> impl Iterator<Item = (&String, Option<&String>)> {
        let parts = self.parts.iter().map(|(source, value)| (source, Some(value)));
        self.from.iter().map(|source| (source, None)).chain(parts)
    }

    fn made<'a>(&self, find: &dyn Fn(&str) -> Option<&'a Family>) -> Family {
        let sources: Vec<&str> = self.sources().map(|(source, _)| source.as_str()).collect();
        let (mut labels, mut samples) = (LabelNames::Fixed(&[]), Vec::new());
        for (source, own) in self.sources() {
            let Some(source) = find(source) else { continue };
            labels = LabelNames::Declared(self.label_names(&source.desc));
            for sample in source.with_labels(&self.only) {
                self.add(&mut samples, &source.desc, sample, own);
            }
        }
        let desc = Desc {
            name: self.name.to_string().into(),
            help: format!("The name before mongodb_exporter 0.20 of {}.", sources.join(", ")).into(),
            metric_type: MetricType::Unknown,
            labels,
        };
        Family { samples, ..desc.family() }
    }

    fn label_names(&self, desc: &Desc) -> Vec<String> {
        let kept = desc.labels.iter().filter(|label| !self.only.contains_key(*label));
        let renamed = kept.map(|label| self.labels.get(label).map_or(label, LabelName::as_ref));
        renamed.chain(self.label.as_ref().map(LabelName::as_ref)).map(str::to_owned).collect()
    }

    fn add(&self, samples: &mut Vec<Sample>, desc: &Desc, sample: &Sample, own: Option<&String>) {
        let values = desc.labels.iter().zip(sample.labels.iter());
        let kept = values.filter(|(label, _)| !self.only.contains_key(*label));
        let renamed = kept.map(|(_, value)| self.values.get(value).unwrap_or(value));
        let labels: Vec<String> = renamed.chain(own).cloned().collect();
        match samples.iter_mut().find(|known| self.sum && known.labels[..] == labels[..]) {
            Some(known) => known.value += sample.value,
            None => samples.push(Sample { labels: labels.into(), value: sample.value }),
        }
    }
}

#[cfg(test)]
mod tests;
