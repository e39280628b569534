//! The pages of the documentation.

use askama::Template;

use super::catalogue::MetricCatalogue;
use super::chapters::{INTRODUCTION, chapters, section_titles};
use super::examples::examples;
use super::html::{MarkdownText, anchor};

/// A page: a list of contents, and the text.
#[derive(Template)]
#[template(path = "manual.html")]
struct ManualPage {
    version: &'static str,
    title: &'static str,
    /// What is above the contents.
    introduction: String,
    contents: Vec<ContentsEntry>,
    text: String,
}

/// A part of a page, by its name in links.
struct ContentsEntry {
    name: String,
    title: String,
    sections: Vec<String>,
    has_example: bool,
}

/// The runbooks, with a section for each alert: `/runbooks#RedisMemoryHigh`.
pub fn runbooks_page() -> String {
    let contents = chapters().map(|chapter| ContentsEntry {
        name: chapter.name.to_owned(),
        title: chapter.text.lines().next().unwrap_or_default().trim_start_matches("# ").to_owned(),
        sections: section_titles(chapter.text).map(str::to_owned).collect(),
        has_example: false,
    });
    let text = chapters().map(|chapter| {
        MarkdownText { text: chapter.text, name: Some(chapter.name), folder: &chapter.folder }.html()
    });
    ManualPage {
        version: env!("CARGO_PKG_VERSION"),
        title: "Runbooks",
        introduction: MarkdownText { text: INTRODUCTION, name: None, folder: "bundle" }.html(),
        contents: contents.collect(),
        text: text.collect(),
    }
    .rendered()
}

/// The reference of all metrics, as `platform_exporter catalog` prints it: `/reference#redis`.
pub fn reference_page() -> String {
    let text = MetricCatalogue::new(None).markdown();
    let titles = section_titles(&text).map(|title| ContentsEntry {
        name: anchor(title),
        title: title.to_owned(),
        sections: Vec::new(),
        has_example: examples().any(|(name, _)| name == title),
    });
    ManualPage {
        version: env!("CARGO_PKG_VERSION"),
        title: "Metrics",
        introduction: String::new(),
        contents: titles.collect(),
        text: MarkdownText { text: &text, name: None, folder: "docs" }.html(),
    }
    .rendered()
}

impl ManualPage {
    fn rendered(&self) -> String {
        self.render().unwrap_or_else(|error| format!("the page cannot be rendered: {error}"))
    }
}
