//! One published exposition: encoded once for each representation that anyone asks for, then served from memory.

use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use platform_core::metric::{Exposition, Format, Rope};

use super::gzip::Gzip;

/// A content coding of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// The bytes as they are.
    Identity,
    /// gzip.
    Gzip,
}

/// An exposition with the representations that have been asked for.
#[derive(Default)]
pub struct Published {
    rope: Rope,
    representations: [OnceLock<Representation>; REPRESENTATIONS.len()],
}

/// The bytes of a representation.
struct Representation {
    body: Arc<[Bytes]>,
    /// What the next exposition is compressed with.
    gzip: Option<Gzip>,
}

const REPRESENTATIONS: [(Format, Coding); 4] = [
    (Format::Text, Coding::Identity),
    (Format::Text, Coding::Gzip),
    (Format::OpenMetrics, Coding::Identity),
    (Format::OpenMetrics, Coding::Gzip),
];

/// A body up to this length is served as one piece. Of a longer one the pieces stay as they are: it would be held twice.
const ONE_PIECE: usize = 1 << 20;
/// Pieces of a longer body that are shorter than this are put together.
const SHORT: usize = 2 << 10;

impl Published {
    /// What an exposition says now. Nothing is encoded yet.
    pub fn new(exposition: &Exposition) -> Self {
        Self { rope: exposition.rope(), representations: Default::default() }
    }

    /// The bytes of a representation, in pieces: made at the first request, from memory ever after.
    pub fn body(&self, format: Format, coding: Coding) -> Arc<[Bytes]> {
        self.body_after(None, format, coding)
    }

    /// Makes what was asked for of the exposition before this one, so that no scrape waits for it.
    pub fn prepare_like(&self, before: &Self) {
        for (index, (format, coding)) in REPRESENTATIONS.into_iter().enumerate() {
            if let Some(before) = before.representations[index].get() {
                self.body_after(Some(before), format, coding);
            }
        }
    }

    fn body_after(&self, before: Option<&Representation>, format: Format, coding: Coding) -> Arc<[Bytes]> {
        let index = REPRESENTATIONS.iter().position(|known| *known == (format, coding)).unwrap_or_default();
        let pieces = self.rope.pieces(format);
        let representation = self.representations[index].get_or_init(|| match coding {
            Coding::Identity => {
                Representation { body: together(pieces.cloned().collect()).into(), gzip: None }
            }
            Coding::Gzip => {
                let gzip = Gzip::new(pieces, before.and_then(|before| before.gzip.as_ref()));
                Representation { body: together(gzip.pieces()).into(), gzip: Some(gzip) }
            }
        });
        Arc::clone(&representation.body)
    }
}

/// Puts pieces together where that costs little.
fn together(pieces: Vec<Bytes>) -> Vec<Bytes> {
    let total: usize = pieces.iter().map(Bytes::len).sum();
    let short = if total <= ONE_PIECE { usize::MAX } else { SHORT };
    let (mut body, mut together) = (Vec::new(), BytesMut::new());
    for piece in pieces {
        if piece.len() < short {
            together.extend_from_slice(&piece);
        } else {
            body.extend((!together.is_empty()).then(|| together.split().freeze()));
            body.push(piece);
        }
    }
    body.extend((!together.is_empty()).then(|| together.freeze()));
    body
}
