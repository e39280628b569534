//! How values look, in Grafana's terms: units, colours, texts, links.

use serde_json::{Map, Value, json};

use super::dashboard_name;
use super::look::{Color, PanelLink, PanelLook, Thresholds, Word};
use super::unit::Unit;

/// Passes the time range and the data source from one dashboard to the next.
const CONTEXT: &str = "${__url_time_range}&${datasource:queryparam}";

/// The field configuration of a look.
pub(super) fn config(look: &PanelLook, empty: &str) -> Map<String, Value> {
    let mut config = Map::new();
    if let Some(unit) = look.unit {
        config.insert("unit".to_owned(), unit.grafana().into());
    }
    // Percentages have only as many digits as people can compare.
    if let Some(decimals) = look.decimals.or_else(|| (look.unit == Some(Unit::Percent)).then_some(1)) {
        config.insert("decimals".to_owned(), decimals.into());
    }
    config.insert("noValue".to_owned(), empty.into());
    config.insert("color".to_owned(), json!({"mode": "thresholds"}));
    config.insert("thresholds".to_owned(), thresholds(look));
    config.insert("mappings".to_owned(), mappings(look, missing(empty, look.color(Color::Unknown))));
    config
}

/// Steps of colour. A value without thresholds has the neutral text colour.
fn thresholds(look: &PanelLook) -> Value {
    let step = |color: Color, value: Option<f64>| json!({"color": look.color(color), "value": value});
    let steps = match look.thresholds {
        None => vec![step(Color::Plain, None)],
        Some(Thresholds { warning, critical: None }) => {
            vec![step(Color::Ok, None), step(Color::Warning, Some(warning))]
        }
        Some(Thresholds { warning, critical: Some(critical) }) if warning <= critical => vec![
            step(Color::Ok, None),
            step(Color::Warning, Some(warning)),
            step(Color::Critical, Some(critical)),
        ],
        Some(Thresholds { warning, critical }) => {
            vec![step(Color::Critical, None), step(Color::Warning, critical), step(Color::Ok, Some(warning))]
        }
    };
    json!({"mode": "absolute", "steps": steps})
}

/// The words for "no value", never in the colour for good.
pub(super) fn missing(text: &str, color: &str) -> Value {
    let result = json!({"text": text, "color": color, "index": 0});
    json!({"type": "special", "options": {"match": "null+nan", "result": result}})
}

/// Words for values, always including "no value".
fn mappings(look: &PanelLook, missing: Value) -> Value {
    let mut mappings = vec![missing];
    if let Value::Array(words) = words(look) {
        mappings.extend(words);
    }
    mappings.into()
}

/// Words for values only.
pub(super) fn words(look: &PanelLook) -> Value {
    if look.words.is_empty() {
        return json!([]);
    }
    let word = |(index, (value, Word { text, color })): (usize, (&String, &Word))| {
        (value.clone(), json!({"text": text, "color": look.color(*color), "index": index + 1}))
    };
    let options: Map<_, _> = look.words.iter().enumerate().map(word).collect();
    json!([{"type": "value", "options": options}])
}

/// Properties for one query of a panel.
pub(super) fn of_query(query: &str, properties: Vec<(&str, Value)>) -> Value {
    json!({"matcher": {"id": "byFrameRefID", "options": query}, "properties": list(properties)})
}

/// Properties for one column, or for the series of this name.
pub(super) fn of_column(column: &str, properties: Vec<(&str, Value)>) -> Value {
    json!({"matcher": {"id": "byName", "options": column}, "properties": list(properties)})
}

/// Properties for the series whose names match a regular expression.
pub(super) fn of_pattern(pattern: &str, properties: Vec<(&str, Value)>) -> Value {
    json!({"matcher": {"id": "byRegexp", "options": pattern}, "properties": list(properties)})
}

fn list(properties: Vec<(&str, Value)>) -> Vec<Value> {
    properties.into_iter().map(|(id, value)| json!({"id": id, "value": value})).collect()
}

/// The look as properties of one column or query.
pub(super) fn properties(look: &PanelLook, missing: Value) -> Vec<(&'static str, Value)> {
    let mut config = config(look, "");
    config.insert("mappings".to_owned(), mappings(look, missing));
    let keys = ["unit", "decimals", "color", "thresholds", "mappings"];
    keys.into_iter().filter_map(|key| Some((key, config.remove(key)?))).collect()
}

/// The look of a last-known value: with the same words, but in one colour that is not the one for good.
pub(super) fn degraded(look: &PanelLook, empty: &str) -> Vec<(&'static str, Value)> {
    let words = look.words.iter().map(|(value, word)| {
        let text = word.text.clone();
        (value.clone(), Word { text, color: Color::Warning })
    });
    let look = PanelLook { words: words.collect(), thresholds: None, ..look.clone() };
    let mut properties = properties(&look, missing(empty, look.color(Color::Unknown)));
    properties.retain(|(key, _)| *key != "thresholds" && *key != "color");
    properties.push(("color", json!({"mode": "fixed", "fixedColor": look.color(Color::Warning)})));
    properties
}

/// What a click on a value opens; labels are those of the value's series.
pub(super) fn link(link: &PanelLink) -> Value {
    links(link, "${__field.labels.kind}", "${__field.labels.source}")
}

/// What a click on a cell opens; labels are those of the row.
pub(super) fn cell_link(link: &PanelLink) -> Value {
    links(link, "${__data.fields.kind}", "${__data.fields.source}")
}

fn links(link: &PanelLink, kind: &str, source: &str) -> Value {
    let (title, url) = match link {
        PanelLink::Kind => {
            ("Open its dashboard".to_owned(), format!("/d/platform-{kind}?var-source={source}&{CONTEXT}"))
        }
        PanelLink::Dashboard(name) => {
            (format!("Open {name}"), format!("/d/{}?{CONTEXT}", dashboard_name::uid(name)))
        }
        PanelLink::Address(address) => ("Open".to_owned(), address.clone()),
    };
    json!([{"title": title, "url": url, "targetBlank": false}])
}
