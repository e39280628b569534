//! The variables of dashboards without a configuration, resolved as Grafana does.

use std::collections::BTreeMap;

use testkit::prometheus::Prometheus;

use super::{Rendered, dashboards, label_values, text};

/// The values of the variables that a pack's dashboard queries in Prometheus, in the order of the dashboard: each may
/// depend on the first value of those before it.
async fn choices(dashboard: &Rendered, prometheus: &Prometheus) -> BTreeMap<String, Vec<String>> {
    let mut choices = BTreeMap::<String, Vec<String>>::new();
    for variable in dashboard.variables().iter().filter(|variable| variable["type"] == "query") {
        let (series, label) = label_values(text(&variable["query"]));
        let series = choices.iter().fold(series, |series, (name, values)| {
            series.replace(&format!("${name}"), values.first().map_or("", String::as_str))
        });
        let answer = prometheus.query(&format!("count by ({label}) ({series})")).await;
        let values = answer.as_array().unwrap().iter();
        let values = values.map(|series| text(&series["metric"][&label]).to_owned()).collect();
        choices.insert(text(&variable["name"]).to_owned(), values);
    }
    choices
}

/// With several platforms in one Prometheus, the dashboard of each shows its own sources, and nothing has to be chosen.
pub(crate) async fn every_platform_has_its_own_sources(prometheus: &Prometheus, packs: &[&str]) {
    for dashboard in dashboards().iter().filter(|dashboard| packs.contains(&dashboard.name.as_str())) {
        let choices = choices(dashboard, prometheus).await;
        assert_eq!(choices["deployment"], [dashboard.name.as_str()], "{choices:?}");
        for (variable, values) in &choices {
            let [value] = values.as_slice() else { panic!("{}: {variable}: {values:?}", dashboard.name) };
            assert!(value.starts_with(&dashboard.name), "{}: {variable}: {value}", dashboard.name);
        }
        // With 1, only the label is hidden.
        let visible = dashboard.variables().iter().filter(|variable| variable["hide"] != 2);
        let visible: Vec<_> = visible.map(|variable| text(&variable["name"])).collect();
        assert!(visible.starts_with(&["datasource", "deployment"]), "{visible:?}");
    }
}
