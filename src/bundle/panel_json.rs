//! The body of each type of panel: type, queries, fields, options.

use platform_core::setting::Duration;
use serde_json::{Value, json};

use super::field::{self, of_query};
use super::last_known::CardValue;
use super::layout::GridPlace;
use super::look::{Color, PanelLook};
use super::panel::{Panel, PanelQuery, PanelType, Series, Show, Stat};
use super::target::{self, Form};
use super::unit::Unit;
use super::{alerts_table, heatmap, problems_table, series_color, source_status, table};

/// The id of the query for the time of last-known values. Not used by any of a panel's series.
const AS_OF: &str = "Z";

/// What a card over all sources of a kind adds to its description.
const INCOMPLETE: &str = " Orange: of the sources that are up, with the time at which all were.";

/// Maximum number of points of a sparkline: at least one per minute, so that its end is recent.
const LARGEST_SPARK: u64 = 1440;

/// The parts of a panel that depend on its type and its place.
pub(super) fn body(panel: &Panel, place: GridPlace) -> Value {
    match &panel.panel_type {
        PanelType::Stat(card) => stat(panel, card, place.h),
        PanelType::Status { matchers, cards } => source_status::cards(matchers, *cards, place.w),
        PanelType::Timeseries { series, stack, bars, over } => {
            let mut body = timeseries(panel, series, *stack, *bars);
            if let Some(over) = *over {
                body["timeFrom"] = grafana_duration(over).into();
            }
            body
        }
        PanelType::Bar { series } => bar(panel, series),
        PanelType::Pie { series } => pie(panel, series),
        PanelType::Heatmap(series) => heatmap::body(series, &panel.empty),
        PanelType::Table(table) => table::body(table, &panel.empty),
        PanelType::States { series, over } => states(panel, series, *over),
        PanelType::Problems { matchers } => problems_table::problems(matchers, &panel.empty),
        PanelType::Alerts { matchers } => alerts_table::alerts(matchers, &panel.empty),
        PanelType::Text { markdown } => {
            json!({"type": "text", "options": {"mode": "markdown", "content": markdown}, "targets": []})
        }
    }
}

/// What a panel's values mean, with what its type adds.
pub(super) fn help(panel: &Panel) -> String {
    match &panel.panel_type {
        PanelType::Stat(card) => {
            let change = card.trend.filter(|_| card.change);
            let change = change.map(|trend| format!(" Below it, the change from {trend} ago."));
            let empty = Some(&panel.empty).filter(|text| is_long(text));
            let empty = empty.map(|text| format!(" Without a value: {}.", text.trim_end_matches('.')));
            let incomplete = card.of_kind.map(|_| INCOMPLETE.to_owned());
            [Some(panel.help.clone()), change, empty, incomplete].into_iter().flatten().collect()
        }
        _ => panel.help.clone(),
    }
}

fn of(series: &[Series]) -> impl Iterator<Item = (String, &Series)> {
    series.iter().enumerate().map(|(index, series)| (target::id(index), series))
}

fn targets(series: &[Series], form: Form) -> Vec<Value> {
    let target = |(id, series): (String, &Series)| {
        target::question(&id, &series.question, &series.look, &series.name, form)
    };
    of(series).map(target).collect()
}

/// The field configuration: that of the first series as default, and overrides for the others.
fn fields(panel: &Panel, series: &[Series]) -> Value {
    let first = series.first().map(|series| series.look.clone()).unwrap_or_default();
    let mut defaults = field::config(&first, &panel.empty);
    if let Some(link) = &panel.link {
        defaults.insert("links".to_owned(), field::link(link));
    }
    let other =
        |look: &PanelLook| field::properties(look, field::missing(&panel.empty, look.color(Color::Unknown)));
    let others = of(series).skip(1);
    let overrides: Vec<_> = others.map(|(id, series)| of_query(&id, other(&series.look))).collect();
    json!({"defaults": defaults, "overrides": overrides})
}

fn reduce(series: &[Series]) -> Value {
    let rows = series.iter().any(|series| matches!(series.question, PanelQuery::Sql(_)));
    json!({"calcs": ["lastNotNull"], "fields": "", "values": rows})
}

