//! An exposition that was changed says what one that is built from nothing says, byte for byte.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use flate2::read::GzDecoder;
use platform_core::metric::{Desc, Exposition, Family, Format, Lines, Piece, encode};
use platform_exporter::snapshot::{Coding, Published};

const DESCS: [Desc; 5] = [
    Desc::gauge("acme_a", &["id"], "One."),
    Desc::counter("acme_b_total", &["id"], "Two."),
    Desc::unknown("acme_c", &["id"], "Three."),
    Desc::gauge("acme_c", &["id"], "Three, of another type."),
    Desc::gauge("acme_d", &["id"], "Four, said\nin two lines."),
];
const CHANGES: usize = 120;

/// What the sources say, twice: as they say it, and as an exposition to which each change was made.
#[derive(Default)]
struct Both {
    families: BTreeMap<Option<Arc<str>>, Vec<Family>>,
    changed: Exposition,
    published: Published,
}

impl Both {
    /// Changes one source, or several at once.
    fn change(&mut self, random: &mut fastrand::Rng) {
        let mut changes = BTreeMap::new();
        for _ in 0..[1, 1, 2, 15][random.usize(..4)] {
            let source = (random.u8(..8) > 0).then(|| Arc::from(format!("s{}", random.u8(..40))));
            let says = match random.u8(..10) {
                0 | 1 => Vec::new(),
                2..5 => self.some_changed(&source, random),
                _ => says(random),
            };
            let lines = Lines::renew(self.changed.families(source.as_ref()), source.as_ref(), says.clone());
            changes.insert(source.clone(), lines);
            self.families.insert(source, says);
        }
        self.changed.put_all(changes);
    }

    fn some_changed(&self, source: &Option<Arc<str>>, random: &mut fastrand::Rng) -> Vec<Family> {
        let mut says = self.families.get(source).cloned().unwrap_or_default();
        if let Some(sample) = says.first_mut().and_then(|family| family.samples.first_mut()) {
            sample.value = random.f64();
        }
        says
    }

    fn check(&mut self, what: &str) {
        let mut fresh = Exposition::default();
        for (source, families) in &self.families {
            fresh.put(source.as_ref(), Lines::renew(&[], source.as_ref(), families.clone()));
        }
        let next = Published::new(&self.changed);
        next.prepare_like(&self.published);
        for format in [Format::Text, Format::OpenMetrics] {
            let expected = encode(&fresh, format);
            assert!(encode(&self.changed, format) == expected, "{what}: another text of {format:?}");
            assert!(next.body(format, Coding::Identity).concat() == expected.as_bytes(), "{what}: identity");
            let (gzip, mut text) = (next.body(format, Coding::Gzip).concat(), String::new());
            // One member: nothing follows it.
            let mut decoder = GzDecoder::new(&gzip[..]);
            decoder.read_to_string(&mut text).unwrap();
            assert!(decoder.into_inner().is_empty(), "{what}: something follows the gzip member");
            assert!(text == expected, "{what}: another text in gzip");
        }
        self.published = next;
    }
}

/// Families with few samples or with many, so that lines share a page or need pages of their own.
fn says(random: &mut fastrand::Rng) -> Vec<Family> {
    let mut families: Vec<_> = DESCS.iter().filter(|_| random.u8(..3) > 0).map(Desc::family).collect();
    for family in &mut families {
        let samples = [0, 1, 1, 3, 20, 150][random.usize(..6)];
        for id in 0..samples {
            family.push([&format!("{id} \\ \"{}\"", random.u8(..))], random.f64() * 1000.0);
        }
    }
    random.shuffle(&mut families);
    families
}

#[test]
fn changes_one_by_one_give_what_all_at_once_gives() {
    for seed in 0..6 {
        let (mut both, mut random) = (Both::default(), fastrand::Rng::with_seed(seed));
        for change in 0..CHANGES {
            both.change(&mut random);
            if random.u8(..4) == 0 {
                both.check(&format!("seed {seed}, change {change}"));
            }
        }
        for source in both.families.keys().cloned().collect::<Vec<_>>() {
            both.changed.put(source.as_ref(), Vec::new());
            both.families.remove(&source);
        }
        both.check(&format!("seed {seed}, all removed"));
        assert_eq!(encode(&both.changed, Format::Text), "");
    }
}

#[test]
fn what_is_said_again_stays_the_same_piece() {
    let (mut exposition, source) = (Exposition::default(), Arc::from("a"));
    let say = |exposition: &mut Exposition, value: f64| {
        let families = [DESCS[0].family().with(["x"], 1.0), DESCS[4].family().with(["x"], value)];
        let lines = Lines::renew(exposition.families(Some(&source)), Some(&source), families);
        exposition.put(Some(&source), lines);
        exposition.rope().pieces(Format::Text).map(Piece::number).collect::<Vec<_>>()
    };
    let first = say(&mut exposition, 1.0);
    assert_eq!(say(&mut exposition, 1.0), first);
    let changed = say(&mut exposition, 2.0);
    assert_eq!(changed[..3], first[..3], "metadata and lines of one family, metadata of the other");
    assert_ne!(changed[3], first[3]);
}
