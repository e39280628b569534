//! gzip of a text in pieces. Pieces that were compressed before are reused.
//!
//! Each run of pieces is compressed alone and ends on a byte boundary, so that runs can be concatenated into one
//! member: many clients read only the first. <https://www.rfc-editor.org/rfc/rfc1952>

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use flate2::{Compress, Compression, Crc, FlushCompress};
use parking_lot::Mutex;
use platform_core::metric::Piece;

/// A piece of this length is compressed alone. Shorter ones, which compress badly, are grouped.
const ALONE: usize = 2 << 10;
/// Pieces are grouped up to this length.
const TOGETHER: usize = 32 << 10;
/// Up to this many runs, with up to this total length, are held as one piece.
const SECTION: (usize, usize) = (16, 16 * TOGETHER);
/// Method deflate, no flags, no time, fastest, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255];
/// An empty final deflate block.
const LAST_BLOCK: [u8; 2] = [3, 0];
/// Maximum overhead of compression: a flush, and headers of incompressible blocks.
const OVERHEAD: usize = 64;

/// A compressed text, with the state needed to compress the next one.
pub(super) struct Gzip {
    sections: Vec<Arc<Section>>,
    /// Shared by successive texts, because it is large.
    deflater: Arc<Mutex<Deflater>>,
}

/// The compressor and its output buffer.
struct Deflater {
    compress: Compress,
    out: Vec<u8>,
}

/// Neighbouring runs.
struct Section {
    runs: Vec<Run>,
    deflated: Bytes,
    crc: Crc,
}

/// Neighbouring pieces of a text. Unchanged ones are recognised by their numbers, so their content is not read.
type Pieces<'a> = [&'a Piece];

/// Neighbouring pieces that are compressed together.
struct Run {
    /// The numbers of its pieces.
    pieces: Vec<u64>,
    /// Where it is in its section.
    range: Range<usize>,
    crc: Arc<Crc>,
}

impl Gzip {
    /// Compresses a text, reusing parts of the previous one.
    pub(super) fn new<'a>(pieces: impl Iterator<Item = &'a Piece>, before: Option<&Self>) -> Self {
        let pieces: Vec<_> = pieces.collect();
        let runs = runs(&pieces);
        let deflater = before.map_or_else(Arc::default, |gzip| Arc::clone(&gzip.deflater));
        let mut before: HashMap<_, _> =
            before.iter().flat_map(|gzip| &gzip.sections).map(|section| (section.first(), section)).collect();
        let mut same = |runs: &[&Pieces<'_>]| {
            let section = before.get(&runs[0][0].number()).filter(|section| section.is_of(runs))?;
            let section = Arc::clone(section);
            before.remove(&section.first());
            Some(section)
        };
        let sections: Vec<_> = sections(&runs).into_iter().map(|runs| (runs, same(runs))).collect();
        let known = before.values().flat_map(|section| section.by_first_piece()).collect();
        let mut state = deflater.lock();
        let section = |(runs, same): (&[&Pieces<'_>], Option<Arc<Section>>)| {
            same.unwrap_or_else(|| Arc::new(Section::new(runs, &known, &mut state)))
        };
        let sections = sections.into_iter().map(section).collect();
        drop(state);
        Self { sections, deflater }
    }

    /// The compressed text, in pieces.
    pub(super) fn pieces(&self) -> Vec<Bytes> {
        let mut crc = Crc::new();
        self.sections.iter().for_each(|section| crc.combine(&section.crc));
        let mut end = BytesMut::from(&LAST_BLOCK[..]);
        end.extend_from_slice(&crc.sum().to_le_bytes());
        end.extend_from_slice(&crc.amount().to_le_bytes());
        let sections = self.sections.iter().map(|section| section.deflated.clone());
        std::iter::once(Bytes::from_static(&HEADER)).chain(sections).chain([end.freeze()]).collect()
    }
}

