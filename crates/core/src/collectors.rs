//! The collectors of a kind: the parts of a probe that a source turns on, and among which a scrape may choose.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Stands for what every probe reads, whatever is turned on.
pub const SERVER: &str = "server";

/// The collectors of one source.
#[derive(Clone, Debug)]
pub struct Collectors {
    /// Those of its kind.
    pub known: Vec<&'static str>,
    /// Those that it turns on.
    pub on: Vec<&'static str>,
}

/// What a scrape chooses among the collectors that are turned on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chosen(Arc<BTreeSet<&'static str>>);

/// Why a collector cannot be chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum CollectorRefusal {
    #[error("There is no collector {name:?}: expected {known}.")]
    Unknown { name: String, known: String },
    #[error("The collector {0:?} is not turned on: add it to `collect`.")]
    Off(&'static str),
}

impl Collectors {
    /// Chooses collectors by their names.
    ///
    /// # Errors
    /// When one does not exist, or is not turned on.
    pub fn choose(&self, names: &[String]) -> Result<Chosen, CollectorRefusal> {
        let all = || [SERVER].into_iter().chain(self.known.iter().copied());
        let choose = |name: &String| {
            let unknown = || CollectorRefusal::Unknown {
                name: name.clone(),
                known: all().collect::<Vec<_>>().join(", "),
            };
            let known = all().find(|known| known == name).ok_or_else(unknown)?;
            let is_on = known == SERVER || self.on.contains(&known);
            if is_on { Ok(known) } else { Err(CollectorRefusal::Off(known)) }
        };
        names.iter().map(choose).collect::<Result<_, _>>().map(|chosen| Chosen(Arc::new(chosen)))
    }
}

impl Chosen {
    /// The same with one more.
    #[must_use]
    pub fn with(&self, collector: &'static str) -> Self {
        Self(Arc::new(self.0.iter().copied().chain([collector]).collect()))
    }

    /// Whether a collector is chosen, or with `None` what every probe reads.
    pub fn has(&self, collector: Option<&str>) -> bool {
        self.0.contains(collector.unwrap_or(SERVER))
    }
}

/// As in a list: `settings,stat_io`.
impl fmt::Display for Chosen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.iter().copied().collect::<Vec<_>>().join(","))
    }
}
