//! Determines a panel's type from its keys: which keys belong to which type, and their defaults.

use platform_core::setting::Duration;

use super::checker::Checker;
use super::column_grammar::table;
use super::layout::COLUMNS;
use super::look::PanelLook;
use super::look_grammar::{read_link, unit, unit_for, unit_of_buckets};
use super::panel::{Panel, PanelQuery, PanelType, Series, Stat};
use super::panel_help::help_of;
use super::panel_keys::{RawPanel, RawSeries};

const PANEL_TYPES: &str =
    "stat, status, timeseries, bar, pie, heatmap, table, states, problems, alerts, text";
const DAY: Duration = Duration::seconds(24 * 60 * 60);

/// The type of a panel, by its key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Stat,
    Status,
    Timeseries,
    Bar,
    Pie,
    Heatmap,
    Table,
    States,
    Problems,
    Alerts,
    Text,
}

/// Reads one panel.
pub(super) fn panel(raw: RawPanel, checker: &mut Checker<'_>) -> Option<Panel> {
    let before = checker.faults.len();
    let (key, title) = key(&raw, checker)?;
    refuse_foreign_keys(key, &raw, checker);
    if raw.width.is_some_and(|width| !(1..=COLUMNS).contains(&width)) {
        checker.fault("width", format!("expected 1 to {COLUMNS}"));
    }
    if raw.height.is_some_and(|height| !(2..=40).contains(&height)) {
        checker.fault("height", "expected 2 to 40");
    }
    let link = raw.link.clone().and_then(|link| read_link(&link, checker));
    let (help, empty) = (raw.help.clone(), raw.empty.clone());
    let (width, height, colors) = (raw.width, raw.height, raw.colors.clone().unwrap_or_default());
    let panel_type = panel_type(key, &title, raw, checker)?;
    let help = help.or_else(|| help_of(&panel_type, checker));
    // That of a misspelt metric is not known, nor that of a query with errors.
    let is_wrong = checker.surroundings.has_unknown_metrics
        || checker.faults.concern(checker.node.place.file, checker.path);
    if help.is_none() && !is_wrong {
        checker.fault("", "expected `help`: a sentence about what the values mean");
    }
    (checker.faults.len() == before).then_some(())?;
    let nothing = match &panel_type {
        PanelType::Problems { .. } => "No known problems",
        PanelType::Alerts { .. } => "No firing alerts",
        // A new Prometheus may have no point yet if they are far apart.
        PanelType::Timeseries { over: Some(_), .. } => "No data, or not enough history",
        _ => "No data",
    };
    let empty = empty.unwrap_or_else(|| nothing.to_owned());
    Some(Panel { title, help: help?, width, height, empty, link, colors, panel_type })
}

fn key(raw: &RawPanel, checker: &mut Checker<'_>) -> Option<(Key, String)> {
    let given = [
        (Key::Stat, &raw.stat),
        (Key::Status, &raw.status),
        (Key::Timeseries, &raw.timeseries),
        (Key::Bar, &raw.bar),
        (Key::Pie, &raw.pie),
        (Key::Heatmap, &raw.heatmap),
        (Key::Table, &raw.table),
        (Key::States, &raw.states),
        (Key::Problems, &raw.problems),
        (Key::Alerts, &raw.alerts),
        (Key::Text, &raw.text),
    ];
    let mut given = given.into_iter().filter_map(|(key, title)| Some((key, title.clone()?)));
    match (given.next(), given.next()) {
        (Some(one), None) => Some(one),
        _ => {
            checker.fault("", format!("expected exactly one of {PANEL_TYPES}, with the title as its value"));
            None
        }
    }
}

/// Reports keys that have no meaning for this type.
fn refuse_foreign_keys(key: Key, raw: &RawPanel, checker: &mut Checker<'_>) {
    use Key::{Alerts, Bar, Heatmap, Pie, Problems, Stat, States, Status, Table, Text, Timeseries};
    let named = [Stat, Timeseries, Bar, Pie, States].as_slice();
    let with_values = [Stat, Timeseries, Bar, Pie, States, Heatmap].as_slice();
    let rules = [
        ("expr", raw.expr.is_some(), with_values),
        ("sql", raw.sql.is_some(), &[Stat, Timeseries, Bar, Pie, Table]),
        ("name", raw.name.is_some(), named),
        ("series", raw.series.is_some(), named),
        ("columns", raw.columns.is_some(), &[Table]),
        ("unit", raw.unit.is_some(), with_values),
        ("decimals", raw.decimals.is_some(), named),
        ("thresholds", raw.thresholds.is_some(), &[Stat, Timeseries, Bar]),
        ("words", raw.words.is_some(), &[Stat, States]),
        ("colors", raw.colors.is_some(), &[Timeseries, Bar, Pie]),
        ("trend", raw.trend.is_some(), &[Stat]),
        ("change", raw.change.is_some(), &[Stat]),
        ("last_known", raw.last_known.is_some(), &[Stat]),
        ("show", raw.show.is_some(), &[Stat]),
        ("background", raw.background.is_some(), &[Stat]),
        ("stack", raw.stack.is_some(), &[Timeseries]),
        ("bars", raw.bars.is_some(), &[Timeseries]),
        ("over", raw.over.is_some(), &[Timeseries, States]),
        ("matchers", raw.matchers.is_some(), &[Status, States, Problems, Alerts]),
        ("markdown", raw.markdown.is_some(), &[Text]),
    ];
    for (name, given, belongs_to) in rules {
        if given && !belongs_to.contains(&key) {
            checker.fault(name, "has no meaning for a panel of this type");
        }
    }
}

