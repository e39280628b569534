//! The runbooks: a chapter for the exporter, one for all sources, and one for each kind and each built-in pack.

use std::fmt::Write;

use crate::pack;
use crate::registry::Kind;

/// What precedes the chapters.
pub(super) const INTRODUCTION: &str = include_str!("../../bundle/runbooks.md");

/// The runbook of one folder.
pub(super) struct Chapter {
    /// Its name in links: the name of the kind or pack.
    pub(super) name: &'static str,
    /// Its folder, from the root of the repository, where its relative links start.
    pub(super) folder: String,
    /// A title, and a section for each alert, in Markdown.
    pub(super) text: &'static str,
}

/// Every chapter, in the order of the page.
pub(super) fn chapters() -> impl Iterator<Item = Chapter> {
    let own = [
        ("exporter", include_str!("../../bundle/exporter.runbook.md")),
        ("sources", include_str!("../../bundle/sources.runbook.md")),
    ];
    let own = own.into_iter().map(|(name, text)| Chapter { name, folder: "bundle".to_owned(), text });
    let kinds = Kind::ALL.iter().map(|kind| Chapter {
        name: kind.as_str(),
        folder: format!("kinds/{kind}"),
        text: kind.facts().runbook,
    });
    let packs = pack::EMBEDDED.iter().map(|pack| Chapter {
        name: pack.name,
        folder: format!("platforms/{}", pack.name),
        text: pack.runbook,
    });
    own.chain(kinds).chain(packs)
}

/// Whether the runbooks have a section for an alert.
pub fn has_alert(name: &str) -> bool {
    chapters().any(|chapter| section_titles(chapter.text).any(|alert| alert == name))
}

/// The titles of its sections: in a chapter, each is an alert.
pub(super) fn section_titles(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix("## ")).map(str::trim)
}

/// All runbooks as one page in Markdown, `alerts/runbooks.md`.
pub fn runbooks() -> String {
    let mut page = INTRODUCTION.to_owned();
    for Chapter { folder, text, .. } in chapters() {
        page.push('\n');
        for line in text.lines() {
            // Headings are one level lower on the common page, and links start there.
            let level = if line.starts_with('#') { "#" } else { "" };
            let line = line.replace("](", &format!("](../{folder}/"));
            writeln!(page, "{level}{line}").expect("writing to a string does not fail");
        }
    }
    page
}
