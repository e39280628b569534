//! gzip of a text in pieces. What was compressed before is not compressed again.
//!
//! Each run of pieces is compressed alone and ends on a byte boundary, so that runs can be put one after the other to be
//! one member: many clients read only the first. <https://www.rfc-editor.org/rfc/rfc1952>

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, Crc, FlushCompress};

/// A piece of this length is compressed alone. Shorter ones, which compress badly, are taken together.
const ALONE: usize = 2 << 10;
/// Pieces are taken together up to this length.
const TOGETHER: usize = 32 << 10;
/// Method deflate, no flags, no time, fastest, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];
/// An empty block of deflate that is the last one.
const LAST_BLOCK: [u8; 2] = [3, 0];
/// What compression may add: a flush, and the heads of blocks that cannot be made smaller.
const OVERHEAD: usize = 64;

/// A compressed text, with what is needed to compress the next one.
pub(super) struct Gzip {
    runs: Vec<Arc<Run>>,
}

/// Neighbouring pieces, compressed.
struct Run {
    /// They are kept so that no other piece can take their place in memory.
    pieces: Vec<Bytes>,
    deflated: Box<[u8]>,
    crc: Crc,
}

impl Gzip {
    /// Compresses a text, with the help of the one before it.
    pub(super) fn new(pieces: impl Iterator<Item = Bytes>, before: Option<&Self>) -> Self {
        let mut known: HashMap<_, _> =
            before.iter().flat_map(|gzip| &gzip.runs).map(|run| (place(&run.pieces[0]), run)).collect();
        let mut compress = Compress::new(Compression::fast(), false);
        let run = |pieces: Vec<Bytes>| match known.remove(&place(&pieces[0])) {
            Some(run) if run.pieces.iter().map(place).eq(pieces.iter().map(place)) => Arc::clone(run),
            _ => Arc::new(Run::new(pieces, &mut compress)),
        };
        Self { runs: runs(pieces).into_iter().map(run).collect() }
    }

    /// The compressed bytes.
    pub(super) fn bytes(&self) -> Bytes {
        let length: usize = self.runs.iter().map(|run| run.deflated.len()).sum();
        let mut bytes = BytesMut::with_capacity(HEADER.len() + length + LAST_BLOCK.len() + 8);
        let mut crc = Crc::new();
        bytes.extend_from_slice(&HEADER);
        for run in &self.runs {
            bytes.extend_from_slice(&run.deflated);
            crc.combine(&run.crc);
        }
        bytes.extend_from_slice(&LAST_BLOCK);
        bytes.extend_from_slice(&crc.sum().to_le_bytes());
        bytes.extend_from_slice(&crc.amount().to_le_bytes());
        bytes.freeze()
    }
}

impl Run {
    fn new(pieces: Vec<Bytes>, compress: &mut Compress) -> Self {
        let (mut crc, mut input) = (Crc::new(), Vec::new());
        for piece in &pieces {
            crc.update(piece);
        }
        let text = if let [alone] = &pieces[..] {
            &alone[..]
        } else {
            pieces.iter().for_each(|piece| input.extend_from_slice(piece));
            &input[..]
        };
        // After a full flush, nothing that follows refers to what was before it.
        let mut deflated = Vec::with_capacity(text.len() + text.len() / 64 + OVERHEAD);
        let start = compress.total_in();
        let mut taken = 0;
        loop {
            compress
                .compress_vec(&text[taken..], &mut deflated, FlushCompress::Full)
                .expect("compressing into memory does not fail");
            taken = usize::try_from(compress.total_in() - start).unwrap_or(text.len());
            if deflated.len() < deflated.capacity() {
                break;
            }
            deflated.reserve(OVERHEAD);
        }
        Self { pieces, deflated: deflated.into(), crc }
    }
}

/// Which pieces are compressed together.
fn runs(pieces: impl Iterator<Item = Bytes>) -> Vec<Vec<Bytes>> {
    let mut runs: Vec<Vec<Bytes>> = Vec::new();
    // The last run takes in no more when this is 0.
    let mut room = 0;
    for piece in pieces {
        match runs.last_mut() {
            Some(run) if piece.len() <= room && piece.len() < ALONE => {
                room -= piece.len();
                run.push(piece);
            }
            _ => {
                room = if piece.len() < ALONE { TOGETHER - piece.len() } else { 0 };
                runs.push(vec![piece]);
            }
        }
    }
    runs
}

/// Where a piece is in memory: what is at the same place is the same.
fn place(piece: &Bytes) -> (usize, usize) {
    (piece.as_ptr().addr(), piece.len())
}
