//! Whether the panels of dashboards have data: every question put to a real Prometheus.

use std::time::{Duration, Instant};

use platform_exporter::bundle;
use serde_json::Value;

use super::{Rendered, replaced, targets, text};
use testkit::exporter::Exporter;
use testkit::prometheus::{Options, Prometheus};
use testkit::wait::PAUSE;

/// A question that has no answer while all is well, or on a platform of this size: panel, query, and why.
pub(crate) type Empty = (&'static str, &'static str, &'static str);

/// One question of a panel.
pub(crate) struct Question {
    title: String,
    id: String,
    /// With Grafana's variables.
    expr: String,
    /// What stands for those that viewers set.
    value: String,
    /// Whether the panel shows one value, whose title says what it is.
    is_single: bool,
}

impl Question {
    /// The series of the answer; panics when the query is refused.
    async fn ask(&self, prometheus: &Prometheus) -> Vec<Value> {
        let expr = replaced(&self.expr, "10s", &self.value);
        match prometheus.query(&expr).await {
            Value::Array(series) => series,
            _ => panic!("{} / {}: {expr} is refused", self.title, self.id),
        }
    }
}

impl Rendered {
    /// The questions for present values, with `value` for the variables that viewers set: not those for the last known
    /// values, which have none while all is well.
    pub(crate) fn questions(&self, value: &str) -> Vec<Question> {
        let of_panel = |panel: &Value| {
            let present = targets(panel).iter().filter(|target| {
                let id = text(&target["refId"]);
                target["expr"].is_string() && id != "Z" && !id.starts_with("last")
            });
            let questions = present.map(|target| Question {
                title: text(&panel["title"]).to_owned(),
                id: text(&target["refId"]).to_owned(),
                expr: text(&target["expr"]).to_owned(),
                value: value.to_owned(),
                is_single: panel["type"] == "stat" && !text(&target["legendFormat"]).contains("{{"),
            });
            questions.collect::<Vec<_>>()
        };
        self.panels().into_iter().flat_map(of_panel).collect()
    }

    /// Each SELECT, with the title of its panel.
    pub(crate) fn selects(&self) -> Vec<(&str, &str)> {
        let panels = self.panels().into_iter();
        panels
            .flat_map(|panel| targets(panel).iter().map(move |target| (panel, target)))
            .filter_map(|(panel, target)| Some((text(&panel["title"]), target["rawSql"].as_str()?)))
            .collect()
    }
}

/// A Prometheus that scrapes an exporter, with the bundle's rules and an alert that fires.
pub(crate) async fn prometheus(exporter: &Exporter) -> Prometheus {
    of_one(exporter).rules(&rules()).start().await
}

/// The same, with neither rules nor a past yet.
pub(crate) async fn prometheus_before_its_past(exporter: &Exporter) -> Prometheus {
    of_one(exporter).keeps_a_month().start().await
}

fn of_one(exporter: &Exporter) -> Options {
    scraping(&format!("[{{targets: [\"{}\"]}}]", exporter.address()))
}

/// The same for two exporters on the same sources.
pub(crate) async fn prometheus_of_two(exporter: &Exporter) -> Prometheus {
    let address = exporter.address();
    scraping(&format!(
        "[{{targets: [\"{address}\"]}}, {{targets: [\"{address}\"], labels: {{instance: second}}}}]"
    ))
    .rules(&rules())
    .start()
    .await
}

fn scraping(targets: &str) -> Options {
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
         rule_files: ['*.rules.yml']\n\
         scrape_configs: [{{job_name: platform_exporter, static_configs: {targets}}}]\n",
    );
    Prometheus::options(&config)
}

/// Those of the bundle, and one of an alert that fires.
pub(crate) fn rules() -> Vec<bundle::File> {
    let busy = "groups: [{name: a, rules: [\
                {alert: Busy, expr: platform_source_up == 1, labels: {severity: warning}}]}]\n";
    let busy = bundle::File { path: "alerts/busy.rules.yml".to_owned(), text: busy.to_owned() };
    bundle::render(None).unwrap().into_iter().chain([busy]).collect()
}

