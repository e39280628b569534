//! The few strings read from the XML of S3 and STS, regardless of namespaces and nesting.

use std::borrow::Cow;

use quick_xml::escape::unescape;
use quick_xml::events::Event;
use quick_xml::reader::Reader;

/// The text of the first element of this name.
pub(super) fn text(xml: &str, name: &str) -> Option<String> {
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) if element.local_name().as_ref() == name.as_bytes() => {
                let text = reader.read_text(element.name()).ok()?.decode().ok()?.into_owned();
                let text = text.trim();
                return Some(unescape(text).unwrap_or(Cow::Borrowed(text)).into_owned());
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// Truncates a string for a label or message: account numbers and regions are much shorter.
pub(super) fn short(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn the_first_element_of_a_name_is_found_wherever_it_is() {
        let xml = "<?xml version=\"1.0\"?><a:Error xmlns:a=\"urn:a\"><a:Code kind=\"1\"> A&amp;&#66; </a:Code><Code>C</Code>";
        assert_eq!(text(xml, "Code").as_deref(), Some("A&B"));
        assert_eq!(text(xml, "Message"), None);
        assert_eq!(text("<Code>not closed", "Code"), None);
    }

    #[test]
    fn no_nesting_exhausts_the_stack_and_no_entity_is_resolved() {
        let deep = format!("{}<Code>A</Code>", "<a>".repeat(300_000));
        assert_eq!(text(&deep, "Code").as_deref(), Some("A"));
        let entity = "<!DOCTYPE a [<!ENTITY b \"long\">]><Code>&b;</Code>";
        assert_eq!(text(entity, "Code").as_deref(), Some("&b;"));
    }
}
