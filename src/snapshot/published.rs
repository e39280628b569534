//! One published exposition: encoded once for each requested representation, then served from memory.

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

/// An exposition with the representations that have been requested.
#[derive(Default)]
pub struct Published {
    rope: Rope,
    representations: [OnceLock<Representation>; REPRESENTATIONS.len()],
}

/// The bytes of a representation.
struct Representation {
    body: Arc<[Bytes]>,
    /// State for compressing the next exposition.
    gzip: Option<Gzip>,
}

const REPRESENTATIONS: [(Format, Coding); 4] = [
    (Format::Text, Coding::Identity),
    (Format::Text, Coding::Gzip),
    (Format::OpenMetrics, Coding::Identity),
    (Format::OpenMetrics, Coding::Gzip),
];

/// A body up to this length is served as one piece. A longer one stays in pieces; joining them would hold it twice.
const ONE_PIECE: usize = 1 << 20;
/// Pieces of a longer body that are shorter than this are joined.
const SHORT: usize = 2 << 10;

impl Published {
    /// A snapshot of an exposition. Nothing is encoded yet.
    pub fn new(exposition: &Exposition) -> Self {
        Self { rope: exposition.rope(), representations: Default::default() }
    }

    /// The bytes of a representation, in pieces: built at the first request, then served from memory.
    pub fn body(&self, format: Format, coding: Coding) -> Arc<[Bytes]> {
        self.body_after(None, format, coding)
    }

    /// Builds the representations that were requested of the previous exposition, so that no scrape waits for them.
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
            Coding::Identity => Representation {
                body: together(pieces.map(|piece| piece.text().clone()).collect()).into(),
                gzip: None,
            },
            Coding::Gzip => {
                let gzip = Gzip::new(pieces, before.and_then(|before| before.gzip.as_ref()));
                Representation { body: together(gzip.pieces()).into(), gzip: Some(gzip) }
            }
        });
        Arc::clone(&representation.body)
    }
}

/// Joins pieces where that is cheap.
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
