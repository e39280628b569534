//! A dashboard as Grafana's classic JSON.

use serde_json::{Map, Value, json};

use super::layout::{self, GridPlace, Size};
use super::look::Color;
use super::panel::{Audience, Choice, Dashboard, Panel, PanelQuery, PanelType, Row, Variable};
use super::{dashboard_name, data_source, panel_json, source_status};

/// The schema version of Grafana's classic model. Grafana 11 to 13 read it.
const SCHEMA_VERSION: u32 = 41;

/// Every dashboard of the bundle has this tag: the list of links uses it.
const TAG: &str = "platform";

/// The JSON of a dashboard.
pub(super) fn render(dashboard: &Dashboard, uid: &str, audience: Audience) -> String {
    // Restricted dashboards query the application's database, which has better things to do.
    let (refresh, intervals) = match audience {
        Audience::Everybody => ("30s", json!(["10s", "30s", "1m", "5m", "15m"])),
        Audience::Restricted => ("5m", json!(["5m", "15m", "1h"])),
    };
    let json = json!({
        "uid": uid,
        "title": dashboard.title,
        "description": dashboard.about,
        "tags": [TAG],
        "schemaVersion": SCHEMA_VERSION,
        "editable": false,
        "graphTooltip": 1,
        "refresh": refresh,
        "time": {"from": format!("now-{}", panel_json::grafana_duration(dashboard.range)), "to": "now"},
        "timepicker": {"refresh_intervals": intervals},
        "timezone": "browser",
        "links": links(uid, audience),
        "annotations": {"list": annotations(dashboard)},
        "templating": {"list": variables(dashboard)},
        "panels": panels(&dashboard.rows),
    });
    format!("{json:#}\n")
}

fn links(uid: &str, audience: Audience) -> Value {
    let overview = json!({
        "type": "link", "title": "Overview", "url": dashboard_name::overview_dashboard(), "icon": "bolt",
        "keepTime": true, "includeVars": false, "targetBlank": false, "asDropdown": false, "tags": [], "tooltip": "",
    });
    let all = json!({
        "type": "dashboards", "title": "Dashboards", "tags": [TAG], "icon": "external link",
        "keepTime": true, "includeVars": false, "targetBlank": false, "asDropdown": true, "url": "", "tooltip": "",
    });
    let has_overview =
        audience == Audience::Everybody && uid != dashboard_name::uid(dashboard_name::OVERVIEW);
    if has_overview { json!([overview, all]) } else { json!([all]) }
}

/// Marks in all charts: when a critical alert of what the dashboard shows started to fire.
fn annotations(dashboard: &Dashboard) -> Value {
    // One that names no source may concern these as well, unless each of its sources has an alert of its own.
    let of_sources = |sources| format!(", source=~\"{sources}|\", alertname!=\"PlatformManySourcesDown\"");
    let matcher = dashboard.sources.as_ref().map(of_sources).unwrap_or_default();
    json!([{
        "name": "Critical alerts",
        "datasource": data_source::prometheus(),
        "enable": true,
        "iconColor": Color::Critical.grafana(),
        // One mark for each alert, and not for each of its sources: many would cover the lines.
        "expr": format!("max by (alertname) (ALERTS{{alertstate=\"firing\", severity=\"critical\"{matcher}}})"),
        "step": "60s",
        "titleFormat": "{{alertname}}",
        "tagKeys": "alertname",
    }])
}

fn variables(dashboard: &Dashboard) -> Vec<Value> {
    let mut list = vec![datasource("datasource", "Data source", "prometheus")];
    if uses_sql(dashboard) {
        list.push(datasource("postgres", "PostgreSQL data source", "grafana-postgresql-datasource"));
    }
    list.extend(dashboard.variables.iter().map(variable));
    list
}

fn datasource(name: &str, label: &str, plugin: &str) -> Value {
    json!({
        "type": "datasource", "name": name, "label": label, "query": plugin, "regex": "", "refresh": 1,
        // Its value says what it is.
        "hide": 1, "multi": false, "includeAll": false, "options": [], "current": {}, "skipUrlSync": false,
    })
}

fn uses_sql(dashboard: &Dashboard) -> bool {
    let in_panel = |panel: &Panel| match &panel.panel_type {
        PanelType::Table(table) => table.sql.is_some(),
        other => other.series().iter().any(|series| matches!(series.question, PanelQuery::Sql(_))),
    };
    dashboard.rows.iter().flat_map(|row| &row.panels).any(in_panel)
        || dashboard.variables.iter().any(|variable| matches!(variable.choice, Choice::Sql(_)))
}

