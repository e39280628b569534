//! Determines a panel's type from its keys: which keys belong to which type, and their defaults.

use platform_core::setting::Duration;
use platform_core::yaml::hint;

use super::checker::Checker;
use super::layout::COLUMNS;
use super::panel::{
    Column, Content, Panel, PanelLink, PanelLook, PanelQuery, PanelType, Series, Stat, Table, Thresholds,
    title_of,
};
use super::panel_help::help_of;
use super::panel_keys::{RawColumn, RawPanel, RawSeries};
use super::unit::Unit;

const PANEL_TYPES: &str = "stat, status, timeseries, bar, pie, table, states, problems, alerts, text";
const DAY: Duration = Duration::seconds(24 * 60 * 60);

/// The type of a panel, by its key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Stat,
    Status,
    Timeseries,
    Bar,
    Pie,
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
    use Key::{Alerts, Bar, Pie, Problems, Stat, States, Status, Table, Text, Timeseries};
    let asks = [Stat, Timeseries, Bar, Pie, States].as_slice();
    let rules = [
        ("expr", raw.expr.is_some(), asks),
        ("sql", raw.sql.is_some(), &[Stat, Timeseries, Bar, Pie, Table]),
        ("name", raw.name.is_some(), asks),
        ("series", raw.series.is_some(), asks),
        ("columns", raw.columns.is_some(), &[Table]),
        ("unit", raw.unit.is_some(), asks),
        ("decimals", raw.decimals.is_some(), asks),
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
            PanelType::Stat(Stat {
                trend: raw.trend,
                change,
                last_known: raw.last_known.unwrap_or(true),
                show: raw.show.unwrap_or_default(),
                background: raw.background.unwrap_or(false),
                series: series(title, raw, checker)?,
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
        None => {
            let series = RawSeries {
                name: raw.name.unwrap_or_else(|| title.to_owned()),
                expr: raw.expr,
                sql: raw.sql,
                unit: raw.unit,
                decimals: raw.decimals,
                thresholds: raw.thresholds,
                words: raw.words.unwrap_or_default(),
            };
            Some(vec![one(series, checker)?])
        }
    }
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
    let look = PanelLook { unit, decimals: raw.decimals, thresholds: raw.thresholds, words: raw.words };
    Some(Series { name: raw.name, question, look })
}

/// The given unit, or else the one inferred from the metric's name.
fn unit(given: Option<Unit>, has_words: bool, expr: Option<&str>, checker: &mut Checker<'_>) -> Option<Unit> {
    let Some(expr) = expr.filter(|_| given.is_none() && !has_words) else { return given };
    let metric = checker.surroundings.first_metric(expr).map_or("", |(name, _)| name);
    let unit = Unit::of(expr, metric);
    if unit.is_none() {
        checker.fault(
            "",
            "expected `unit`: it cannot be inferred from the names (percent is a ratio, where 1 is 100 %)",
        );
    }
    unit
}

/// A unit that thresholds can be compared with: a point in time becomes the seconds since then.
fn unit_for(
    thresholds: Option<Thresholds>,
    unit: Option<Unit>,
    is_sql: bool,
    checker: &mut Checker<'_>,
) -> Option<Unit> {
    match (thresholds, unit) {
        (Some(_), Some(Unit::Ago)) if !is_sql => return Some(Unit::Age),
        (Some(_), Some(Unit::Ago)) => {
            checker.fault("thresholds", "expected `unit: seconds`, and a SELECT of the seconds since then")
        }
        (Some(_), Some(Unit::Date)) => {
            checker.fault("thresholds", "a date has none; expected `unit: ago`, for thresholds in seconds")
        }
        (Some(_), Some(Unit::Text)) => checker.fault("thresholds", "a text has none; expected `words`"),
        _ => {}
    }
    unit
}

fn table(raw: RawPanel, checker: &mut Checker<'_>) -> Option<Table> {
    let sql = raw.sql;
    let columns = raw.columns.unwrap_or_default().into_iter().enumerate().map(|(index, raw)| {
        let mut path = platform_core::yaml::Path::default();
        column(raw, sql.is_some(), &mut checker.below("columns", index, &mut path))
    });
    let columns: Vec<Column> = columns.collect::<Vec<_>>().into_iter().collect::<Option<_>>()?;
    let has = |of: fn(&Content) -> bool| columns.iter().any(|column| of(&column.content));
    let is_whole = has(|content| matches!(content, Content::Label(_)))
        && has(|content| matches!(content, Content::Promql(_)));
    if sql.is_none() && !is_whole {
        checker.fault("columns", "expected `sql`, or columns of which some have `label` and some `expr`");
    }
    Some(Table { sql, columns, sorted_by: None })
}

fn column(raw: RawColumn, is_sql: bool, checker: &mut Checker<'_>) -> Option<Column> {
    let content = match (raw.label, raw.expr, raw.column) {
        (Some(label), None, None) if !is_sql => Content::Label(label),
        (None, Some(expr), None) if !is_sql => Content::Promql(expr.trim().to_owned()),
        (None, None, Some(column)) if is_sql => Content::Sql(column),
        _ => {
            let expected = if is_sql { "`column`" } else { "exactly one of label, expr" };
            checker.fault("", format!("expected {expected}"));
            return None;
        }
    };
    let (name, unit) = match &content {
        Content::Promql(expr) => (None, unit(raw.unit, !raw.words.is_empty(), Some(expr), checker)),
        Content::Label(name) | Content::Sql(name) => (Some(title_of(name)), raw.unit),
    };
    let Some(name) = raw.name.or(name) else {
        checker.fault("", "the key `name` is missing");
        return None;
    };
    let unit = unit_for(raw.thresholds, unit, is_sql, checker);
    let link = raw.link.and_then(|link| read_link(&link, checker));
    let look = PanelLook { unit, decimals: raw.decimals, thresholds: raw.thresholds, words: raw.words };
    Some(Column { name, content, look, link, width: raw.width, image: raw.image, is_hidden: false })
}

fn read_link(link: &str, checker: &mut Checker<'_>) -> Option<PanelLink> {
    match link {
        "kind" => Some(PanelLink::Kind),
        _ if link.starts_with('/') || link.contains("://") || link.starts_with("${") => {
            Some(PanelLink::Address(link.to_owned()))
        }
        _ if checker.surroundings.dashboards.contains(link) => Some(PanelLink::Dashboard(link.to_owned())),
        _ => {
            let hint = hint(link, checker.surroundings.dashboards.iter().map(String::as_str));
            let message = "expected `kind`, the name of a dashboard, or an address";
            checker.fault_with_hint("link", message, hint);
            None
        }
    }
}
