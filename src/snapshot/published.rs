//! One published exposition: encoded once for each representation that anyone asks for, then served from memory.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::Bytes;

use crate::metric::{Exposition, Format, encode};

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
    exposition: Arc<Exposition>,
    representations: [OnceLock<Bytes>; REPRESENTATIONS.len()],
}

const REPRESENTATIONS: [(Format, Coding); 4] = [
    (Format::Text, Coding::Identity),
    (Format::Text, Coding::Gzip),
    (Format::OpenMetrics, Coding::Identity),
    (Format::OpenMetrics, Coding::Gzip),
];

impl Published {
    /// An exposition of which nothing is encoded yet.
    pub fn new(exposition: Exposition) -> Self {
        Self { exposition: Arc::new(exposition), representations: Default::default() }
    }

    /// The bytes of a representation: encoded at the first request, from memory ever after.
    pub fn bytes(&self, format: Format, coding: Coding) -> Bytes {
        let index = REPRESENTATIONS.iter().position(|known| *known == (format, coding)).unwrap_or_default();
        let encoded = self.representations[index].get_or_init(|| match coding {
            Coding::Identity => encode(&self.exposition, format).into(),
            Coding::Gzip => gzip(&self.bytes(format, Coding::Identity)).into(),
        });
        encoded.clone()
    }

    /// Encodes what was asked for of the exposition before this one, so that no scrape waits for it.
    pub(super) fn prepare_like(&self, previous: &Self) {
        for (index, (format, coding)) in REPRESENTATIONS.into_iter().enumerate() {
            if previous.representations[index].get().is_some() {
                self.bytes(format, coding);
            }
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}
