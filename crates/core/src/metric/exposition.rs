//! Many sources' families as one exposition: each family once, its samples together.
//!
//! A scrape wants the text sorted by family and then by source, but changes come by source: a probe replaces all
//! families of one source, and mostly with different values. So there are two indexes over the same lines:
//!
//! ```text
//! by source:   db     → [Lines pg_up, Lines pg_stat_database_…]      what `put` compares with
//!              cache  → [Lines redis_up, …]
//! by family:   pg_up  → Group: metadata, pages [Page [db, db-2, …], Page [orders, …]]      what is served
//! ```
//!
//! - [`Lines`]: the samples of one family of one source, encoded once.
//! - `Page`: the lines of neighbouring sources in one text of about 8 KiB. The text is held once, by the page: lines refer
//!   to their part of it.
//! - [`Piece`]: a text that is served as a whole, the metadata of a family or a page. Its number identifies it: a new text
//!   gets a new number. So whoever derives something from pieces, such as their compressed form, reads only new ones.
//! - [`Rope`]: all pieces of a moment, in order. Later changes do not affect it: pages and groups are shared, and replaced
//!   as a whole.
//!
//! What an operation costs, with `n` series of one source, `s` sources and `p` pages in total:
//!
//! - [`Lines::renew`]: encodes `n` lines; allocates only for families that differ from the last time.
//! - [`Exposition::put_all`]: for each family of a source that differs, finds its pages by binary search in `log s`, and
//!   writes each of them again once, however many sources on it have changed, sometimes with its neighbours. Nothing for
//!   other families and sources. Lines that were replaced refer to their last page as long as an earlier rope has them:
//!   with one page for each change, they would hold far more than is served.
//! - [`Exposition::rope`]: one reference per family. [`Rope::pieces`]: `p`, without reading a text.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::encode::{Format, OPENMETRICS_END, metadata};
use super::page::{Page, paginate};
use super::piece::{Numbers, Piece};
use super::{Desc, Lines, MetricType};

/// The origin of families: a source, or `None` for the exporter itself, which sorts first.
type Source = Option<Arc<str>>;

/// The new lines of sources in one family.
type Changes<'a> = BTreeMap<SourceRef<'a>, Vec<Arc<Lines>>>;

/// A borrowed [`Source`].
type SourceRef<'a> = Option<&'a Arc<str>>;

/// The families of all sources, sorted by family and then by source.
#[derive(Debug, Default)]
pub struct Exposition {
    by_source: BTreeMap<Source, Vec<Arc<Lines>>>,
    /// Two types under one name would fail the whole scrape: the first type is served, the others are dropped. The
    /// configuration already rejects such names; this is the last line of defence.
    by_family: BTreeMap<Cow<'static, str>, BTreeMap<MetricType, Arc<Group>>>,
    numbers: Numbers,
}

impl Exposition {
    /// Replaces all families of a source. An empty list removes the source.
    pub fn put(&mut self, source: Option<&Arc<str>>, families: Vec<Arc<Lines>>) {
        self.put_all([(source.cloned(), families)]);
    }

    /// Replaces all families of several sources, each of which occurs once.
    pub fn put_all(&mut self, sources: impl IntoIterator<Item = (Option<Arc<str>>, Vec<Arc<Lines>>)>) {
        let with_before = |(source, families): (Source, _)| {
            let before = self.by_source.remove(&source).unwrap_or_default();
            (source, before, families)
        };
        let sources: Vec<(Source, Vec<_>, Vec<_>)> = sources.into_iter().map(with_before).collect();
        let mut by_family: BTreeMap<_, Changes<'_>> = BTreeMap::new();
        for (source, before, families) in &sources {
            for (family, parts) in changes(before, families) {
                by_family.entry(family).or_default().insert(source.as_ref(), parts);
            }
        }
        for ((name, metric_type), changes) in by_family {
            self.replace(name, metric_type, &changes);
        }
        let present = sources.into_iter().filter(|(_, _, families)| !families.is_empty());
        self.by_source.extend(present.map(|(source, _, families)| (source, families)));
    }

    /// The current families of a source.
    pub fn families(&self, source: Option<&Arc<str>>) -> &[Arc<Lines>] {
        self.by_source.get(&source.cloned()).map_or(&[], Vec::as_slice)
    }

    /// The sources that have families.
    pub fn sources(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_source.keys().flatten()
    }

    /// A snapshot of the exposition: later changes do not affect it.
    pub fn rope(&self) -> Rope {
        let groups = self.by_family.values().filter_map(|types| types.values().next().cloned());
        Rope { groups: groups.collect(), ..Rope::default() }
    }

    fn replace(&mut self, name: &str, metric_type: MetricType, changes: &Changes<'_>) {
        if !self.by_family.contains_key(name) {
            self.by_family.insert(Cow::Owned(name.to_owned()), BTreeMap::new());
        }
        let Some(types) = self.by_family.get_mut(name) else { return };
        if !types.is_empty() && !types.contains_key(&metric_type) {
            tracing::error!(
                family = name,
                "two sources export this family with different types: one is dropped"
            );
        }
        let group = Arc::make_mut(types.entry(metric_type).or_default());
        group.replace(changes, &mut self.numbers);
        if group.pages.is_empty() {
            types.remove(&metric_type);
        }
        if types.is_empty() {
            self.by_family.remove(name);
        }
    }
}

