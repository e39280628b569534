//! A dashboard without faults: what the grammar makes, and what is rendered.

use std::collections::BTreeMap;

use platform_core::setting::Duration;

use super::unit::Unit;
use crate::registry::Kind;

/// A dashboard.
#[derive(Clone, Debug)]
pub(super) struct Dashboard {
    pub(super) title: String,
    /// What question it answers.
    pub(super) about: String,
    /// The range of time that is shown at first, as in `6h`.
    pub(super) range: Duration,
    pub(super) variables: Vec<Variable>,
    pub(super) rows: Vec<Row>,
}

/// A variable that the viewer sets.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) choice: Choice,
    /// Whether several values may be chosen, and all.
    pub(super) many: bool,
}

impl Variable {
    /// The one that chooses a source of a kind.
    pub(super) fn source(name: &str, kind: Kind) -> Self {
        Self::of_sources(name, &format!("platform_source_up{{kind=\"{kind}\"}}"))
    }

    /// The one that chooses a source that some of these queries are put to, under whatever name their pack has.
    pub(super) fn asked(name: &str, queries: &[&str]) -> Self {
        let queries = queries.join("|");
        Self::of_sources(name, &format!("platform_query_max_age_seconds{{query=~\".+[.]({queries})\"}}"))
    }

    fn of_sources(name: &str, series: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: super::sort::title_of(name),
            choice: Choice::Query(format!("label_values({series}, source)")),
            many: false,
        }
    }
}

/// Where the values of a variable come from.
#[derive(Clone, Debug)]
pub(super) enum Choice {
    /// A question about labels to Prometheus, as in `label_values(…)`.
    Query(String),
    /// A SELECT to the PostgreSQL data source.
    Sql(String),
    /// A list.
    List(Vec<String>),
    /// What the viewer types; this at first.
    Typed(String),
}

/// Panels under one title.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) title: Option<String>,
    /// Whether its panels are hidden, and not asked for, until the viewer opens it.
    pub(super) collapsed: bool,
    /// What of the kinds' own panels comes first.
    pub(super) of_kinds: Option<OfKinds>,
    pub(super) panels: Vec<Panel>,
}

/// What kinds of source add to the front page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
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
    /// Of 24 columns; without it, that of the sort.
    pub(super) width: Option<u16>,
    /// In units of some 30 pixels; without it, that of the sort.
    pub(super) height: Option<u16>,
    /// What is said where there is no value.
    pub(super) empty: String,
    pub(super) link: Option<Link>,
    pub(super) sort: Sort,
}

/// What a panel shows, and how.
#[derive(Clone, Debug)]
pub(super) enum Sort {
    /// One value or a few, large.
    Stat(Stat),
    /// A card for each source that the matchers select.
    Status { matchers: String },
    /// Lines, areas or bars over the time that the dashboard shows, or over the last so many hours.
    Timeseries { series: Vec<Series>, stack: bool, bars: bool, over: Option<Duration> },
    /// A bar for each series.
    Bar { series: Vec<Series> },
    /// A slice for each series.
    Pie { series: Vec<Series> },
    /// Rows and columns.
    Table(Table),
    /// A band for each series, coloured by state, over the last so many hours.
    States { series: Vec<Series>, over: Duration },
    /// What is wrong with the sources that the matchers select, and since when they give nothing.
    Problems { matchers: String },
    /// The alerts that fire.
    Alerts { matchers: String },
    /// Markdown.
    Text { markdown: String },
}

/// One value or a few, large.
#[derive(Clone, Debug)]
pub(super) struct Stat {
    pub(super) series: Vec<Series>,
    /// How long before is that which the change is told against.
    pub(super) trend: Option<Duration>,
    /// Whether the last value is shown, as such, where there is none now.
    pub(super) last_known: bool,
    pub(super) show: Show,
    /// Whether the colour fills the card.
    pub(super) background: bool,
}

/// What a card says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Show {
    /// The value, and the names where there are several.
    #[default]
    Value,
    /// The name: for a value that is always 1, and says something by its labels.
    Name,
}

/// A question with the look of its values.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// The name in the legend; `{{label}}` stands for the label's value.
    pub(super) name: String,
    pub(super) question: Question,
    pub(super) look: Look,
}

/// What is asked, and of which data source.
#[derive(Clone, Debug)]
pub(super) enum Question {
    Promql(String),
    Sql(String),
}

impl Question {
    /// The expression, where Prometheus is asked.
    pub(super) fn promql(&self) -> Option<&str> {
        match self {
            Self::Promql(expr) => Some(expr),
            Self::Sql(_) => None,
        }
    }
}

/// How values look.
#[derive(Clone, Debug, Default)]
pub(super) struct Look {
    pub(super) unit: Option<Unit>,
    pub(super) decimals: Option<u8>,
    pub(super) thresholds: Option<Thresholds>,
    /// By number, or by text.
    pub(super) words: BTreeMap<String, Word>,
}

/// Where a value starts to be bad. A warning above the critical value means that less is worse.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
pub(super) struct Thresholds {
    pub(super) warning: f64,
    pub(super) critical: Option<f64>,
}

/// A value's meaning in words.
#[derive(Clone, Debug, serde::Deserialize)]
pub(super) struct Word {
    pub(super) text: String,
    #[serde(default)]
    pub(super) color: Color,
}

/// What a colour means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Color {
    Ok,
    Warning,
    Critical,
    Unknown,
    #[default]
    Plain,
}

impl Color {
    /// Grafana's name: those of its palette that the colour-blind tell apart best.
    pub(super) const fn grafana(self) -> &'static str {
        match self {
            Self::Ok => "semi-dark-green",
            Self::Warning => "semi-dark-orange",
            Self::Critical => "semi-dark-red",
            Self::Unknown => "semi-dark-purple",
            Self::Plain => "text",
        }
    }
}

/// A table: either one SELECT, or columns of PromQL that are joined over the columns that are labels.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) sql: Option<String>,
    pub(super) columns: Vec<Column>,
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) content: Content,
    pub(super) look: Look,
    pub(super) link: Option<Link>,
    /// In pixels; without it, an equal part of what is left.
    pub(super) width: Option<u16>,
}

/// What a column holds.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// The value of a label; all of these together make a row.
    Label(String),
    Promql(String),
    /// A column of the SELECT; those that are not listed are shown as they are.
    Sql(String),
}

impl Content {
    /// The expression, where Prometheus is asked.
    pub(super) fn promql(&self) -> Option<&str> {
        match self {
            Self::Promql(expr) => Some(expr),
            Self::Label(_) | Self::Sql(_) => None,
        }
    }
}

/// Where a click leads.
#[derive(Clone, Debug)]
pub(super) enum Link {
    /// The dashboard of the kind that the value's label says, for its source.
    Kind,
    /// A dashboard of the bundle, by name.
    Dashboard(String),
    /// An address; Grafana's variables are replaced.
    Address(String),
}
