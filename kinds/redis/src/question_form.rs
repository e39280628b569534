//! The forms of a query. A query whose keys do not fit together has none.

use std::collections::BTreeMap;

use platform_core::query::{Language, Misuse};
use regex::Regex;

use super::command::shape;
use super::command_error::CommandError;
use super::command_list::ReplyShape;
use super::placeholders::ID;
use super::question::RedisQuestion;

impl Language for RedisQuestion {
    const KEY: &'static str = "redis";

    fn check(&self) -> Result<(), Misuse> {
        QuestionForm::of(self).map(drop)
    }
}

/// What a query does.
#[derive(Debug)]
pub(super) enum QuestionForm<'a> {
    /// One command.
    Command(&'a [String]),
    /// A command for each of these keys.
    ForKeys { command: &'a [String], keys: &'a [String] },
    /// A walk over the keys that match a pattern.
    Scan { pattern: &'a str, wanted: WantedKeys<'a> },
    /// Numbers about each of several ids.
    Read { ids: ReadIds<'a>, columns: &'a BTreeMap<String, Vec<Vec<String>>> },
}

/// The keys of sets.
#[derive(Clone, Copy, Debug)]
pub(super) enum SetKeys<'a> {
    One(&'a str),
    Matching(&'a str),
}

/// What is read about.
#[derive(Debug)]
pub(super) enum ReadIds<'a> {
    /// Nothing in particular: the commands are whole.
    None,
    /// The members of a set, or of all sets whose keys match a pattern, or the ids in them.
    Members { sets: SetKeys<'a>, id: Option<Regex> },
    /// The ids in the keys that match a pattern.
    Keys { pattern: &'a str, id: Regex },
}

/// What is wanted of the keys of a walk.
#[derive(Debug)]
pub(super) enum WantedKeys<'a> {
    /// Their number.
    Count,
    /// What each holds.
    Values,
    /// The patterns of their names, after so many steps at most.
    Patterns(u32),
    /// The distinct ids in their names.
    Ids(Regex),
    /// How many of the keys of an id hold at least its number.
    Reached(Regex, &'a BTreeMap<String, f64>),
}

/// The commands of every walk over all keys.
pub(super) const WALK: &[&str] = &["DBSIZE", "SCAN"];

/// A look at patterns takes at most so many steps.
const MOST_STEPS: u32 = 1000;

impl<'a> QuestionForm<'a> {
    /// The form of a query.
    pub(super) fn of(question: &'a RedisQuestion) -> Result<Self, Misuse> {
        let RedisQuestion { command, keys, scan, read, members_of, .. } = question;
        match (command, scan) {
            _ if !read.is_empty() => {
                let form = Self::Read { ids: ReadIds::of(question)?, columns: read };
                form.check_read()?;
                Ok(form)
            }
            _ if members_of.is_some() => Err("expected `read` together with `members_of`".into()),
            (None, Some(_)) if !keys.is_empty() => Err("expected `command` together with `keys`".into()),
            (None, Some(pattern)) => Ok(Self::Scan { pattern, wanted: WantedKeys::of(question)? }),
            (Some(command), None) => {
                WantedKeys::none(question)?;
                let shape = shape(command)?;
                match keys.is_empty() {
                    true => Ok(Self::Command(command)),
                    false if shape == ReplyShape::Values => Ok(Self::ForKeys { command, keys }),
                    false => {
                        Err("expected a command with a single answer for `keys`, such as LLEN, ZCARD or GET"
                            .into())
                    }
                }
            }
            _ => Err(NO_FORM.into()),
        }
    }

    fn check_read(&self) -> Result<(), Misuse> {
        let Self::Read { ids, columns } = self else { return Ok(()) };
        let commands: Vec<_> = columns.values().flatten().collect();
        if commands.len() > MOST_COMMANDS || columns.values().any(Vec::is_empty) {
            return Err("expected a command in each column of `read`, and at most 20 in all".into());
        }
        for words in &commands {
            if shape(words).map_err(CommandError::elsewhere)? != ReplyShape::Values {
                return Err(
                    "expected commands with a single answer in `read`, such as LLEN, ZCARD or GET".into()
                );
            }
        }
        let has_id = commands.iter().any(|words| words.iter().any(|word| word.contains(ID)));
        match ids.column() {
            Some(column) if columns.contains_key(column) => {
                Err("expected columns in `read` that have another name than that of the ids".into())
            }
            None if has_id => Err("expected `members_of` or `scan` for `{id}` in `read`".into()),
            _ => Ok(()),
        }
    }
}

/// The commands of a query are at most so many for each id.
const MOST_COMMANDS: usize = 20;

impl<'a> ReadIds<'a> {
    fn of(question: &'a RedisQuestion) -> Result<Self, Misuse> {
        let RedisQuestion { command, keys, scan, members_of, id, values, patterns, at_least, .. } = question;
        let is_alone =
            command.is_none() && keys.is_empty() && !values && patterns.is_none() && at_least.is_none();
        match (members_of, scan, id) {
            (None, None, None) if is_alone => Ok(Self::None),
            (Some(set), None, id) if is_alone => {
                let sets = if set.contains('*') { SetKeys::Matching(set) } else { SetKeys::One(set) };
                Ok(Self::Members { sets, id: id.as_deref().map(with_group).transpose()? })
            }
            (None, Some(pattern), Some(id)) if is_alone => Ok(Self::Keys { pattern, id: with_group(id)? }),
            _ => Err("expected `read` alone, with `members_of`, or with `scan` and `id`".into()),
        }
    }

    /// The name of the column that holds the ids.
    pub(super) fn column(&self) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Members { id: None, .. } => Some("id"),
            Self::Members { id: Some(id), .. } | Self::Keys { id, .. } => Some(column_of(id)),
        }
    }
}

