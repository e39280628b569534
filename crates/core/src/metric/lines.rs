//! The samples of one family of one source, encoded once: the lines are the same in both formats.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Desc, Family, MetricType, encode};

/// Room for most families, so that a text need not grow step by step.
const USUAL_LENGTH: usize = 4 << 10;

/// The samples of one family of one source, as lines.
#[derive(Debug)]
pub struct Lines {
    desc: Arc<Desc>,
    source: Option<Arc<str>>,
    sum: f64,
    /// Always the same text. Only where it is held changes: see `refer_to`.
    text: Mutex<Bytes>,
}

impl Lines {
    /// Encodes a family. Its lines start with the label `source`, if there is one.
    pub fn encode(source: Option<&Arc<str>>, family: Family) -> Self {
        let mut scratch = String::new();
        let sum = sum(&family);
        let (desc, text) = encode::lines(source, family, &mut scratch);
        Self::of(desc, source.cloned(), text, sum)
    }

    /// Encodes families. Those that equal their entry in `before`, of the same source, reuse it.
    pub fn renew(
        before: &[Arc<Self>],
        source: Option<&Arc<str>>,
        families: impl IntoIterator<Item = Family>,
    ) -> Vec<Arc<Self>> {
        let mut known: BTreeMap<&str, Vec<&Arc<Self>>> = BTreeMap::new();
        for lines in before {
            known.entry(&lines.desc.name).or_default().push(lines);
        }
        let mut scratch = String::with_capacity(USUAL_LENGTH);
        let renewed = families.into_iter().map(|family| {
            let sum = sum(&family);
            let (desc, text) = encode::lines(source, family, &mut scratch);
            let mut known = known.get(&*desc.name).into_iter().flatten();
            let same = known.find(|known| known.desc == desc && *known.text() == *text.as_bytes());
            same.map_or_else(|| Arc::new(Self::of(desc, source.cloned(), text, sum)), |same| Arc::clone(same))
        });
        let mut renewed: Vec<_> = renewed.collect();
        // It may have been collected in the memory of the families, which is several times as much.
        renewed.shrink_to_fit();
        renewed
    }

    fn of(desc: Arc<Desc>, source: Option<Arc<str>>, text: &str, sum: f64) -> Self {
        // Copied to its exact size, because it is kept.
        Self { desc, source, sum, text: Mutex::new(Bytes::copy_from_slice(text.as_bytes())) }
    }

    /// The description of the family.
    pub fn desc(&self) -> &Desc {
        &self.desc
    }

    /// The value of the label `source`.
    pub(super) fn source(&self) -> Option<&Arc<str>> {
        self.source.as_ref()
    }

    /// The lines.
    pub(super) fn text(&self) -> Bytes {
        self.text.lock().clone()
    }

    /// Refers to a part of a longer text that holds the lines as well, so that they are in memory once.
    pub(super) fn refer_to(&self, text: Bytes) {
        debug_assert_eq!(*self.text.lock(), text, "the text of {} stays the same", self.desc.name);
        *self.text.lock() = text;
    }

    /// The same without the label `source`.
    #[must_use]
    pub fn without_source(&self) -> Self {
        // The labels of every line of a source start like this, or with the bound of a bucket. The name of a source has no
        // character that would be escaped.
        let label = self.source.as_ref().map_or(0, |source| format!("source=\"{source}\"").len());
        let text = self.text();
        let mut bare = String::with_capacity(text.len());
        for line in utf8(&text).split_inclusive('\n') {
            let Some((name, labels)) = line.split_once('{').filter(|_| label > 0) else {
                bare.push_str(line);
                continue;
            };
            let is_bucket = self.desc.metric_type == MetricType::Histogram && labels.starts_with("le=");
            let end_of_bound = labels.find(',').filter(|_| is_bucket).map_or(0, |comma| comma + 1);
            let (bound, labels) = labels.split_at(end_of_bound);
            match labels[label..].split_at(1) {
                (",", labels) => bare.extend([name, "{", bound, labels]),
                (_, value) if bound.is_empty() => bare.extend([name, value]),
                (_, value) => bare.extend([name, "{", bound.trim_end_matches(','), "}", value]),
            }
        }
        Self::of(Arc::clone(&self.desc), None, &bare, self.sum)
    }

    /// The sum of all samples.
    pub fn sum(&self) -> f64 {
        self.sum
    }
}

impl PartialEq for Lines {
    fn eq(&self, other: &Self) -> bool {
        self.desc == other.desc && self.source == other.source && self.text() == other.text()
    }
}

impl fmt::Display for Lines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(utf8(&self.text()))
    }
}

fn sum(family: &Family) -> f64 {
    family.samples.iter().map(|sample| sample.value).sum()
}

fn utf8(text: &[u8]) -> &str {
    std::str::from_utf8(text).expect("it was a string")
}