/// The text of an exposition in a format.
pub fn encode(exposition: &Exposition, format: Format) -> String {
    let mut out = Vec::new();
    for piece in exposition.rope().pieces(format) {
        out.extend_from_slice(piece.text());
    }
    String::from_utf8(out).expect("it is made of strings")
}

/// The families of a source that changed, with their new lines. A source mostly has the same families in the same
/// order; if one comes or goes, those after it count as changed, too.
fn changes<'a>(
    before: &'a [Arc<Lines>],
    families: &'a [Arc<Lines>],
) -> BTreeMap<(&'a str, MetricType), Vec<Arc<Lines>>> {
    let key = |lines: &'a Arc<Lines>| (&*lines.desc().name, lines.desc().metric_type);
    let mut changes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for place in 0..before.len().max(families.len()) {
        let (was, is) = (before.get(place), families.get(place));
        // What has not changed is the same object: see `Lines::renew`.
        if !was.zip(is).is_some_and(|(was, is)| Arc::ptr_eq(was, is)) {
            changes.extend(was.into_iter().chain(is).map(|lines| (key(lines), Vec::new())));
        }
    }
    for lines in families {
        if let Some(parts) = changes.get_mut(&key(lines)) {
            parts.push(Arc::clone(lines));
        }
    }
    changes
}

/// One family: its metadata, and the lines of all sources on pages.
#[derive(Clone, Debug, Default)]
struct Group {
    text_metadata: Piece,
    openmetrics_metadata: Piece,
    pages: Vec<Arc<Page>>,
}

impl Group {
    /// Replaces the parts of sources. Only the pages that hold them are rebuilt.
    fn replace(&mut self, changes: &Changes<'_>, numbers: &mut Numbers) {
        let was = self.pages.first().cloned();
        // From the end, so that the positions of the others stay.
        for (range, sources) in self.affected(changes).into_iter().rev() {
            let on_pages = self.pages[range.clone()].iter().flat_map(|page| page.parts());
            let mut parts: Vec<_> =
                on_pages.filter(|lines| !changes.contains_key(&lines.source())).cloned().collect();
            parts.extend(sources.iter().flat_map(|source| &changes[source]).cloned());
            // Those of one source stay in their order.
            parts.sort_by(|one, other| one.source().cmp(&other.source()));
            let pages = paginate(parts, &self.pages[range.clone()], numbers);
            self.pages.splice(range, pages);
        }
        let (was, now) = (was.as_ref().map(desc), self.pages.first().map(desc));
        if let Some(now) = now.filter(|_| now != was) {
            self.text_metadata = numbers.piece(metadata(now, Format::Text));
            self.openmetrics_metadata = numbers.piece(metadata(now, Format::OpenMetrics));
        }
    }

    /// The pages that changes affect, in order and apart from each other, each range with its sources.
    fn affected<'a>(&self, changes: &Changes<'a>) -> Vec<(Range<usize>, Vec<SourceRef<'a>>)> {
        let mut affected: Vec<(Range<usize>, Vec<_>)> = Vec::new();
        for &source in changes.keys() {
            let range = self.range(source);
            match affected.last_mut() {
                Some((last, sources)) if range.start <= last.end => {
                    last.end = last.end.max(range.end);
                    sources.push(source);
                }
                _ => affected.push((range, vec![source])),
            }
        }
        affected
    }

    /// The pages of a source, or the one that a new source goes on.
    fn range(&self, source: SourceRef<'_>) -> Range<usize> {
        let start = self.pages.partition_point(|page| page.last().source() < source);
        let length = self.pages[start..].iter().take_while(|page| page.first().source() <= source).count();
        // A new source goes on the page before its position.
        let start = if length == 0 { start.saturating_sub(1) } else { start };
        let end = (start + length.max(1)).min(self.pages.len());
        // Neighbouring pages that have become short are merged.
        let is_short = |page: &&Arc<Page>| page.is_short();
        let start = start - self.pages[..start].iter().rev().take_while(is_short).count();
        let end = end + self.pages[end..].iter().take_while(is_short).count();
        start..end
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
    openmetrics_end: Piece,
}

impl Default for Rope {
    fn default() -> Self {
        let openmetrics_end = Piece::last(Bytes::from_static(OPENMETRICS_END.as_bytes()));
        Self { groups: Vec::new(), openmetrics_end }
    }
}

impl Rope {
    /// The pieces of the text in a format, in order.
    pub fn pieces(&self, format: Format) -> impl Iterator<Item = &Piece> {
        let groups = self.groups.iter().flat_map(move |group| {
            let metadata = match format {
                Format::Text => &group.text_metadata,
                Format::OpenMetrics => &group.openmetrics_metadata,
            };
            std::iter::once(metadata).chain(group.pages.iter().map(|page| page.piece()))
        });
        let end = (format == Format::OpenMetrics).then_some(&self.openmetrics_end);
        groups.chain(end).filter(|piece| !piece.text().is_empty())
    }
}
