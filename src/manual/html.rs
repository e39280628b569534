//! Markdown as HTML with a name for each heading, so that alerts can link to their sections.

use pulldown_cmark::{CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

/// Where relative links lead: to the repository, because the binary does not contain their targets.
const REPOSITORY: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main");

/// A text in Markdown.
pub(super) struct MarkdownText<'a> {
    pub(super) text: &'a str,
    /// The name of its title in links. Headings are then one level lower, below the title of the page. A text without a
    /// name is the page itself: its title is left out.
    pub(super) name: Option<&'a str>,
    /// The folder where its relative links start.
    pub(super) folder: &'a str,
}

/// The name of a section in links.
pub(super) fn anchor(heading: &str) -> String {
    heading.trim().replace(' ', "-")
}

impl MarkdownText<'_> {
    /// As HTML, without the HTML that it contains.
    pub(super) fn html(&self) -> String {
        let events: Vec<_> = Parser::new_ext(self.text, Options::ENABLE_TABLES).collect();
        let mut shown = Vec::with_capacity(events.len());
        let mut is_hidden = false;
        for (index, event) in events.iter().enumerate() {
            match event {
                Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) if self.name.is_none() => {
                    is_hidden = true;
                }
                Event::End(TagEnd::Heading(HeadingLevel::H1)) if is_hidden => is_hidden = false,
                _ if is_hidden => {}
                Event::Start(Tag::Heading { level, .. }) => {
                    shown.push(self.heading(*level, &heading_text(&events[index + 1..])));
                }
                Event::End(TagEnd::Heading(level)) => {
                    shown.push(Event::End(TagEnd::Heading(self.level(*level))));
                }
                event => shown.extend(self.event(event.clone())),
            }
        }
        let mut html = String::new();
        pulldown_cmark::html::push_html(&mut html, shown.into_iter());
        html
    }

    fn heading(&self, level: HeadingLevel, text: &str) -> Event<'static> {
        let name = match (level, self.name) {
            (HeadingLevel::H1, Some(name)) => name.to_owned(),
            _ => anchor(text),
        };
        let (level, id) = (self.level(level), Some(CowStr::from(name)));
        Event::Start(Tag::Heading { level, id, classes: Vec::new(), attrs: Vec::new() })
    }

    fn level(&self, level: HeadingLevel) -> HeadingLevel {
        let lower = self.name.and_then(|_| HeadingLevel::try_from(level as usize + 1).ok());
        lower.unwrap_or(level)
    }

    fn event<'a>(&self, event: Event<'a>) -> Vec<Event<'a>> {
        match event {
            // A wide table scrolls by itself.
            Event::Start(Tag::Table(_)) => vec![Event::Html("<div class=\"scroll\">".into()), event],
            Event::End(TagEnd::Table) => vec![event, Event::Html("</div>\n".into())],
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let dest_url = self.target(link_type, dest_url);
                vec![Event::Start(Tag::Link { link_type, dest_url, title, id })]
            }
            Event::Html(_) | Event::Start(Tag::HtmlBlock) | Event::End(TagEnd::HtmlBlock) => Vec::new(),
            Event::InlineHtml(text) => vec![Event::Text(text)],
            event => vec![event],
        }
    }

    fn target<'a>(&self, link_type: LinkType, url: CowStr<'a>) -> CowStr<'a> {
        let is_complete = url.contains("://") || url.starts_with('#') || link_type == LinkType::Email;
        if is_complete { url } else { format!("{REPOSITORY}/{}/{url}", self.folder).into() }
    }
}

/// The text of a heading, from the events after its start.
fn heading_text(events: &[Event<'_>]) -> String {
    let own = events.iter().take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    let text = own.map(|event| match event {
        Event::Text(text) | Event::Code(text) => text.as_ref(),
        _ => "",
    });
    text.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_have_names_and_links_lead_to_the_repository() {
        let text =
            "# Redis\n\n## RedisDown\n\nSee [its page](README.md), <https://redis.io> and <b>this</b>.\n";
        let html = MarkdownText { text, name: Some("redis"), folder: "kinds/redis" }.html();
        for part in [
            "<h2 id=\"redis\">Redis</h2>",
            "<h3 id=\"RedisDown\">RedisDown</h3>",
            "/blob/main/kinds/redis/README.md\">its page</a>",
            "<a href=\"https://redis.io\">",
            "&lt;b&gt;this&lt;/b&gt;",
        ] {
            assert!(html.contains(part), "{part} is missing in:\n{html}");
        }
    }

    #[test]
    fn comments_and_the_hidden_title_are_left_out() {
        let html =
            MarkdownText { text: "# Title\n\n<!-- edit that -->\n\nText.\n", name: None, folder: "" }.html();
        assert_eq!(html, "<p>Text.</p>\n");
    }

    #[test]
    fn a_table_scrolls_by_itself() {
        let html = MarkdownText { text: "|a|b|\n|-|-|\n|1|2|\n", name: None, folder: "" }.html();
        assert!(
            html.starts_with("<div class=\"scroll\"><table>") && html.ends_with("</table>\n</div>\n"),
            "{html}"
        );
    }
}
