//! Families that are filled sample by sample.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Desc, Family};

/// Families by name. There is one as soon as it has a sample.
#[derive(Debug, Default)]
pub struct Families(BTreeMap<Cow<'static, str>, Family>);

impl Families {
    /// Adds a sample to the family of this description. `labels` are the values of its label names, in their order.
    pub fn push<const N: usize>(&mut self, desc: &Desc, labels: [&str; N], value: f64) {
        self.0.entry(desc.name.clone()).or_insert_with(|| desc.family()).push(labels, value);
    }

    /// As [`Self::push`], if there is a value.
    pub fn push_some<const N: usize>(&mut self, desc: &Desc, labels: [&str; N], value: Option<f64>) {
        if let Some(value) = value {
            self.push(desc, labels, value);
        }
    }

    /// The families, sorted by name.
    pub fn into_vec(self) -> Vec<Family> {
        self.0.into_values().collect()
    }
}
