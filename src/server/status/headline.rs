//! The main values of a source on the status page.

use std::sync::Arc;

use platform_core::kind::{Headline, HeadlineUnit};
use platform_core::metric::Lines;

use crate::registry::Kind;

/// The titles and values of the kind's headlines for which the source has a value.
pub(super) fn values(kind: Kind, families: &[Arc<Lines>]) -> Vec<(&'static str, String)> {
    let value = |headline: &Headline| {
        let family = families.iter().find(|family| family.desc().name == headline.metric)?;
        Some((headline.title, format(family.sum(), headline.unit)))
    };
    kind.facts().headlines.iter().filter_map(value).collect()
}

fn format(value: f64, unit: HeadlineUnit) -> String {
    match unit {
        HeadlineUnit::Count => thousands(value),
        HeadlineUnit::Bytes => bytes(value),
        HeadlineUnit::Seconds if value < 1.0 => format!("{:.1} ms", value * 1000.0),
        HeadlineUnit::Seconds => format!("{value:.1} s"),
    }
}

/// `1234567` as `1 234 567`.
fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

fn bytes(mut value: f64) -> String {
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{value:.0} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} PiB")
}
