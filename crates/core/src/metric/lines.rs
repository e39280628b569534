//! The samples of one family of one source, encoded once: the lines are the same in both formats.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{Desc, Family, encode};

/// The samples of one family of one source, as lines.
#[derive(Debug)]
pub struct Lines {
    desc: Desc,
    source: Option<Arc<str>>,
    /// The text is held once: it moves into the page that it is served from.
    text: Mutex<Bytes>,
}

impl Lines {
    /// Encodes a family. Its lines start with the label `source`, if there is one.
    pub fn encode(source: Option<&Arc<str>>, family: Family) -> Self {
        let mut scratch = String::new();
        let (desc, text) = encode::lines(source, family, &mut scratch);
        Self::of(desc, source.cloned(), text)
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
        let mut scratch = String::new();
        let renewed = families.into_iter().map(|family| {
            let (desc, text) = encode::lines(source, family, &mut scratch);
            let mut known = known.get(&*desc.name).into_iter().flatten();
            let same = known.find(|known| known.desc == desc && *known.text() == *text.as_bytes());
            same.map_or_else(|| Arc::new(Self::of(desc, source.cloned(), text)), |same| Arc::clone(same))
        });
        renewed.collect()
    }

    fn of(desc: Desc, source: Option<Arc<str>>, text: &str) -> Self {
        // Copied to its exact size, because it is kept.
        Self { desc, source, text: Mutex::new(Bytes::copy_from_slice(text.as_bytes())) }
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

    /// Holds the lines as a part of a longer text.
    pub(super) fn move_to(&self, text: Bytes) {
        debug_assert_eq!(*self.text.lock(), text, "the text of {} stays the same", self.desc.name);
        *self.text.lock() = text;
    }

    /// The same without the label `source`.
    #[must_use]
    pub fn without_source(&self) -> Self {
        let label = self.source.as_ref().map(|source| format!("source=\"{source}\"")).unwrap_or_default();
        let text = self.text();
        let mut bare = String::with_capacity(text.len());
        for line in utf8(&text).split_inclusive('\n') {
            let (name, rest) = line.split_at(self.desc.name.len());
            let rest = rest.strip_prefix('{').and_then(|rest| rest.strip_prefix(&label)).unwrap_or(rest);
            bare.push_str(name);
            match (rest.strip_prefix(','), rest.strip_prefix('}')) {
                (Some(labels), _) => bare.extend(["{", labels]),
                (None, Some(value)) => bare.push_str(value),
                (None, None) => bare.push_str(rest),
            }
        }
        Self::of(self.desc.clone(), None, &bare)
    }

    /// The sum of all samples.
    pub fn sum(&self) -> f64 {
        self.values(&[]).iter().sum()
    }

    /// The values of all samples that have these labels.
    pub fn with_labels(&self, labels: &BTreeMap<String, String>) -> Vec<f64> {
        let pairs: Vec<_> = labels.iter().map(|(name, value)| encode::label(name, value)).collect();
        self.values(&pairs)
    }

    /// The values of the lines that contain each of these written labels.
    fn values(&self, labels: &[String]) -> Vec<f64> {
        let text = self.text();
        let value = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            let has = |label: &String| {
                // A quote inside a value is escaped, so a match can only be a label.
                let places = series.match_indices(label.as_str());
                places.into_iter().any(|(at, _)| series[..at].ends_with(['{', ',']))
            };
            labels.iter().all(has).then(|| value.parse().ok())?
        };
        utf8(&text).lines().filter_map(value).collect()
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

fn utf8(text: &[u8]) -> &str {
    std::str::from_utf8(text).expect("it was a string")
}
