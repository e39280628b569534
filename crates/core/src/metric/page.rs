//! Pages: lines of neighbouring sources, held together.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::BytesMut;

use super::Lines;
use super::piece::{Numbers, Piece};

/// Maximum length of a page with more than one part. A change rebuilds and recompresses a whole page, and every page
/// has some overhead.
const LONGEST: usize = 8 << 10;
/// A shorter page can be merged with its neighbour.
const SHORT: usize = LONGEST / 4;

/// Lines held as one text. There is at least one part.
#[derive(Debug)]
pub(super) struct Page {
    parts: Vec<Arc<Lines>>,
    piece: Piece,
}

impl Page {
    fn new(parts: Vec<Arc<Lines>>, numbers: &mut Numbers) -> Self {
        let text = match &parts[..] {
            // It has never shared a page, so only its own text is kept.
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
            part.refer_to(text.slice(at..end));
            at = end;
        }
        Self { parts, piece: numbers.piece(text) }
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

    pub(super) fn piece(&self) -> &Piece {
        &self.piece
    }

    pub(super) fn is_short(&self) -> bool {
        self.piece.text().len() < SHORT
    }
}

/// Distributes parts over pages of about the same length. Existing pages stay.
pub(super) fn paginate(
    parts: Vec<Arc<Lines>>,
    before: &[Arc<Page>],
    numbers: &mut Numbers,
) -> Vec<Arc<Page>> {
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
    let known: HashMap<_, _> = before.iter().map(|page| (Arc::as_ptr(&page.parts[0]), page)).collect();
    let page = |(_, parts): (usize, Vec<Arc<Lines>>)| {
        let known = known.get(&Arc::as_ptr(&parts[0])).filter(|page| same(page, &parts));
        known.map_or_else(|| Arc::new(Page::new(parts, numbers)), |page| Arc::clone(page))
    };
    pages.into_iter().map(page).collect()
}
