//! The shipped routing on a real Alertmanager: which alert holds back which, and what a message says.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::inbox::Inbox;
use testkit::alertmanager::Alertmanager;
use testkit::http;
use testkit::wait::eventually;

/// Alertmanager with the shipped routing, at once.
struct Routing {
    alertmanager: Alertmanager,
    inbox: Inbox,
    _secrets: TempDir,
}

impl Routing {
    async fn start() -> Self {
        let inbox = Inbox::start().await;
        let secrets = TempDir::with_prefix("secrets-").unwrap();
        let wait = regex::Regex::new(r"group_(wait|interval): \w+").unwrap();
        let routing = inbox.routing(secrets.path());
        let alertmanager = Alertmanager::start(&wait.replace_all(&routing, "group_$1: 500ms")).await;
        Self { alertmanager, inbox, _secrets: secrets }
    }

    async fn send(&self, alerts: &[Alert]) {
        let alerts: Vec<Value> = alerts.iter().map(Alert::json).collect();
        let url = format!("{}/api/v2/alerts", self.alertmanager.url());
        let sent = http::client().post(url).json(&alerts).send().await.unwrap();
        assert!(sent.status().is_success(), "{}", sent.text().await.unwrap());
    }

    /// Whether Alertmanager holds back the second alert while the first one fires.
    ///
    /// It learns of what fires in the order of arrival, but routes before that: when it holds back the alert that was
    /// sent last, it has decided on the second one, too.
    async fn holds_back(&self, environment: &str, first: &Alert, second: &Alert) -> bool {
        let last = format!("after {environment}");
        let cause = Alert::new("PlatformSourceDown", "critical", &[("source", "last")]);
        let held = Alert::new("PlatformSourceDegraded", "warning", &[("source", "last")]);
        let [first, second] = [first, second].map(|alert| alert.with("environment", environment));
        let [cause, held] = [cause, held].map(|alert| alert.with("environment", &last));
        self.send(&[first, second, cause, held]).await;
        eventually(Duration::from_secs(30), "the alert that was sent last is held back", async || {
            self.states(&last).await.contains(&(Value::Null, "suppressed".to_owned()))
        })
        .await;
        let states = self.states(environment).await;
        assert_eq!(states.len(), 2, "{states:?}");
        states.contains(&("second".into(), "suppressed".to_owned()))
    }

    /// The states of the alerts of an environment, each with its label `which`.
    async fn states(&self, environment: &str) -> Vec<(Value, String)> {
        let alerts = self.alertmanager.alerts().await;
        let of_this =
            alerts.as_array().unwrap().iter().filter(|alert| alert["labels"]["environment"] == environment);
        of_this
            .map(|alert| {
                (alert["labels"]["which"].clone(), alert["status"]["state"].as_str().unwrap().to_owned())
            })
            .collect()
    }
}

#[derive(Clone)]
struct Alert(Vec<(String, String)>);

impl Alert {
    /// An alert of the source `db`, unless `more` says another.
    fn new(name: &str, severity: &str, more: &[(&str, &str)]) -> Self {
        let labels = [("job", "platform_exporter"), ("instance", "exporter:9884")];
        let alert = Self(vec![
            ("alertname".to_owned(), name.to_owned()),
            ("severity".to_owned(), severity.to_owned()),
        ]);
        labels.iter().chain(more).fold(alert, |alert, (name, value)| alert.with(name, value))
    }

    fn with(&self, name: &str, value: &str) -> Self {
        let mut labels = self.0.clone();
        labels.retain(|(known, _)| known != name);
        labels.push((name.to_owned(), value.to_owned()));
        Self(labels)
    }

    fn json(&self) -> Value {
        let labels: serde_json::Map<_, _> =
            self.0.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let name = labels["alertname"].as_str().unwrap_or_default();
        let source = labels.get("source").and_then(Value::as_str).unwrap_or("the exporter");
        let annotations = json!({
            "summary": format!("{source} has {name}."),
            "description": format!("What {name} is about."),
            "runbook_url": format!("https://runbooks.example/#{name}"),
        });
        json!({"labels": labels, "annotations": annotations})
    }
}

/// The command of docs/alerting.md.
#[tokio::test]
async fn a_silence_of_a_source_holds_back_its_alerts_only() {
    let routing = Routing::start().await;
    let page = std::fs::read_to_string(testkit::root().join("docs/alerting.md")).unwrap();
    let command = page.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let command = command.replace("http://localhost:9093", &routing.alertmanager.url());
    let output = Command::new("sh").args(["-c", &command]).env("USER", "sre").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let of = |source, which| {
        Alert::new("PlatformSourceDegraded", "warning", &[("source", source), ("which", which)])
    };
    let first = of("other-db", "first");
    assert!(routing.holds_back("silenced", &first, &of("orders-db", "second")).await);
    assert!(!routing.holds_back("not silenced", &first, &of("third-db", "second")).await);
}

