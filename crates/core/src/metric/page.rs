//! Pages: lines of neighbouring sources, held together.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::Lines;

/// The parts of a page are together at most this long, where they are more than one: a change has a whole page made
/// and compressed anew, and every page takes some room of its own.
const LONGEST: usize = 8 << 10;
/// A page that is shorter can be put together with its neighbour.
const SHORT: usize = LONGEST / 4;

/// Lines that are one text. There is at least one part.
#[derive(Debug)]
pub(super) struct Page {
    parts: Vec<Arc<Lines>>,
    text: Bytes,
}

impl Page {
    fn new(parts: Vec<Arc<Lines>>) -> Self {
        let text = match &parts[..] {
            // It has never stood on a page with others, so nothing but its text is kept with it.
            [alone] if alone.text().len() > LONGEST => alone.text(),
            several => {
                let mut text = BytesMut::with_capacity(several.iter().map(|part| part.text().len()).sum());
                several.iter().for_each(|part| text.extend_from_slice(&part.text()));
                text.freeze()
            }
        };
        let mut at = 0;
        for part in &parts {
            let end = at + part.text().len();
            part.move_to(text.slice(at..end));
            at = end;
        }
        Self { parts, text }
    }

    pub(super) fn parts(&self) -> &[Arc<Lines>] {
        &self.parts
    }

    pub(super) fn first(&self) -> &Lines {
        &self.parts[0]
    }

    pub(super) fn last(&self) -> &Lines {
        &self.parts[self.parts.len() - 1]
    }

    pub(super) fn text(&self) -> &Bytes {
        &self.text
    }

    pub(super) fn is_short(&self) -> bool {
        self.text.len() < SHORT
    }
}

/// Puts parts on pages of about the same length. A page that was there before stays.
pub(super) fn paginate(parts: Vec<Arc<Lines>>, before: &[Arc<Page>]) -> Vec<Arc<Page>> {
    let total: usize = parts.iter().map(|part| part.text().len()).sum();
    let target = total / total.div_ceil(LONGEST).max(1);
    let mut pages: Vec<(usize, Vec<Arc<Lines>>)> = Vec::new();
    for part in parts {
        let length = part.text().len();
        match pages.last_mut() {
            Some((held, page)) if *held + length / 2 <= target && *held + length <= LONGEST => {
                *held += length;
                page.push(part);
            }
            _ => pages.push((length, vec![part])),
        }
    }
    let same = |page: &Arc<Page>, parts: &[Arc<Lines>]| {
        page.parts.len() == parts.len() && page.parts.iter().zip(parts).all(|(a, b)| Arc::ptr_eq(a, b))
    };
    let page = |(_, parts): (usize, Vec<Arc<Lines>>)| {
        let known = before.iter().find(|page| same(page, &parts)).cloned();
        known.unwrap_or_else(|| Arc::new(Page::new(parts)))
    };
    pages.into_iter().map(page).collect()
}
