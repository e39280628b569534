//! What every dashboard has, and what none may have.

use std::collections::{BTreeMap, BTreeSet};

use platform_core::yaml;
use serde_json::Value;

use super::{Rendered, dashboards, targets, text};

const CHARTS: [&str; 8] =
    ["stat", "timeseries", "bargauge", "piechart", "heatmap", "table", "state-timeline", "text"];

/// Calls a check with every panel of every dashboard.
fn each_panel(check: impl Fn(&Rendered, &Value, &str)) {
    for dashboard in dashboards() {
        for panel in dashboard.panels() {
            check(&dashboard, panel, &dashboard.title(panel));
        }
    }
}

#[test]
fn every_dashboard_is_classic_and_stands_for_itself() {
    let mut uids = BTreeSet::new();
    let mut titles = BTreeSet::new();
    for dashboard in dashboards() {
        let refresh = if dashboard.is_restricted() { "5m" } else { "30s" };
        let Rendered { name, json } = dashboard;
        let uid = text(&json["uid"]).to_owned();
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!((8..=40).contains(&uid.len()) && uid.chars().all(is_allowed), "{uid}");
        assert!(uids.insert(uid), "{name}: the uid is there twice");
        assert!(titles.insert(text(&json["title"]).to_owned()), "{name}: the title is there twice");
        assert!(text(&json["description"]).ends_with('.'), "{name}");
        assert_eq!(json["schemaVersion"], 41, "{name}");
        assert_eq!((&json["editable"], &json["graphTooltip"]), (&false.into(), &1.into()), "{name}");
        assert_eq!((text(&json["refresh"]), text(&json["timezone"])), (refresh, "browser"), "{name}");
        for absent in ["id", "__inputs", "__requires", "__elements", "version"] {
            assert!(json.get(absent).is_none(), "{name} has {absent}");
        }
        assert_eq!(json["tags"], serde_json::json!(["platform"]), "{name}");
    }
}

#[test]
fn every_data_source_is_a_variable() {
    fn check(name: &str, value: &Value) {
        if let Some(source) = value.get("datasource") {
            let known = ["prometheus ${datasource}", "grafana-postgresql-datasource ${postgres}"];
            let found = format!("{} {}", text(&source["type"]), text(&source["uid"]));
            assert!(known.contains(&found.as_str()), "{name}: {source}");
        }
        let values = value.as_object().into_iter().flat_map(|map| map.values());
        for child in values.chain(value.as_array().into_iter().flatten()) {
            check(name, child);
        }
    }
    for dashboard in dashboards() {
        check(&dashboard.name, &dashboard.json);
        let variables = dashboard.variables();
        assert_eq!(text(&variables[0]["name"]), "datasource", "{}", dashboard.name);
        assert_eq!(text(&variables[0]["query"]), "prometheus", "{}", dashboard.name);
        for variable in &variables[1..] {
            assert!(!text(&variable["label"]).is_empty(), "{}: {variable}", dashboard.name);
            if variable["type"] == "query" {
                assert_eq!(variable["refresh"], 2, "{}: {variable}", dashboard.name);
            }
        }
    }
}

/// Grafana puts the questions of a panel to the panel's data source, and not to their own.
#[test]
fn every_panel_asks_the_data_source_of_its_questions() {
    let asks_sql = |panel: &&Value| targets(panel).iter().any(|target| target["rawSql"].is_string());
    each_panel(|_, panel, title| {
        for target in targets(panel) {
            assert_eq!(target["datasource"], panel["datasource"], "{title}");
        }
    });
    // Whoever sees a dashboard may query its data sources: only restricted ones have the database.
    for dashboard in dashboards() {
        let has_sql = dashboard.panels().iter().any(asks_sql);
        assert_eq!(has_sql, dashboard.is_restricted(), "{}", dashboard.name);
        let databases = dashboard.variables().iter().filter(|variable| variable["name"] == "postgres");
        assert_eq!(databases.count(), usize::from(has_sql), "{}", dashboard.name);
    }
}

#[test]
fn every_panel_says_what_it_shows() {
    each_panel(|_, panel, title| {
        assert!(CHARTS.contains(&text(&panel["type"])), "{title}: {}", panel["type"]);
        assert!(!text(&panel["title"]).is_empty(), "{title}");
        assert!(text(&panel["description"]).ends_with('.'), "{title}: {}", panel["description"]);
        if panel["type"] == "text" {
            return;
        }
        assert!(!targets(panel).is_empty(), "{title}: asks nothing");
        let defaults = &panel["fieldConfig"]["defaults"];
        let words = defaults["mappings"]
            .as_array()
            .map_or(0, |mappings| mappings.iter().filter(|mapping| mapping["type"] == "value").count());
        assert!(
            defaults.get("unit").is_some() || words > 0 || panel["type"] == "table",
            "{title}: neither unit nor words"
        );
    });
}

/// What is missing is reported in words, and never in the colour of what is well.
#[test]
fn no_data_is_reported_in_words_and_never_green() {
    each_panel(|_, panel, title| {
        let defaults = &panel["fieldConfig"]["defaults"];
        if panel["type"] == "text" {
            return;
        }
        assert!(!text(&defaults["noValue"]).is_empty(), "{title}");
        if panel["type"] == "table" {
            return;
        }
        let mappings = defaults["mappings"].as_array().unwrap();
        let special = mappings.iter().find(|mapping| mapping["type"] == "special").unwrap();
        assert_eq!(text(&special["options"]["match"]), "null+nan", "{title}");
        let result = &special["options"]["result"];
        assert!(!text(&result["text"]).is_empty(), "{title}");
        let is_solid = panel["options"]["colorMode"] == "background_solid";
        let unknown = if is_solid { "#8F3BB8" } else { "purple" };
        assert_eq!(text(&result["color"]), unknown, "{title}");
    });
}