fn stat(panel: &Panel, card: &Stat, height: u16) -> Value {
    let shortened = is_long(&panel.empty).then(|| Panel { empty: "No data".to_owned(), ..panel.clone() });
    let panel = shortened.as_ref().unwrap_or(panel);
    let (series, trend) = (card.series.as_slice(), card.trend);
    let form = if trend.is_some() { Form::Over } else { Form::Now };
    let is_single = !names_several(series);
    // The title names a single value, and a sparkline leaves no room for names.
    let hides_names = is_single && card.show == Show::Value;
    let has_sparkline = hides_names && trend.is_some();
    let (mut targets, mut overrides) = (Vec::new(), Vec::new());
    let value = |expr| CardValue { expr, of_kind: card.of_kind };
    for (id, series) in of(series) {
        let look = &series.look;
        let question = match &series.question {
            PanelQuery::Promql(expr) if trend.is_some() => {
                PanelQuery::Promql(value(expr).complete_over_time())
            }
            PanelQuery::Promql(expr) => PanelQuery::Promql(value(expr).complete()),
            sql @ PanelQuery::Sql(_) => sql.clone(),
        };
        targets.push(target::question(&id, &question, look, &series.name, form));
        if let Some(expr) = series.question.promql().filter(|_| card.last_known) {
            let id = format!("last{id}");
            let expr = target::scaled(&value(expr).last(), look);
            // The title already names a single value.
            let name = if is_single { "last known" } else { &series.name };
            targets.push(target::promql(&id, &expr, name, Form::Now));
            overrides.push(of_query(&id, field::degraded(look, &panel.empty)));
        }
    }
    if let Some(expr) = series.iter().find_map(|series| series.question.promql()).filter(|_| card.last_known)
    {
        let at = format!("1000 * {}", value(expr).last_at());
        // A card that shows names has no place for the time.
        let name = if card.show == Show::Name { "DEGRADED" } else { "DEGRADED, as of" };
        targets.push(target::promql(AS_OF, &at, name, Form::Now));
        let unit = if hides_names { Unit::Degraded } else { Unit::Ago };
        let look = PanelLook { unit: Some(unit), fills_card: card.is_filled(), ..PanelLook::default() };
        overrides.push(of_query(AS_OF, field::degraded(&look, &panel.empty)));
    }
    let mut fields = fields(panel, series);
    if let Some(all) = fields["overrides"].as_array_mut() {
        all.extend(overrides);
    }
    let mut body = json!({
        "type": "stat",
        "targets": targets,
        "fieldConfig": fields,
        "options": {
            "colorMode": if card.is_filled() { "background_solid" } else { "value" },
            "graphMode": if trend.is_some() { "area" } else { "none" },
            "justifyMode": "auto",
            "orientation": if panel.width.is_none_or(|width| width <= 6) { "horizontal" } else { "auto" },
            // In its other modes, Grafana shows no change in the colour for bad.
            "percentChangeColorMode": "same_as_value",
            "reduceOptions": reduce(series),
            "showPercentChange": card.change,
            "text": {
                "titleSize": if has_sparkline { below_value(height, value_size(card)) } else { 14 },
                "valueSize": value_size(card),
            },
            "textMode": match card.show {
                Show::Value if hides_names => "value",
                // Without one of several, the other one would lose its name.
                Show::Value => "value_and_name",
                Show::Name => "name",
            },
            "wideLayout": !has_sparkline,
        },
    });
    if let Some(trend) = trend {
        let seconds = trend.get().as_secs();
        body["timeFrom"] = grafana_duration(trend).into();
        body["hideTimeOverride"] = true.into();
        body["maxDataPoints"] = (seconds / 60).clamp(60, LARGEST_SPARK).into();
    }
    body
}

/// The size of a card's values, in pixels: that of all cards, and less for texts that would be cut.
fn value_size(card: &Stat) -> u16 {
    let series = &card.series;
    let mut words = series.iter().flat_map(|series| series.look.words.values());
    let is_time = series.iter().any(|series| series.look.unit.is_some_and(Unit::is_time));
    match is_time || words.any(|word| is_long(&word.text)) {
        // `a few seconds ago` fits beside its name.
        true if names_several(series) => 16,
        true => 18,
        false if card.is_filled() => 34,
        // `DEGRADED 20:46` fits into a card of four columns.
        false => 20,
    }
}

/// The size of a title, in pixels, that keeps the sparkline of a card below its value, which stands in the middle.
///
/// Grafana draws the sparkline over all that the lines of title and value leave of the height, and so behind a value in
/// the middle, unreadable in the same colour. A title that is not shown counts, too.
fn below_value(height: u16, value: u16) -> u16 {
    // Rows of 30 pixels with gaps of 8, without the panel's header and border. A quarter is for the sparkline.
    let inner = 38 * height - 42;
    (inner * 3 / 4 * 5 / 6).saturating_sub(value)
}

/// Whether a text does not fit into a card in the size of numbers.
fn is_long(text: &str) -> bool {
    text.chars().count() > 12
}

/// Whether there is more than one series, or may be.
fn names_several(series: &[Series]) -> bool {
    series.len() > 1 || series.iter().any(|series| series.name.contains("{{"))
}

