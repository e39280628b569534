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
    /// Grafana's name, which is another colour in the light theme, or the value.
    ///
    /// The greens of Grafana's palette and its reds are one colour to many people: this green has some blue in it.
    pub(super) const fn grafana(self) -> &'static str {
        match self {
            Self::Ok => "#158C51",
            Self::Warning => "dark-orange",
            Self::Critical => "red",
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
            Self::Ok => "#1B7F4B",
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
    use super::Color::{self, Blue, Critical, Gray, LightBlue, Ok, Unknown, Warning, Yellow};

    type Rgb = [f64; 3];

    /// How people without red or green cones see a colour, of linear light (Machado, Oliveira and Fernandes 2009).
    const DEUTERANOPIA: [Rgb; 3] = [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]];
    const PROTANOPIA: [Rgb; 3] = [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]];
    const XYZ: [Rgb; 3] = [[0.434, 0.376, 0.190], [0.213, 0.715, 0.072], [0.018, 0.109, 0.873]];

    /// A value, or what Grafana's name stands for in the dark and the light theme.
    fn in_theme(color: Color, is_dark: bool) -> [u8; 3] {
        let hex = match (color.grafana(), is_dark) {
            ("dark-orange", true) => "#FA6400",
            ("dark-orange", false) => "#E55400",
            ("red", true) => "#F2495C",
            ("red", false) => "#E02F44",
            ("purple", true) => "#B877D9",
            ("purple", false) => "#A352CC",
            (value, _) => value,
        };
        parsed(hex)
    }

    fn parsed(hex: &str) -> [u8; 3] {
        let [_, color @ ..] = u32::from_str_radix(&hex[1..], 16).unwrap().to_be_bytes();
        color
    }

    fn linear(color: [u8; 3]) -> Rgb {
        color.map(|part| match f64::from(part) / 255.0 {
            dark if dark <= 0.04045 => dark / 12.92,
            part => ((part + 0.055) / 1.055).powf(2.4),
        })
    }

    fn times(matrix: [Rgb; 3], color: Rgb) -> Rgb {
        matrix.map(|row| row.iter().zip(color).map(|(factor, part)| factor * part).sum())
    }

    /// The contrast of two colours, as WCAG 2 defines it.
    fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
        let [one, other] = [one, other].map(|color| times(XYZ, linear(color))[1]);
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// How far apart two colours are for such people: 2 is just noticeable (CIE 1976, whose white is 1, 1, 1 here).
    fn distance(seen: [Rgb; 3], one: [u8; 3], other: [u8; 3]) -> f64 {
        let lab = |color| {
            let [x, y, z] = times(XYZ, times(seen, linear(color))).map(|part| part.max(0.0).cbrt());
            [116.0 * y, 500.0 * (x - y), 200.0 * (y - z)]
        };
        let parts = lab(one).into_iter().zip(lab(other));
        parts.map(|(one, other)| (one - other).powi(2)).sum::<f64>().sqrt()
    }

    /// The colour of the text that Grafana writes on a background.
    fn text_on(background: [u8; 3]) -> [u8; 3] {
        let [red, green, blue] = background.map(u32::from);
        if 299 * red + 587 * green + 114 * blue > 180_000 { [32, 34, 38] } else { [247, 248, 250] }
    }

    #[test]
    fn text_on_every_background_is_readable() {
        for color in [Ok, Warning, Critical, Unknown, Blue, LightBlue, Yellow, Gray] {
            let background = parsed(color.background());
            let contrast = contrast(background, text_on(background));
            assert!(contrast >= 4.5, "{color:?}: {contrast:.2}");
        }
    }

    #[test]
    fn coloured_text_is_readable_in_both_themes() {
        for (is_dark, panel) in [(true, "#181B1F"), (false, "#FFFFFF")] {
            for (color, least) in [(Ok, 4.0), (Warning, 3.7), (Critical, 4.5), (Unknown, 4.5)] {
                let contrast = contrast(in_theme(color, is_dark), parsed(panel));
                assert!(contrast >= least, "{color:?}, dark {is_dark}: {contrast:.2}");
            }
        }
    }

    #[test]
    fn states_differ_for_the_colour_blind() {
        for (one, other) in [(Ok, Critical), (Ok, Warning), (Warning, Critical), (Ok, Unknown)] {
            for seen in [DEUTERANOPIA, PROTANOPIA] {
                let texts = [true, false].map(|is_dark| [one, other].map(|color| in_theme(color, is_dark)));
                let backgrounds = [one, other].map(|color| parsed(color.background()));
                for [first, second] in texts.into_iter().chain([backgrounds]) {
                    let distance = distance(seen, first, second);
                    assert!(distance >= 15.0, "{one:?} and {other:?}: {distance:.1}");
                }
            }
        }
    }
}
