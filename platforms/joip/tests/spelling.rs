//! How a deployment spells the names of its columns.

use regex::Regex;

use super::DOCUMENT;

/// How `createdAt` is written in SQL.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Spelling {
    /// `createdAt`, which PostgreSQL folds to `createdat`.
    Folded,
    /// `"createdAt"`.
    Quoted,
    /// `created_at`.
    Snake,
}

impl Spelling {
    /// SQL with the names spelled so.
    pub(super) fn of(self, sql: &str) -> String {
        let name = Regex::new("[a-z]+([A-Z][a-z]*)+").unwrap();
        let spelled = |found: &regex::Captures<'_>| match self {
            Self::Folded => found[0].to_owned(),
            Self::Quoted => format!("\"{}\"", &found[0]),
            Self::Snake => snake(&found[0]),
        };
        name.replace_all(sql, spelled).into_owned()
    }

    /// The parameters that the documents give for it.
    pub(super) fn parameters(self) -> String {
        let heading = match self {
            Self::Folded => return String::new(),
            Self::Quoted => "quoted names",
            Self::Snake => "snake case",
        };
        let (_, rest) = DOCUMENT.split_once(&format!("# {heading}\n")).unwrap();
        let (block, _) = rest.split_once("```").unwrap();
        block.to_owned()
    }
}

fn snake(name: &str) -> String {
    let upper = Regex::new("[A-Z]").unwrap();
    upper
        .replace_all(name, |found: &regex::Captures<'_>| format!("_{}", found[0].to_lowercase()))
        .into_owned()
}
