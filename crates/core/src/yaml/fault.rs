//! Errors in a document: what, where, and how to fix it.

use std::fmt;

/// Line and column, both counted from 1, in one of the files that are read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as [`Faults::begin`] counts them.
    pub file: usize,
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

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

/// One error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it is.
    pub place: Place,
    /// The node.
    pub path: Path,
    /// What was expected. Never contains the value that was found if it may be a secret.
    pub message: String,
    /// How to fix it.
    pub hint: Option<String>,
}

/// The errors of files that are read together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    files: Vec<String>,
    found: Vec<Fault>,
    /// What may be meant as it is.
    notes: Vec<Fault>,
    /// Nodes without a value, for which nothing else is reported.
    without_value: Vec<(Place, Path)>,
}

impl Faults {
    /// No errors yet, in a file of this name.
    pub fn of(file: impl Into<String>) -> Self {
        Self { files: vec![file.into()], ..Self::default() }
    }

    /// Continues with another file: what is parsed from now on has its place there.
    pub fn begin(&mut self, file: impl Into<String>) {
        self.files.push(file.into());
    }

    /// The number of the file that is being parsed.
    pub(super) fn current(&self) -> usize {
        self.files.len().saturating_sub(1)
    }

    /// Adds an error, unless it is already known at the same place.
    pub fn add(&mut self, fault: Fault) {
        let has_value =
            !self.without_value.iter().any(|(place, path)| (*place, path) == (fault.place, &fault.path));
        if has_value && !self.found.contains(&fault) {
            self.found.push(fault);
        }
    }

    /// Adds an error and ignores further ones for the same node, because it has no value.
    pub(super) fn last(&mut self, fault: Fault) {
        let node = (fault.place, fault.path.clone());
        self.add(fault);
        self.without_value.push(node);
    }

    /// Adds an error without a hint.
    pub fn at(&mut self, place: Place, path: &Path, message: impl Into<String>) {
        self.add(Fault { place, path: path.clone(), message: message.into(), hint: None });
    }

    /// Adds what is no error, but may not be meant.
    pub fn note(&mut self, note: Fault) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// What is no error, but may not be meant; each with the name of its file.
    pub fn notes(&self) -> impl Iterator<Item = (&str, &Fault)> {
        self.notes.iter().map(|note| (self.file(note), note))
    }

    fn file(&self, fault: &Fault) -> &str {
        self.files.get(fault.place.file).map_or("", String::as_str)
    }

    /// Adds an error at a line and column of the current file.
    pub fn at_line(&mut self, (line, column): (u64, u64), message: impl Into<String>) {
        let place = Place { file: self.current(), line, column };
        self.at(place, &Path::default(), message);
    }

    /// A place with the name of its file: `platform.yml:3`.
    pub fn located_at(&self, place: Place) -> String {
        format!("{}:{}", self.files.get(place.file).map_or("", String::as_str), place.line)
    }

    /// Whether there is an error at or below a node of a file.
    pub fn concern(&self, file: usize, path: &Path) -> bool {
        let is_below = |fault: &Fault| {
            fault
                .path
                .0
                .strip_prefix(&path.0)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        self.found.iter().any(|fault| fault.place.file == file && is_below(fault))
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// The errors, ordered by file and line.
    pub fn sorted(&self) -> Vec<&Fault> {
        let mut faults: Vec<_> = self.found.iter().collect();
        faults.sort_by_key(|fault| fault.place);
        faults
    }

    /// The same, each with the name of its file.
    pub fn located(&self) -> impl Iterator<Item = (&str, &Fault)> {
        self.sorted().into_iter().map(|fault| (self.file(fault), fault))
    }
}

/// One line for each error: `file:line:column: path: message (hint)`.
impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (file, fault)) in self.located().enumerate() {
            if number > 0 {
                formatter.write_str("\n")?;
            }
            write!(formatter, "{file}:{fault}")?;
        }
        Ok(())
    }
}

/// `line:column: path: message (hint)`.
impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: ", self.place.line, self.place.column)?;
        if self.path != Path::default() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(formatter, " ({hint})")?;
        }
        Ok(())
    }
}

/// The known word that a word is a typing error of. Stricter than [`nearest`]: unknown words are no errors by themselves, and
/// short ones resemble each other, such as `pod` and `job`.
pub fn meant_by<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong_letters = match word.len() {
        0..5 => return None,
        5..8 => 1,
        _ => 2,
    };
    let known = known.into_iter().filter(|candidate| candidate.len().abs_diff(word.len()) <= wrong_letters);
    let distances = known.map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate));
    distances.filter(|(distance, _)| *distance <= wrong_letters).min().map(|(_, candidate)| candidate)
}

/// The known word nearest to a misspelt one, if it is near enough. `query` is near to `queries`.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let stem = word.char_indices().next_back().map_or("", |(last, _)| &word[..last]);
    let is_plural = |candidate: &str| stem.len() >= 4 && candidate.starts_with(stem);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| {
            *distance <= 1 + candidate.len().min(word.len()) / 4 || (*distance <= 3 && is_plural(candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?` for a misspelt word.
pub fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, known).map(|candidate| format!("did you mean `{candidate}`?"))
}
