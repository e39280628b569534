//! What is wrong with a document, where, and how to mend it.

use std::fmt;

use super::Place;

/// The way from the root of a document to a node: `sources.cache.redis.url`, `queries[2].sql`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(String);

impl Path {
    /// The path of a map's entry.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        if self.0.is_empty() { Self(key.to_owned()) } else { Self(format!("{}.{key}", self.0)) }
    }

    /// The path of a list's element, counted from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// The node.
    pub path: Path,
    /// What was expected. Never holds the value that was found where that may be a secret.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

/// The faults of files that are read together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    files: Vec<String>,
    found: Vec<Fault>,
}

impl Faults {
    /// No faults yet, in a file of this name.
    pub fn of(file: impl Into<String>) -> Self {
        Self { files: vec![file.into()], found: Vec::new() }
    }

    /// Goes on with another file: what is parsed from now on has its place there.
    pub fn begin(&mut self, file: impl Into<String>) {
        self.files.push(file.into());
    }

    /// The number of the file that is being parsed.
    pub(super) fn current(&self) -> usize {
        self.files.len().saturating_sub(1)
    }

    /// Adds a fault; one that is already known at the same place is not told twice.
    pub fn add(&mut self, fault: Fault) {
        if !self.found.contains(&fault) {
            self.found.push(fault);
        }
    }

    /// Adds a fault without a hint.
    pub fn at(&mut self, place: Place, path: &Path, message: impl Into<String>) {
        self.add(Fault { place, path: path.clone(), message: message.into(), hint: None });
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// The faults, in the order of the files and of their lines.
    pub fn sorted(&self) -> Vec<&Fault> {
        let mut faults: Vec<_> = self.found.iter().collect();
        faults.sort_by_key(|fault| fault.place);
        faults
    }
}

/// One line for each fault: `file:line:column: path: message (hint)`.
impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.sorted().into_iter().enumerate() {
            if number > 0 {
                formatter.write_str("\n")?;
            }
            let file = self.files.get(fault.place.file).map_or("", String::as_str);
            write!(formatter, "{file}:{}:{}: ", fault.place.line, fault.place.column)?;
            if fault.path != Path::default() {
                write!(formatter, "{}: ", fault.path)?;
            }
            formatter.write_str(&fault.message)?;
            if let Some(hint) = &fault.hint {
                write!(formatter, " ({hint})")?;
            }
        }
        Ok(())
    }
}

/// The known word nearest to a misspelt one, if any is near enough to be meant.
fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(word.len()) / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?` for a misspelt word.
pub fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|candidate| format!("did you mean `{candidate}`?"))
}
