//! A valid dashboard: parsed by the grammar, ready to be rendered.

use std::collections::BTreeMap;

use platform_core::setting::Duration;

use super::column::Table;
use super::look::{Color, PanelLink, PanelLook};
use crate::registry::Kind;

/// Who may see a dashboard.
///
/// Everybody who may see a dashboard in Grafana may also send queries of their own to its data sources. A dashboard that
/// queries an application's database is therefore served by a Grafana of its own, with users of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    Everybody,
    Restricted,
}

/// A dashboard.
#[derive(Clone, Debug)]
pub(super) struct Dashboard {
    pub(super) title: String,
    /// What it is about.
    pub(super) about: String,
    /// The initial time range, as in `6h`.
    pub(super) range: Duration,
    pub(super) variables: Vec<Variable>,
    /// A pattern of the names of its sources, if it is about some.
    pub(super) sources: Option<String>,
    pub(super) rows: Vec<Row>,
}

/// A variable set by the viewer.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) choice: Choice,
    /// Whether several values, or all, may be selected.
    pub(super) many: bool,
    /// Whether the viewer does not see it.
    pub(super) is_hidden: bool,
}

impl Variable {
    /// The variable that selects a source of a kind.
    pub(super) fn source(name: &str, kind: Kind) -> Self {
        Self::of_sources(name, &format!("platform_source_up{{kind=\"{kind}\"}}"))
    }

    /// The variable that selects one of the deployments of a pack.
    pub(super) fn deployment(pack: &str) -> Self {
        Self::of_label("deployment", &format!("platform_source_pack_info{{pack=\"{pack}\"}}"))
    }

    /// The variable that follows from the deployment: the source that is its input.
    pub(super) fn input(pack: &str, input: &str) -> Self {
        let matchers = format!("pack=\"{pack}\", deployment=\"$deployment\", input=\"{input}\"");
        let series = format!("platform_source_pack_info{{{matchers}}}");
        Self { is_hidden: true, ..Self::of_sources(input, &series) }
    }

    fn of_sources(name: &str, series: &str) -> Self {
        Self { name: name.to_owned(), label: title_of(name), ..Self::of_label("source", series) }
    }

    /// A variable with the name of a label.
    fn of_label(label: &str, series: &str) -> Self {
        Self {
            name: label.to_owned(),
            label: title_of(label),
            choice: Choice::Query(format!("label_values({series}, {label})")),
            many: false,
            is_hidden: false,
        }
    }
}

/// Where the values of a variable come from.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    /// A label query to Prometheus, as in `label_values(…)`.
    Query(String),
    /// A SELECT to the PostgreSQL data source.
    Sql(String),
    /// A list.
    List(Vec<String>),
    /// Free text; this is the initial value.
    Typed(String),
}

/// Panels under one title.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) title: Option<String>,
    /// Whether its panels are hidden, and not queried, until the viewer opens it.
    pub(super) collapsed: bool,
    /// Which of the kinds' own panels come first.
    pub(super) of_kinds: Option<OfKinds>,
    pub(super) panels: Vec<Panel>,
}

/// What kinds of source add to the overview.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum OfKinds {
    Cards,
    Charts,
}

impl OfKinds {
    pub(super) const ALL: [Self; 2] = [Self::Cards, Self::Charts];

    /// The key in a kind's file.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Cards => "cards",
            Self::Charts => "charts",
        }
    }
}

/// A panel.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) title: String,
    /// What the values mean.
    pub(super) help: String,
    /// Of 24 columns; default: that of the panel type.
    pub(super) width: Option<u16>,
    /// In units of about 30 pixels; default: that of the panel type.
    pub(super) height: Option<u16>,
    /// Text shown if there is no value.
    pub(super) empty: String,
    pub(super) link: Option<PanelLink>,
    /// Of series, by their names in the legend.
    pub(super) colors: BTreeMap<String, Color>,
    pub(super) panel_type: PanelType,
}

/// What a panel shows and how.
#[derive(Clone, Debug)]
pub(super) enum PanelType {
    /// One or a few large values.
    Stat(Stat),
    /// A card for each source that the matchers select.
    Status {
        matchers: String,
        /// How many sources these are, as far as that is known.
        cards: usize,
    },
    /// Lines, areas or bars over the dashboard's time range, or over a fixed duration.
    Timeseries { series: Vec<Series>, stack: bool, bars: bool, over: Option<Duration> },
    /// A bar for each series.
    Bar { series: Vec<Series> },
    /// A slice for each series.
    Pie { series: Vec<Series> },
    /// How the observations of a histogram are spread over its buckets, over time.
    Heatmap(Series),
    /// Rows and columns.
    Table(Table),
    /// A band for each series, coloured by state, over a fixed duration.
    States { series: Vec<Series>, over: Duration },
    /// The problems of the sources that the matchers select, and their last success.
    Problems { matchers: String },
    /// Firing alerts.
    Alerts { matchers: String },
    /// Markdown.
    Text { markdown: String },
}

impl PanelType {
    /// The series of types that have some.
    pub(super) fn series(&self) -> &[Series] {
        match self {
            Self::Stat(Stat { series, .. })
            | Self::Timeseries { series, .. }
            | Self::Bar { series }
            | Self::Pie { series }
            | Self::States { series, .. } => series,
            Self::Heatmap(series) => std::slice::from_ref(series),
            Self::Table(_)
            | Self::Status { .. }
            | Self::Problems { .. }
            | Self::Alerts { .. }
            | Self::Text { .. } => &[],
        }
    }
}

/// One or a few large values.
#[derive(Clone, Debug)]
pub(super) struct Stat {
    pub(super) series: Vec<Series>,
    /// How far back the sparkline reaches.
    pub(super) trend: Option<Duration>,
    /// Whether the change over that time is shown.
    pub(super) change: bool,
    /// Whether to show the last known value, marked as such, if there is no current one.
    pub(super) last_known: bool,
    /// The kind over all of whose sources it is, in the overview.
    pub(super) of_kind: Option<Kind>,
    pub(super) show: Show,
}

impl Stat {
    /// Whether the colour fills the card.
    pub(super) fn is_filled(&self) -> bool {
        self.series.iter().any(|series| series.look.fills_card)
    }
}

/// What a card shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Show {
    /// The value, and the names if there are several.
    #[default]
    Value,
    /// The name: for info metrics, which are always 1 and carry information in labels.
    Name,
}

/// A query with the look of its values.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// The name in the legend; `{{label}}` stands for the label's value.
    pub(super) name: String,
    pub(super) question: PanelQuery,
    pub(super) look: PanelLook,
}

/// The query and its data source.
#[derive(Clone, Debug)]
pub(super) enum PanelQuery {
    Promql(String),
    Sql(String),
}

impl PanelQuery {
    /// The expression, if it is a Prometheus query.
    pub(super) fn promql(&self) -> Option<&str> {
        match self {
            Self::Promql(expr) => Some(expr),
            Self::Sql(_) => None,
        }
    }
}

/// A name as a title: `slow_command` as `Slow command`.
pub(super) fn title_of(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