/// The column that holds ids, named after the group.
pub(super) fn column_of(id: &Regex) -> &str {
    id.capture_names().nth(1).flatten().unwrap_or("id")
}

const NO_FORM: &str = "expected either `command`, or `scan`, with or without `id`";

impl<'a> WantedKeys<'a> {
    fn of(question: &'a RedisQuestion) -> Result<Self, Misuse> {
        let RedisQuestion { values, patterns, id, at_least, .. } = question;
        match (values, patterns, id, at_least) {
            (false, None, None, None) => Ok(Self::Count),
            (true, None, None, None) => Ok(Self::Values),
            (false, Some(steps @ 1..=MOST_STEPS), None, None) => Ok(Self::Patterns(*steps)),
            (false, Some(_), None, None) => {
                Err("expected a number of steps from 1 to 1000 in `patterns`: each looks at 1,000 keys"
                    .into())
            }
            (false, None, None, Some(_)) => {
                Err("expected `id` together with `at_least`: it names a key's counter".into())
            }
            (false, None, Some(id), None) => Ok(Self::Ids(with_group(id)?)),
            (false, None, Some(id), Some(least)) => Ok(Self::Reached(with_group(id)?, least)),
            (true, ..) => Err(VALUES_ALONE.into()),
            (false, Some(_), ..) => Err("expected `patterns` together with `scan`, and without `id`".into()),
        }
    }

    /// The commands that the walk needs; those behind SCAN for the keys that it finds.
    pub(super) fn commands(&self) -> &'static [&'static str] {
        match self {
            Self::Count | Self::Ids(_) => WALK,
            Self::Values | Self::Reached(..) => &["DBSIZE", "SCAN", "GET"],
            Self::Patterns(_) => &["SCAN", "TYPE"],
        }
    }

    /// Checks that nothing is wanted that needs a walk.
    fn none(question: &RedisQuestion) -> Result<(), Misuse> {
        let RedisQuestion { values, patterns, id, at_least, .. } = question;
        match (values, patterns, id, at_least) {
            (false, None, None, None) => Ok(()),
            (true, ..) => Err(VALUES_ALONE.into()),
            _ => Err(NO_FORM.into()),
        }
    }
}

const VALUES_ALONE: &str = "expected `values` together with `scan`, and without `id`";

/// A regular expression with a group.
fn with_group(id: &str) -> Result<Regex, Misuse> {
    match Regex::new(id) {
        Ok(id) if id.captures_len() > 1 => Ok(id),
        _ => Err("expected a regular expression with a group in `id`, as in `^session:([^:]+)`".into()),
    }
}