/// A card without thresholds claims nothing: it has the colour of text.
#[test]
fn a_value_without_thresholds_is_not_green() {
    each_panel(|_, panel, title| {
        let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array();
        if let Some([only]) = steps.map(Vec::as_slice) {
            assert_eq!(text(&only["color"]), "text", "{title}");
        }
    });
}

#[test]
fn panels_stand_within_24_columns_and_do_not_overlap() {
    for dashboard in dashboards() {
        let top = dashboard.json["panels"].as_array().unwrap();
        let groups = top.iter().filter_map(|panel| panel["panels"].as_array());
        let mut ids = BTreeSet::new();
        for group in groups.chain([top]) {
            let mut taken: BTreeMap<(u64, u64), &str> = BTreeMap::new();
            for panel in group {
                assert!(
                    ids.insert(panel["id"].as_u64().unwrap()),
                    "{}: the id is there twice",
                    dashboard.name
                );
                let place = |key: &str| panel["gridPos"][key].as_u64().unwrap();
                let (x, y, w, h) = (place("x"), place("y"), place("w"), place("h"));
                let title = text(&panel["title"]);
                assert!(w > 0 && h > 0 && x + w <= 24, "{} / {title}", dashboard.name);
                for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                    let other = taken.insert(cell, title);
                    assert!(other.is_none(), "{}: {title} stands on {other:?}", dashboard.name);
                }
            }
        }
    }
}

#[test]
fn rates_go_over_the_interval_that_fits_the_scrapes() {
    let rate = regex::Regex::new(r"\b(?:rate|irate)\([^\[]*\[([^\]]+)\]").unwrap();
    each_panel(|_, panel, title| {
        for target in targets(panel) {
            // What was the most in the time range is the same in each point of it.
            let expr = text(&target["expr"]).replace("[$__range] @ end()", "[$__rate_interval]");
            for range in rate.captures_iter(&expr).map(|found| found[1].to_owned()) {
                // A card has no resolution to follow: its rate says over how long it goes.
                let expected = if target["range"] == true { "$__rate_interval" } else { "5m" };
                assert_eq!(range, expected, "{title}: {expr}");
            }
        }
    });
}

#[test]
fn every_link_leads_to_a_dashboard_that_is_there() {
    fn urls(value: &Value, found: &mut Vec<String>) {
        found.extend(value.get("url").and_then(Value::as_str).map(str::to_owned));
        let values = value.as_object().into_iter().flat_map(|map| map.values());
        values.chain(value.as_array().into_iter().flatten()).for_each(|child| urls(child, found));
    }
    let dashboards = dashboards();
    // Those in the same Grafana.
    let uids = |is_restricted: bool| -> BTreeSet<&str> {
        let there = dashboards.iter().filter(|dashboard| dashboard.is_restricted() == is_restricted);
        there.map(|dashboard| text(&dashboard.json["uid"])).collect()
    };
    let mut kinds = platform_exporter::registry::Kind::ALL.iter().map(|kind| format!("platform-{kind}"));
    assert!(kinds.all(|uid| uids(false).contains(uid.as_str())), "{:?}", uids(false));
    let mut checked = 0;
    for dashboard in &dashboards {
        let uids = uids(dashboard.is_restricted());
        let mut found = Vec::new();
        urls(&dashboard.json, &mut found);
        for url in found {
            let Some(uid) = url.strip_prefix("/d/").and_then(|rest| rest.split(['?', '/']).next()) else {
                continue;
            };
            let of_any_kind = uid.starts_with("platform-${__");
            let is_itself = uid == "${__dashboard.uid}";
            assert!(of_any_kind || is_itself || uids.contains(uid), "{}: {url}", dashboard.name);
            checked += 1;
        }
    }
    assert!(checked > dashboards.len(), "{checked}");
}

/// Grafana reads the dashboards where the provisioning says, and the data sources have fixed identities.
#[test]
fn the_provisioning_is_whole() {
    let read = |text: &str| {
        let mut faults = yaml::Faults::of("provisioning");
        let tree = yaml::parse_literally(text, &mut faults);
        tree.unwrap_or_else(|| panic!("{faults}"))
    };
    let strings = |node: &yaml::Node, key: &str| match node.get(key).map(|node| &node.value) {
        Some(yaml::Value::String(text)) => text.clone(),
        other => panic!("{key}: {other:?}"),
    };
    let both = [("prometheus", "prometheus"), ("alertmanager", "alertmanager")];
    let restricted = [("prometheus", "prometheus"), ("application", "grafana-postgresql-datasource")];
    for (folder, expected) in [("grafana", both), ("grafana/restricted", restricted)] {
        let read = |file: &str| {
            let path = testkit::root().join(folder).join("provisioning").join(file);
            read(&std::fs::read_to_string(path).unwrap())
        };
        let sources = read("datasources/platform.yml");
        let sources = sources.get("datasources").unwrap().elements().iter();
        let sources: Vec<_> =
            sources.map(|source| (strings(source, "uid"), strings(source, "type"))).collect();
        let sources: Vec<_> = sources.iter().map(|(uid, name)| (uid.as_str(), name.as_str())).collect();
        assert_eq!(sources, expected, "{folder}");
        let providers = read("dashboards/platform.yml");
        let [provider] = providers.get("providers").unwrap().elements() else {
            panic!("expected one provider")
        };
        assert_eq!(strings(provider.get("options").unwrap(), "path"), "/etc/grafana/dashboards");
    }
}
