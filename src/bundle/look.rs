//! How values look: their unit, colours and words, and where a click on them leads.

use std::collections::BTreeMap;

use super::unit::Unit;

/// How values look.
#[derive(Clone, Debug, Default)]
pub(super) struct PanelLook {
    pub(super) unit: Option<Unit>,
    pub(super) decimals: Option<u8>,
    pub(super) thresholds: Option<Thresholds>,
    /// By number, or by text.
    pub(super) words: BTreeMap<String, Word>,
    /// Whether the colour fills a card, with the text on it.
    pub(super) fills_card: bool,
}

impl PanelLook {
    /// Grafana's name of a colour, or its value.
    pub(super) const fn color(&self, color: Color) -> &'static str {
        if self.fills_card { color.background() } else { color.grafana() }
    }
}

/// Thresholds. A warning above the critical value means that lower is worse.
#[derive(Clone, Copy, Debug, serde::Deserialize, schemars::JsonSchema)]
pub(super) struct Thresholds {
    pub(super) warning: f64,
    pub(super) critical: Option<f64>,
}

/// The text for a value.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
pub(super) struct Word {
    pub(super) text: String,
    #[serde(default)]
    pub(super) color: Color,
}

/// What a colour means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Color {
    Ok,
    Warning,
    Critical,
    Unknown,
    #[default]
    Plain,
    /// For series that are neither good nor bad.
    Blue,
    LightBlue,
    Yellow,
    Gray,
}

impl Color {
    /// Grafana's name: those of its palette that are best distinguishable for colour-blind people.
    ///
    /// A name is another colour in the light theme.
    pub(super) const fn grafana(self) -> &'static str {
        match self {
            Self::Ok => "semi-dark-green",
            Self::Warning => "semi-dark-orange",
            Self::Critical => "semi-dark-red",
            Self::Unknown => "purple",
            Self::Plain => "text",
            Self::Blue => "semi-dark-blue",
            Self::LightBlue => "light-blue",
            Self::Yellow => "semi-dark-yellow",
            Self::Gray => "gray",
        }
    }

    /// The same as a background, in both themes. Grafana writes in white on it, or in black where it is bright: each has a
    /// contrast of 4.5 or more.
    const fn background(self) -> &'static str {
        match self {
            Self::Ok => "#2E7D32",
            Self::Warning => "#FFB357",
            Self::Critical => "#C4162A",
            Self::Unknown => "#8F3BB8",
            Self::Plain => "text",
            Self::Blue => "#1F60C4",
            Self::LightBlue => "#A5C8FF",
            Self::Yellow => "#F2CC0C",
            Self::Gray => "#5F6670",
        }
    }
}

/// Where a click leads to.
#[derive(Clone, Debug)]
pub(super) enum PanelLink {
    /// The dashboard of the kind in the value's label, for its source.
    Kind,
    /// A dashboard of the bundle, by name.
    Dashboard(String),
    /// An address; Grafana's variables are replaced.
    Address(String),
}

#[cfg(test)]
mod tests {
    use super::Color;

    /// The contrast of two colours, as WCAG 2 defines it.
    fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
        let luminance = |color: [u8; 3]| {
            let [red, green, blue] = color.map(|part| match f64::from(part) / 255.0 {
                dark if dark <= 0.04045 => dark / 12.92,
                part => ((part + 0.055) / 1.055).powf(2.4),
            });
            0.2126 * red + 0.7152 * green + 0.0722 * blue
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// The colour of the text that Grafana writes on a background.
    fn text_on(background: [u8; 3]) -> [u8; 3] {
        let [red, green, blue] = background.map(u32::from);
        if 299 * red + 587 * green + 114 * blue > 180_000 { [32, 34, 38] } else { [247, 248, 250] }
    }

    #[test]
    fn text_on_every_background_is_readable() {
        use Color::{Blue, Critical, Gray, LightBlue, Ok, Unknown, Warning, Yellow};

        for color in [Ok, Warning, Critical, Unknown, Blue, LightBlue, Yellow, Gray] {
            let hex = u32::from_str_radix(&color.background()[1..], 16).unwrap();
            let [_, background @ ..] = hex.to_be_bytes();
            let contrast = contrast(background, text_on(background));
            assert!(contrast >= 4.5, "{color:?}: {contrast:.2}");
        }
    }
}
