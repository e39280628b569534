//! Whether charts show something from the beginning of their range to its end.

use serde_json::Value;

use super::{Rendered, replaced, targets, text};
use testkit::prometheus::Prometheus;

/// One question of a chart.
pub(crate) struct Chart {
    pub(crate) title: String,
    id: String,
    expr: String,
    value: String,
    /// Its range, in seconds.
    seconds: i64,
}

/// As many points as a chart of half a screen has.
const POINTS: i64 = 500;
/// The shortest interval of rates: four scrapes of the shipped configuration.
const SHORTEST: i64 = 60;

impl Rendered {
    /// The questions over a range, with `value` for the variables that viewers set; the range is the panel's or the
    /// dashboard's, or a longer one that viewers choose.
    pub(crate) fn charts(&self, value: &str, at_least: i64) -> Vec<Chart> {
        let own = &self.json["time"]["from"];
        let of_panel = |panel: &Value| {
            let range = panel["timeFrom"].as_str().unwrap_or(text(own).trim_start_matches("now-"));
            let seconds = seconds(range).max(at_least);
            let over_time = targets(panel).iter().filter(|target| {
                target["range"] == true
                    && text(&target["refId"]) != "Z"
                    && !text(&target["refId"]).starts_with("last")
            });
            let charts = over_time.map(|target| Chart {
                title: self.title(panel),
                id: text(&target["refId"]).to_owned(),
                expr: text(&target["expr"]).to_owned(),
                value: value.to_owned(),
                seconds,
            });
            charts.collect::<Vec<_>>()
        };
        self.panels().into_iter().flat_map(of_panel).collect()
    }
}

fn seconds(range: &str) -> i64 {
    let (number, unit) = range.split_at(range.len() - 1);
    let unit = match unit {
        "h" => 3600,
        "d" => 86_400,
        _ => panic!("{range}"),
    };
    number.parse::<i64>().unwrap() * unit
}

/// Those that have nothing in the first quarter of their range, or in the last.
pub(crate) async fn open_ended(prometheus: &Prometheus, charts: &[Chart]) -> Vec<String> {
    let mut wrong = Vec::new();
    for Chart { title, id, expr, value, seconds } in charts {
        let end = jiff::Timestamp::now().as_second();
        let (start, step) = (end - seconds, (seconds / POINTS).max(15));
        let expr = replaced(expr, &format!("{}s", SHORTEST.max(step + 15)), value);
        let answer = prometheus.query_range(&expr, (start, end), step).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let series = answer["data"]["result"].as_array().unwrap().iter();
        let times: Vec<_> = series
            .flat_map(|series| series["values"].as_array().unwrap())
            .map(|point| point[0].as_f64().unwrap())
            .collect();
        let quarter = *seconds as f64 / 4.0;
        let first = times.iter().any(|time| *time < start as f64 + quarter);
        let last = times.iter().any(|time| *time > end as f64 - quarter);
        if !first || !last {
            wrong.push(format!("{title} / {id} over {seconds} s: {first} {last}: {expr}"));
        }
    }
    wrong
}