#[tokio::test]
async fn an_alert_holds_back_what_it_explains_and_nothing_else() {
    let routing = Routing::start().await;
    let of = |name, severity, source| Alert::new(name, severity, &[("source", source)]);
    let in_database = |severity, datname| {
        Alert::new("PostgresWraparound", severity, &[("source", "db"), ("datname", datname)])
    };
    let exporter = Alert::new("PlatformExporterDown", "critical", &[]);
    let many = Alert::new("PlatformManySourcesDown", "critical", &[]).with("instance", "");
    let down = of("PlatformSourceDown", "critical", "db");
    let degraded = of("PlatformSourceDegraded", "warning", "db");
    let disconnected = of("RedisReplicaDisconnected", "critical", "db");
    let publishers = of("HayonPublishersGone", "critical", "broker");
    let queue = of("RabbitmqQueueWithoutConsumers", "critical", "broker");
    let cases = [
        ("a source and its warning", &down, degraded.clone(), true),
        (
            "a source and the warning of another",
            &down,
            of("PlatformSourceDegraded", "warning", "cache"),
            false,
        ),
        // It has paged, and would never be resolved.
        ("a source and its critical alert", &down, disconnected.clone(), false),
        ("the exporter and a warning", &exporter, degraded.clone(), true),
        ("the exporter and a page", &exporter, disconnected.clone(), false),
        ("another exporter and a warning", &exporter.with("instance", "other:9884"), degraded.clone(), false),
        ("many sources and one of them", &many, down.clone(), true),
        ("many sources and a warning", &many, degraded.clone(), true),
        ("many sources and a page of another kind", &many, disconnected.clone(), false),
        ("many sources of another job", &many.with("job", "other"), down.clone(), false),
        ("a database and its own warning", &in_database("critical", "a"), in_database("warning", "a"), true),
        (
            "a database and the warning of another",
            &in_database("critical", "a"),
            in_database("warning", "b"),
            false,
        ),
        ("a page and its generic form", &disconnected, degraded.clone(), true),
        ("publishers and their queue", &publishers, queue.with("queue", "hayon_social_posts"), true),
        (
            "publishers and late posts",
            &publishers,
            Alert::new("HayonPublishingBudget", "warning", &[("source", "hayon-db")]),
            true,
        ),
        (
            "an endpoint that keeps failing and its budget",
            &of("HttpErrorBudget", "critical", "db"),
            of("PlatformSourceErrorBudget", "warning", "db").with("instance", ""),
            true,
        ),
        ("publishers and another queue", &publishers, queue.with("queue", "mails"), false),
    ];
    for (number, (what, first, second, expected)) in cases.iter().enumerate() {
        let environment = format!("case{number}");
        let (first, second) = (first.with("which", "first"), second.with("which", "second"));
        assert_eq!(routing.holds_back(&environment, &first, &second).await, *expected, "{what}");
    }
}

/// On a phone, the first line is all that one sees.
#[tokio::test]
async fn messages_say_what_where_and_how_many() {
    let mut routing = Routing::start().await;
    let production = |alert: Alert| alert.with("environment", "production");
    let queue = |name| {
        production(Alert::new(
            "RabbitmqQueueWithoutConsumers",
            "critical",
            &[("source", "broker"), ("queue", name)],
        ))
    };
    routing.send(&[queue("a"), queue("b")]).await;
    let page = routing.inbox.first("/pagerduty").await;
    let payload = &page["payload"];
    assert_eq!(payload["summary"], "production: broker has RabbitmqQueueWithoutConsumers. (2 alerts)");
    assert_eq!(payload["custom_details"]["resolved"], "");
    assert_eq!(page["links"][0]["text"], "Runbook");

    let degraded = Alert::new("PlatformSourceDegraded", "warning", &[("source", "db"), ("reason", "query")]);
    routing.send(&[production(degraded.clone())]).await;
    let message = &routing.inbox.first("/slack").await["attachments"][0];
    assert_eq!(message["title"], "FIRING (1): db (production)");
    assert_eq!(message["fallback"], "db has PlatformSourceDegraded. ");
    assert_eq!(message["color"], "warning");
    let text = message["text"].as_str().unwrap();
    assert!(
        text.starts_with("*db has PlatformSourceDegraded.* What PlatformSourceDegraded is about. <https:"),
        "{text}"
    );
}