/// A duration in Grafana's form, which has one unit.
pub(super) fn grafana_duration(duration: Duration) -> String {
    let seconds = duration.get().as_secs();
    match seconds {
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

fn timeseries(panel: &Panel, series: &[Series], stack: bool, bars: bool) -> Value {
    let mut fields = fields(panel, series);
    let look = series.first().map(|series| &series.look);
    let many = names_several(series);
    let has_thresholds = look.is_some_and(|look: &PanelLook| look.thresholds.is_some());
    let defaults = &mut fields["defaults"];
    defaults["color"] = json!({"mode": "palette-classic"});
    defaults["min"] = json!(0);
    defaults["custom"] = json!({
        "axisBorderShow": false,
        "drawStyle": if bars { "bars" } else { "line" },
        // Areas of several lines would mix to colours that none of them has.
        "fillOpacity": if bars { 80 } else if stack { 30 } else if many { 0 } else { 10 },
        "axisSoftMax": soft_max(look.and_then(|look| look.unit)),
        "lineWidth": if bars { 0 } else { 2 },
        "showPoints": "never",
        "spanNulls": false,
        "stacking": {"mode": if stack { "normal" } else { "none" }, "group": "A"},
        "thresholdsStyle": {"mode": if has_thresholds { "dashed" } else { "off" }},
    });
    // Value colours come from the palette, even if a series has a different unit.
    for other in fields["overrides"].as_array_mut().into_iter().flatten() {
        if let Some(properties) = other["properties"].as_array_mut() {
            properties.retain(|property| property["id"] != "color" && property["id"] != "thresholds");
        }
    }
    series_color::choose(&mut fields, panel);
    let legend = json!({
        "showLegend": many,
        "displayMode": "list",
        "placement": "bottom",
        "calcs": [],
    });
    json!({
        "type": "timeseries",
        "targets": targets(series, Form::Over),
        "fieldConfig": fields,
        "options": {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}},
    })
}

/// Up to where an axis reaches at least, for a line at zero.
fn soft_max(unit: Option<Unit>) -> Option<f64> {
    match unit? {
        Unit::Percent => Some(0.01),
        Unit::Bytes | Unit::BytesPerSecond => Some(1024.0),
        Unit::Count | Unit::Number | Unit::PerSecond | Unit::RequestsPerSecond | Unit::PerMinute => Some(1.0),
        // What is measured in seconds may take microseconds.
        _ => None,
    }
}

fn bar(panel: &Panel, series: &[Series]) -> Value {
    let mut fields = fields(panel, series);
    if series.iter().all(|series| series.look.thresholds.is_none()) {
        fields["defaults"]["color"] = json!({"mode": "palette-classic"});
    }
    fields["defaults"]["min"] = json!(0);
    series_color::choose(&mut fields, panel);
    // A single bar would have no name.
    if let Some(name) = series.first().map(|series| &series.name).filter(|name| name.contains("{{")) {
        let name = name.replace("{{", "${__field.labels.").replace("}}", "}");
        fields["defaults"]["displayName"] = name.into();
    }
    json!({
        "type": "bargauge",
        "targets": targets(series, Form::Now),
        "fieldConfig": fields,
        "options": {
            "displayMode": "basic",
            "maxVizHeight": 40,
            "minVizHeight": 12,
            "minVizWidth": 8,
            "namePlacement": "left",
            "orientation": "horizontal",
            "reduceOptions": reduce(series),
            "showUnfilled": true,
            "sizing": "manual",
            // Grafana cuts names at a width that does not depend on that of the panel.
            "text": {"titleSize": 12, "valueSize": 16},
            // Some colours of a bar are too bright for text in the light theme.
            "valueMode": "text",
        },
    })
}

fn pie(panel: &Panel, series: &[Series]) -> Value {
    let mut fields = fields(panel, series);
    fields["defaults"]["color"] = json!({"mode": "palette-classic"});
    series_color::choose(&mut fields, panel);
    json!({
        "type": "piechart",
        "targets": targets(series, Form::Now),
        "fieldConfig": fields,
        "options": {
            "displayLabels": [],
            "legend": {"showLegend": true, "displayMode": "list", "placement": "bottom", "values": ["percent"]},
            "pieType": "donut",
            "reduceOptions": reduce(series),
            "tooltip": {"mode": "single", "sort": "none"},
        },
    })
}

fn states(panel: &Panel, series: &[Series], over: Duration) -> Value {
    let mut fields = fields(panel, series);
    // With threshold colours, Grafana would show the thresholds instead of the words.
    fields["defaults"]["color"] = json!({"mode": "palette-classic"});
    fields["defaults"]["custom"] = json!({"fillOpacity": 80, "lineWidth": 0, "spanNulls": false});
    json!({
        "type": "state-timeline",
        "targets": targets(series, Form::Over),
        "fieldConfig": fields,
        "maxDataPoints": 720,
        "timeFrom": grafana_duration(over),
        "hideTimeOverride": true,
        "options": {
            "alignValue": "center",
            "legend": {"showLegend": true, "displayMode": "list", "placement": "bottom"},
            "mergeValues": true,
            "rowHeight": 0.8,
            // The colours show it; texts of many rows would cover each other.
            "showValue": "never",
            "tooltip": {"mode": "single", "sort": "none"},
        },
    })
}
