//! Content negotiation. Pure.
//!
//! <https://www.rfc-editor.org/rfc/rfc9110#section-12.5>,
//! <https://prometheus.io/docs/instrumenting/content_negotiation/>

use platform_core::metric::Format;

use crate::snapshot::Coding;

/// One element of an `Accept` or `Accept-Encoding` header.
struct Element<'a> {
    name: &'a str,
    quality: f32,
    version: Option<&'a str>,
}

impl Element<'_> {
    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The best format that an `Accept` header allows; text 0.0.4 if it allows none, because every client reads that.
pub(super) fn format(accept: Option<&str>) -> Format {
    best(accept.unwrap_or_default(), |element| match element.version {
        None | Some("1.0.0") if element.is("application/openmetrics-text") => Some(Format::OpenMetrics),
        None | Some("0.0.4") if element.is("text/plain") => Some(Format::Text),
        _ => (element.is("text/*") || element.is("*/*")).then_some(Format::Text),
    })
    .unwrap_or(Format::Text)
}

/// The best coding that an `Accept-Encoding` header allows.
pub(super) fn coding(accept_encoding: Option<&str>) -> Coding {
    best(accept_encoding.unwrap_or_default(), |element| {
        if element.is("gzip") || element.is("x-gzip") {
            Some(Coding::Gzip)
        } else {
            element.is("identity").then_some(Coding::Identity)
        }
    })
    .unwrap_or(Coding::Identity)
}

/// The meaning of the element with the highest quality; the first among equals.
fn best<T>(header: &str, meaning: impl Fn(&Element<'_>) -> Option<T>) -> Option<T> {
    let mut best: Option<(f32, T)> = None;
    for element in header.split(',').map(element).filter(|element| element.quality > 0.0) {
        if best.as_ref().is_none_or(|(quality, _)| element.quality > *quality)
            && let Some(meaning) = meaning(&element)
        {
            best = Some((element.quality, meaning));
        }
    }
    best.map(|(_, meaning)| meaning)
}

fn element(text: &str) -> Element<'_> {
    let mut parts = text.split(';').map(str::trim);
    let mut element = Element { name: parts.next().unwrap_or_default(), quality: 1.0, version: None };
    for (key, value) in parts.filter_map(|part| part.split_once('=')) {
        match key.trim() {
            "q" => element.quality = value.trim().parse().unwrap_or(0.0),
            "version" => element.version = Some(value.trim().trim_matches('"')),
            _ => {}
        }
    }
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMETHEUS_2_42: &str = "application/openmetrics-text;version=1.0.0,\
        application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const PROMETHEUS_3: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
        application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
        text/plain;version=0.0.4;q=0.2,*/*;q=0.1";

    #[test]
    fn format_is_the_best_that_the_client_reads() {
        for (accept, expected) in [
            (None, Format::Text),
            (Some(""), Format::Text),
            (Some("*/*"), Format::Text),
            (Some(PROMETHEUS_2_42), Format::OpenMetrics),
            (Some(PROMETHEUS_3), Format::OpenMetrics),
            (Some("text/plain;version=0.0.4"), Format::Text),
            (Some("application/openmetrics-text; version=\"1.0.0\"; charset=utf-8"), Format::OpenMetrics),
            (Some("application/openmetrics-text;version=0.0.1"), Format::Text),
            (Some("application/openmetrics-text;q=0, text/plain"), Format::Text),
            (Some("application/openmetrics-text;q=0.2,text/plain;q=0.3"), Format::Text),
            (
                Some("application/vnd.google.protobuf;proto=x;encoding=delimited;q=0.6,text/plain;q=0.5"),
                Format::Text,
            ),
            (Some("Application/OpenMetrics-Text"), Format::OpenMetrics),
            (Some("text/html;q=high,image/png"), Format::Text),
        ] {
            assert_eq!(format(accept), expected, "{accept:?}");
        }
    }

    #[test]
    fn gzip_is_sent_only_where_it_is_read() {
        for (accept, expected) in [
            (None, Coding::Identity),
            (Some("gzip"), Coding::Gzip),
            (Some("deflate, gzip;q=1.0, *;q=0.5"), Coding::Gzip),
            (Some("gzip;q=0"), Coding::Identity),
            (Some("identity, gzip;q=0.5"), Coding::Identity),
            (Some("br"), Coding::Identity),
        ] {
            assert_eq!(coding(accept), expected, "{accept:?}");
        }
    }
}
