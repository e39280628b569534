//! Many sources' families as one exposition: each family once, its samples together. A change costs what changed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::encode::{Format, OPENMETRICS_END, metadata};
use super::page::{Page, paginate};
use super::{Desc, Lines, MetricType};

/// The origin of families: a source, or `None` for the exporter itself, which sorts first.
type Source = Option<Arc<str>>;

/// The families of all sources, sorted by family and then by source.
#[derive(Debug, Default)]
pub struct Exposition {
    said: BTreeMap<Source, Vec<Arc<Lines>>>,
    /// Two types under one name would fail the whole scrape: the first type is served, the others are dropped. The
    /// configuration already rejects such names; this is the last line of defence.
    families: BTreeMap<Cow<'static, str>, BTreeMap<MetricType, Arc<Group>>>,
}

impl Exposition {
    /// Replaces all families of a source. An empty list removes the source.
    pub fn put(&mut self, source: Option<&Arc<str>>, says: Vec<Arc<Lines>>) {
        let source = source.cloned();
        let said = self.said.remove(&source).unwrap_or_default();
        for ((name, metric_type), parts) in changes(&said, &says) {
            self.replace(&source, name, metric_type, &parts);
        }
        if !says.is_empty() {
            self.said.insert(source, says);
        }
    }

    /// The current families of a source.
    pub fn said(&self, source: Option<&Arc<str>>) -> &[Arc<Lines>] {
        self.said.get(&source.cloned()).map_or(&[], Vec::as_slice)
    }

    /// The sources that have families.
    pub fn sources(&self) -> impl Iterator<Item = &Arc<str>> {
        self.said.keys().flatten()
    }

    /// A snapshot of the exposition: later changes do not affect it.
    pub fn rope(&self) -> Rope {
        let groups = self.families.values().filter_map(|types| types.values().next().cloned());
        Rope { groups: groups.collect(), ..Rope::default() }
    }

    fn replace(&mut self, source: &Source, name: &str, metric_type: MetricType, parts: &[Arc<Lines>]) {
        if !self.families.contains_key(name) {
            self.families.insert(Cow::Owned(name.to_owned()), BTreeMap::new());
        }
        let Some(types) = self.families.get_mut(name) else { return };
        if !types.is_empty() && !types.contains_key(&metric_type) {
            tracing::error!(
                family = name,
                "two sources export this family with different types: one is dropped"
            );
        }
        let group = Arc::make_mut(types.entry(metric_type).or_default());
        group.replace(source, parts);
        if group.pages.is_empty() {
            types.remove(&metric_type);
        }
        if types.is_empty() {
            self.families.remove(name);
        }
    }
}

/// The text of an exposition in a format.
pub fn encode(exposition: &Exposition, format: Format) -> String {
    let mut out = Vec::new();
    for piece in exposition.rope().pieces(format) {
        out.extend_from_slice(piece);
    }
    String::from_utf8(out).expect("it is made of strings")
}

/// The families of a source that changed, with their new lines. A source mostly has the same families in the same
/// order; if one comes or goes, those after it count as changed, too.
fn changes<'a>(
    said: &'a [Arc<Lines>],
    says: &'a [Arc<Lines>],
) -> BTreeMap<(&'a str, MetricType), Vec<Arc<Lines>>> {
    let key = |lines: &'a Arc<Lines>| (&*lines.desc().name, lines.desc().metric_type);
    let mut changes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for place in 0..said.len().max(says.len()) {
        let (was, is) = (said.get(place), says.get(place));
        if was.map(Arc::as_ptr) != is.map(Arc::as_ptr) {
            changes.extend(was.into_iter().chain(is).map(|lines| (key(lines), Vec::new())));
        }
    }
    for lines in says {
        if let Some(parts) = changes.get_mut(&key(lines)) {
            parts.push(Arc::clone(lines));
        }
    }
    changes
}

/// One family: its metadata, and the lines of all sources on pages.
#[derive(Clone, Debug, Default)]
struct Group {
    text_metadata: Bytes,
    openmetrics_metadata: Bytes,
    pages: Vec<Arc<Page>>,
}

impl Group {
    /// Replaces the parts of a source. Only the pages that hold them are rebuilt.
    fn replace(&mut self, source: &Source, parts: &[Arc<Lines>]) {
        let was = self.pages.first().cloned();
        let place = |lines: &Arc<Lines>| lines.source().cloned();
        let start = self.pages.partition_point(|page| page.last().source() < source.as_ref());
        let length =
            self.pages[start..].iter().take_while(|page| page.first().source() <= source.as_ref()).count();
        // A new source goes on the page before its position.
        let start = if length == 0 { start.saturating_sub(1) } else { start };
        let end = (start + length.max(1)).min(self.pages.len());
        // Neighbouring pages that have become short are merged.
        let is_short = |page: &&Arc<Page>| page.is_short();
        let start = start - self.pages[..start].iter().rev().take_while(is_short).count();
        let end = end + self.pages[end..].iter().take_while(is_short).count();
        let mut on_pages: Vec<_> =
            self.pages[start..end].iter().flat_map(|page| page.parts()).cloned().collect();
        on_pages.retain(|lines| place(lines) != *source);
        let at = on_pages.partition_point(|lines| place(lines) < *source);
        on_pages.splice(at..at, parts.iter().cloned());
        let pages = paginate(on_pages, &self.pages[start..end]);
        self.pages.splice(start..end, pages);
        let (was, now) = (was.as_ref().map(desc), self.pages.first().map(desc));
        if let Some(now) = now.filter(|_| now != was) {
            self.text_metadata = metadata(now, Format::Text).into();
            self.openmetrics_metadata = metadata(now, Format::OpenMetrics).into();
        }
    }
}

/// The family's description: that of the first source if they differ.
fn desc(first: &Arc<Page>) -> &Desc {
    first.first().desc()
}

/// An exposition in pieces, shared with earlier and later expositions.
#[derive(Clone, Debug)]
pub struct Rope {
    groups: Vec<Arc<Group>>,
    openmetrics_end: Bytes,
}

impl Default for Rope {
    fn default() -> Self {
        let openmetrics_end = Bytes::from_static(OPENMETRICS_END.as_bytes());
        Self { groups: Vec::new(), openmetrics_end }
    }
}

impl Rope {
    /// The pieces of the text in a format, in order. Pieces at the same memory address are equal.
    pub fn pieces(&self, format: Format) -> impl Iterator<Item = &Bytes> {
        let groups = self.groups.iter().flat_map(move |group| {
            let metadata = match format {
                Format::Text => &group.text_metadata,
                Format::OpenMetrics => &group.openmetrics_metadata,
            };
            std::iter::once(metadata).chain(group.pages.iter().map(|page| page.text()))
        });
        let end = (format == Format::OpenMetrics).then_some(&self.openmetrics_end);
        groups.chain(end).filter(|piece| !piece.is_empty())
    }
}