fn panel_type(key: Key, title: &str, raw: RawPanel, checker: &mut Checker<'_>) -> Option<PanelType> {
    let matchers = raw.matchers.clone().unwrap_or_default();
    let (stack, bars) = (raw.stack.unwrap_or(false), raw.bars.unwrap_or(false));
    Some(match key {
        Key::Stat => {
            if raw.change.is_some() && raw.trend.is_none() {
                checker.fault("change", "expected `trend` with it: over which time");
            }
            // For what should be near zero, a percentage means little, as from 0 to 1.
            let change = raw.change.unwrap_or(raw.trend.is_some() && raw.thresholds.is_none());
            let fills_card = raw.background.unwrap_or(false);
            PanelType::Stat(Stat {
                trend: raw.trend,
                change,
                last_known: raw.last_known.unwrap_or(true),
                of_kind: None,
                show: raw.show.unwrap_or_default(),
                series: series(title, raw, checker)?
                    .into_iter()
                    .map(|series| Series { look: PanelLook { fills_card, ..series.look }, ..series })
                    .collect(),
            })
        }
        Key::Status => {
            // A pattern has a name for each source.
            let of_pattern = matchers.matches('|').count() + 1;
            let cards = if matchers.is_empty() { checker.surroundings.sources } else { of_pattern };
            PanelType::Status { matchers, cards }
        }
        Key::Timeseries => {
            let over = raw.over;
            PanelType::Timeseries { series: series(title, raw, checker)?, stack, bars, over }
        }
        Key::Bar => PanelType::Bar { series: series(title, raw, checker)? },
        Key::Pie => PanelType::Pie { series: series(title, raw, checker)? },
        Key::Heatmap => {
            let of_buckets = raw.expr.as_deref().and_then(|expr| unit_of_buckets(expr, checker));
            let raw = RawPanel { unit: raw.unit.or(of_buckets), ..raw };
            PanelType::Heatmap(single(title, raw, checker)?)
        }
        Key::Table => PanelType::Table(table(raw, checker)?),
        Key::States => {
            let over = raw.over.unwrap_or(DAY);
            let is_of_sources = raw.expr.is_none() && raw.series.is_none();
            let series = if is_of_sources {
                vec![super::source_status::troubled(&matchers, over)]
            } else {
                series(title, raw, checker)?
            };
            PanelType::States { series, over }
        }
        Key::Problems => PanelType::Problems { matchers },
        Key::Alerts => PanelType::Alerts { matchers },
        Key::Text => {
            if raw.markdown.is_none() {
                checker.fault("", "the key `markdown` is missing");
            }
            PanelType::Text { markdown: raw.markdown? }
        }
    })
}

/// The series of a panel: listed, or a single one defined by keys of the panel itself.
fn series(title: &str, raw: RawPanel, checker: &mut Checker<'_>) -> Option<Vec<Series>> {
    let own = raw.expr.is_some() || raw.sql.is_some();
    match raw.series {
        Some(_) if own => {
            checker.fault("series", "expected either `series`, or one `expr` or `sql`");
            None
        }
        Some(list) if list.is_empty() => {
            checker.fault("series", "expected at least one series");
            None
        }
        Some(list) => {
            let list = list.into_iter().enumerate().map(|(index, mut series)| {
                // The panel's settings are the defaults for its series.
                series.unit = series.unit.or(raw.unit);
                series.decimals = series.decimals.or(raw.decimals);
                series.thresholds = series.thresholds.or(raw.thresholds);
                let mut path = platform_core::yaml::Path::default();
                one(series, &mut checker.below("series", index, &mut path))
            });
            list.collect::<Vec<_>>().into_iter().collect()
        }
        None => Some(vec![single(title, raw, checker)?]),
    }
}

/// The series that is defined by keys of the panel itself.
fn single(title: &str, raw: RawPanel, checker: &mut Checker<'_>) -> Option<Series> {
    let series = RawSeries {
        name: raw.name.unwrap_or_else(|| title.to_owned()),
        expr: raw.expr,
        sql: raw.sql,
        unit: raw.unit,
        decimals: raw.decimals,
        thresholds: raw.thresholds,
        words: raw.words.unwrap_or_default(),
    };
    one(series, checker)
}

fn one(raw: RawSeries, checker: &mut Checker<'_>) -> Option<Series> {
    let question = match (raw.expr, raw.sql) {
        (Some(expr), None) => PanelQuery::Promql(expr.trim().to_owned()),
        (None, Some(sql)) => PanelQuery::Sql(sql),
        _ => {
            checker.fault("", "expected exactly one of expr, sql, series");
            return None;
        }
    };
    let expr = match &question {
        PanelQuery::Promql(expr) => Some(expr.as_str()),
        PanelQuery::Sql(_) => None,
    };
    let unit = unit(raw.unit, !raw.words.is_empty(), expr, checker);
    let unit = unit_for(raw.thresholds, unit, expr.is_none(), checker);
    let look = PanelLook {
        unit,
        decimals: raw.decimals,
        thresholds: raw.thresholds,
        words: raw.words,
        ..PanelLook::default()
    };
    Some(Series { name: raw.name, question, look })
}