impl Section {
    fn new(runs: &[&Pieces<'_>], known: &HashMap<u64, (&Self, &Run)>, deflater: &mut Deflater) -> Self {
        let mut crc = Crc::new();
        deflater.out.clear();
        let run = |pieces: &&Pieces<'_>| {
            let start = deflater.out.len();
            let of_run = match known.get(&pieces[0].number()) {
                Some((section, run)) if run.is_of(pieces) => {
                    deflater.out.extend_from_slice(&section.deflated[run.range.clone()]);
                    Arc::clone(&run.crc)
                }
                _ => Arc::new(deflater.append(pieces)),
            };
            crc.combine(&of_run);
            let pieces = pieces.iter().map(|piece| piece.number()).collect();
            Run { pieces, range: start..deflater.out.len(), crc: of_run }
        };
        let runs = runs.iter().map(run).collect();
        // Copied to its exact size, because it is kept.
        Self { runs, deflated: Bytes::copy_from_slice(&deflater.out), crc }
    }

    fn is_of(&self, runs: &[&Pieces<'_>]) -> bool {
        self.runs.len() == runs.len() && self.runs.iter().zip(runs).all(|(run, pieces)| run.is_of(pieces))
    }

    /// The runs, each with the number of its first piece.
    fn by_first_piece(&self) -> impl Iterator<Item = (u64, (&Self, &Run))> {
        self.runs.iter().map(move |run| (run.pieces[0], (self, run)))
    }

    /// The number of its first piece.
    fn first(&self) -> u64 {
        self.runs[0].pieces[0]
    }
}

impl Run {
    fn is_of(&self, pieces: &Pieces<'_>) -> bool {
        self.pieces.iter().copied().eq(pieces.iter().map(|piece| piece.number()))
    }
}

impl Default for Deflater {
    fn default() -> Self {
        Self { compress: Compress::new(Compression::fast(), false), out: Vec::new() }
    }
}

impl Deflater {
    /// Appends pieces, compressed independently of what precedes them, up to a byte boundary.
    fn append(&mut self, pieces: &Pieces<'_>) -> Crc {
        let Self { compress, out } = self;
        let text = match pieces {
            [alone] => Cow::Borrowed(&alone.text()[..]),
            several => Cow::Owned(several.iter().map(|piece| &piece.text()[..]).collect::<Vec<_>>().concat()),
        };
        let (mut crc, start) = (Crc::new(), compress.total_in());
        crc.update(&text);
        let mut taken = 0;
        loop {
            out.reserve(text.len() - taken + OVERHEAD);
            // After a full flush, nothing refers back to earlier data.
            compress
                .compress_vec(&text[taken..], out, FlushCompress::Full)
                .expect("compressing into memory does not fail");
            taken = usize::try_from(compress.total_in() - start).unwrap_or(text.len());
            if out.len() < out.capacity() {
                return crc;
            }
        }
    }
}

/// Which pieces are compressed together.
fn runs<'a, 'b>(pieces: &'b [&'a Piece]) -> Vec<&'b Pieces<'a>> {
    let length = |piece: &Piece| piece.text().len();
    let beside = |first: &Piece| if length(first) < ALONE { TOGETHER - length(first) } else { 0 };
    // How much more fits into the last run.
    let mut room = pieces.first().map_or(0, |first| beside(first));
    let is_together = |_: &&Piece, piece: &&Piece| {
        let length = length(piece);
        let fits = length < ALONE && length <= room;
        room = if fits { room - length } else { beside(piece) };
        fits
    };
    pieces.chunk_by(is_together).collect()
}

/// Which runs are held as one piece.
fn sections<'a, 'b>(mut runs: &'b [&'b Pieces<'a>]) -> Vec<&'b [&'b Pieces<'a>]> {
    let (most, longest) = SECTION;
    let mut sections = Vec::new();
    while !runs.is_empty() {
        let mut length = 0;
        let fits = |run: &&&Pieces<'_>| {
            length += run.iter().map(|piece| piece.text().len()).sum::<usize>();
            length <= longest
        };
        let number = runs.iter().take(most).take_while(fits).count().max(1);
        let (section, rest) = runs.split_at(number);
        sections.push(section);
        runs = rest;
    }
    sections
}