/// Waits until every question has an answer, but for those that are meant to be empty; a card then has one value.
pub(crate) async fn all_have_data(
    prometheus: &Prometheus,
    questions: &[Question],
    empty: &[Empty],
    patience: Duration,
) {
    let is = |question: &Question, (title, id, _): &Empty| question.title == *title && question.id == *id;
    for listed in empty {
        assert!(questions.iter().any(|question| is(question, listed)), "there is no panel {listed:?}");
    }
    let mut missing: Vec<_> =
        questions.iter().filter(|question| !empty.iter().any(|listed| is(question, listed))).collect();
    let deadline = Instant::now() + patience;
    loop {
        let mut still = Vec::new();
        for question in missing {
            let found = question.ask(prometheus).await.len();
            let title = &question.title;
            assert!(found <= 1 || !question.is_single, "{title}: {found} values on one card");
            if found == 0 {
                still.push(question);
            }
        }
        missing = still;
        if missing.is_empty() {
            return;
        }
        let list =
            || missing.iter().map(|Question { title, id, expr, .. }| format!("{title} / {id}: {expr}\n"));
        assert!(Instant::now() < deadline, "no data\n{}", list().collect::<String>());
        tokio::time::sleep(PAUSE).await;
    }
}

/// The largest of the values that a panel shows.
fn largest(values: &[Value]) -> Option<f64> {
    let values = values.iter().filter_map(|value| text(&value["value"][1]).parse::<f64>().ok());
    values.map(f64::abs).reduce(f64::max)
}

/// No panel of a kind's dashboard fails, with its first source.
pub(crate) async fn all_of_kinds_have_answers(prometheus: &Prometheus, dashboards: &[Rendered]) {
    let mut answered = 0;
    for dashboard in dashboards {
        let sources = format!("group by (source) (platform_source_up{{kind=\"{}\"}})", dashboard.name);
        let sources = prometheus.query(&sources).await;
        let Some(source) = sources[0]["metric"]["source"].as_str() else { continue };
        for question in dashboard.questions(source) {
            question.ask(prometheus).await;
            answered += 1;
        }
    }
    assert!(answered > 100, "{answered}");
}

/// Waits until every panel shows the same numbers for two exporters on the same sources as for one.
pub(crate) async fn all_agree(
    one: &Prometheus,
    two: &Prometheus,
    questions: &[Question],
    patience: Duration,
) {
    let deadline = Instant::now() + patience;
    let mut differing: Vec<&Question> = questions.iter().collect();
    let mut compared = 0;
    loop {
        let mut still = Vec::new();
        for question in differing {
            let (of_one, of_two) = (question.ask(one).await, question.ask(two).await);
            // The data changes between the two: far less than twice.
            let agree = match (largest(&of_one), largest(&of_two)) {
                (Some(one), Some(two)) => two <= 1.3 * one + 0.3 && one <= 1.3 * two + 0.3,
                (one, two) => one == two,
            };
            if agree && (of_two.len() <= 1 || !question.is_single) {
                compared += usize::from(!of_one.is_empty());
            } else {
                still.push((question, of_one, of_two));
            }
        }
        if still.is_empty() {
            assert!(compared > 40, "{compared}");
            return;
        }
        let differ = || {
            let line =
                |(Question { title, id, expr, .. }, one, two): &(&Question, Vec<Value>, Vec<Value>)| {
                    format!("{title} / {id}: {expr}\n  {:?} {:?}\n", largest(one), largest(two))
                };
            still.iter().map(line).collect::<String>()
        };
        assert!(Instant::now() < deadline, "not the same with two exporters\n{}", differ());
        differing = still.into_iter().map(|(question, ..)| question).collect();
        tokio::time::sleep(PAUSE).await;
    }
}
