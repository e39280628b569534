//! Many sources' families to one exposition: each family once, its samples together.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Desc, Family};

/// One source's part of a family.
#[derive(Debug)]
pub struct Part {
    /// The value of the `source` label; `None` leaves the label out.
    pub source: Option<Arc<str>>,
    /// The samples.
    pub family: Arc<Family>,
}

/// The parts of a family, from every source that has it. Never empty.
#[derive(Debug)]
pub struct Group(Vec<Part>);

impl Group {
    /// The description, from the first part.
    pub fn desc(&self) -> &Desc {
        &self.0[0].family.desc
    }

    /// The parts, in the order in which they were added.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }
}

/// Everything that one scrape says, sorted by name.
#[derive(Debug, Default)]
pub struct Exposition {
    groups: BTreeMap<String, Group>,
}

impl Exposition {
    /// Adds the families of one source, or of the exporter itself where `source` is `None`.
    ///
    /// A family whose type differs from that of the group is left out: two types under one name would fail the
    /// whole scrape. The configuration refuses such names, so this is the last line of defence.
    pub fn add(&mut self, source: Option<&Arc<str>>, families: impl IntoIterator<Item = Arc<Family>>) {
        for family in families {
            let part = Part { source: source.cloned(), family };
            match self.groups.get_mut(&*part.family.desc.name) {
                None => {
                    self.groups.insert(part.family.desc.name.to_string(), Group(vec![part]));
                }
                Some(group) if group.desc().metric_type == part.family.desc.metric_type => group.0.push(part),
                Some(_) => {
                    tracing::error!(family = %part.family.desc.name, "left out: another source gives it another type");
                }
            }
        }
    }

    /// The groups, sorted by name.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }
}