fn variable(variable: &Variable) -> Value {
    let mut json = json!({
        "name": variable.name,
        "label": variable.label,
        "hide": if variable.is_hidden { 2 } else { 0 },
        "multi": variable.many,
        "includeAll": variable.many,
        "skipUrlSync": variable.is_hidden,
        "current": {},
        "options": [],
    });
    let more = match &variable.choice {
        Choice::Query(query) => json!({
            "type": "query", "datasource": data_source::prometheus(), "query": query, "definition": query,
            "refresh": 2, "sort": 1, "regex": "",
        }),
        Choice::Sql(text) => json!({
            "type": "query", "datasource": data_source::postgres(), "query": text, "definition": text,
            "refresh": 2, "sort": 0, "regex": "",
        }),
        Choice::List(values) => {
            let option = |(index, value): (usize, &String)| json!({"text": value, "value": value, "selected": index == 0});
            let options: Vec<_> = values.iter().enumerate().map(option).collect();
            json!({"type": "custom", "query": values.join(","), "current": options.first(), "options": options})
        }
        Choice::Typed(text) => {
            let option = json!({"text": text, "value": text, "selected": true});
            json!({"type": "textbox", "query": text, "current": option, "options": [option]})
        }
    };
    if let (Some(json), Value::Object(more)) = (json.as_object_mut(), more) {
        json.extend(more);
        if variable.many {
            json.insert("allValue".to_owned(), ".+".into());
        }
    }
    json
}

fn panels(rows: &[Row]) -> Vec<Value> {
    let mut panels = Vec::new();
    let (mut top, mut id) = (0, 0);
    let mut next_id = || {
        id += 1;
        id
    };
    for row in rows.iter().filter(|row| !row.panels.is_empty()) {
        let mut header = row.title.as_ref().map(|title| {
            json!({
                "type": "row", "id": next_id(), "title": title, "collapsed": row.collapsed,
                "gridPos": {"h": 1, "w": layout::COLUMNS, "x": 0, "y": top}, "panels": [],
            })
        });
        top += u16::from(header.is_some());
        let mut sizes: Vec<_> = row.panels.iter().map(size).collect();
        let (places, _) = layout::place(&sizes, top);
        for ((size, place), panel) in sizes.iter_mut().zip(places).zip(&row.panels) {
            if let PanelType::Status { cards, .. } = panel.panel_type {
                size.height = size.height.max(source_status::height(cards, place.w));
            }
        }
        let (places, next) = layout::place(&sizes, top);
        let own: Vec<_> =
            row.panels.iter().zip(places).map(|(own, place)| panel(own, place, next_id())).collect();
        if row.collapsed
            && let Some(header) = &mut header
        {
            header["panels"] = own.into();
            panels.extend(Some(header.take()));
        } else {
            panels.extend(header);
            panels.extend(own);
            top = next;
        }
    }
    panels
}

/// The default size of a panel: cards are small, a table takes a full line.
fn size(panel: &Panel) -> Size {
    let (width, height, grows) = match &panel.panel_type {
        PanelType::Stat(_) => (4, 4, false),
        PanelType::Status { .. } => (8, 5, true),
        PanelType::Timeseries { .. } | PanelType::Heatmap(_) => (8, 8, true),
        PanelType::Bar { .. } | PanelType::Pie { .. } => (6, 8, false),
        PanelType::Table(_) => (12, 8, true),
        PanelType::Problems { .. } | PanelType::Alerts { .. } => (8, 8, true),
        PanelType::States { .. } => (24, 8, true),
        PanelType::Text { .. } => (24, 3, true),
    };
    let grows = grows && panel.width.is_none();
    Size { width: panel.width.unwrap_or(width), height: panel.height.unwrap_or(height), grows }
}

fn panel(panel: &Panel, place: GridPlace, id: u32) -> Value {
    let mut json = Map::new();
    json.insert("id".to_owned(), id.into());
    json.insert("title".to_owned(), panel.title.clone().into());
    json.insert("description".to_owned(), panel_json::help(panel).into());
    json.insert("gridPos".to_owned(), json!(place));
    let body = panel_json::body(panel, place);
    json.insert("datasource".to_owned(), data_source::of(&body["targets"]));
    if let Value::Object(body) = body {
        json.extend(body);
    }
    json.into()
}
