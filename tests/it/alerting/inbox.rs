//! What the pager, the chat and the dead man's switch receive from Alertmanager.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use testkit::wait::until;
use testkit::web::{Web, reply};

/// Stands in for PagerDuty, Slack and a dead man's switch.
pub(super) struct Inbox {
    web: Web,
    received: Vec<(String, Value)>,
}

/// An event at the pager.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Page {
    /// `trigger` or `resolve`.
    pub(super) action: String,
    pub(super) alert: String,
    /// Empty for what is not of a source.
    pub(super) source: String,
}

impl Page {
    pub(super) fn new(action: &str, alert: &str, source: &str) -> Self {
        Self { action: action.to_owned(), alert: alert.to_owned(), source: source.to_owned() }
    }
}

impl Inbox {
    pub(super) async fn start() -> Self {
        let web = Web::start(|asked| match asked.path.as_str() {
            "/pagerduty" => reply(202, r#"{"status": "success"}"#),
            _ => reply(200, "ok"),
        })
        .await;
        Self { web, received: Vec::new() }
    }

    /// The shipped routing, with this inbox in place of all receivers. Their secrets are put into the directory.
    pub(super) fn routing(&self, secrets: &Path) -> String {
        std::fs::write(secrets.join("pagerduty_routing_key"), "key").unwrap();
        std::fs::write(secrets.join("slack_api_url"), self.web.url("/slack")).unwrap();
        let routing = include_str!("../../../alerts/alertmanager.yml")
            .replace("/run/secrets", secrets.to_str().unwrap())
            .replace("http://dead-mans-switch.invalid/platform_exporter", &self.web.url("/watchdog"));
        format!("global: {{pagerduty_url: \"{}\"}}\n{routing}", self.web.url("/pagerduty"))
    }

    /// Waits for the first message at `/pagerduty`, `/slack` or `/watchdog`.
    pub(super) async fn first(&mut self, path: &str) -> Value {
        until(Duration::from_secs(60), path, async || self.at(path).into_iter().next()).await
    }

    /// The JSON of everything that came to a path so far.
    pub(super) fn at(&mut self, path: &str) -> Vec<Value> {
        let news = self.web.asked().into_iter();
        self.received.extend(news.map(|asked| (asked.path, serde_json::from_slice(&asked.body).unwrap())));
        self.received.iter().filter(|(at, _)| at == path).map(|(_, body)| body.clone()).collect()
    }

    /// Everything that came to the pager so far.
    pub(super) fn pages(&mut self) -> Vec<Page> {
        // The end of an incident says which one by its key alone.
        let key = |event: &Value| event["dedup_key"].as_str().unwrap().to_owned();
        let events = self.at("/pagerduty");
        let field = |event: &Value, name: &str| {
            let begin = events.iter().find(|begin| key(begin) == key(event)).unwrap();
            begin["payload"][name].as_str().unwrap_or_default().to_owned()
        };
        let page = |event: &Value| {
            let action = event["event_action"].as_str().unwrap();
            Page::new(action, &field(event, "class"), &field(event, "component"))
        };
        events.iter().map(page).collect()
    }

    /// Waits for an event at the pager.
    pub(super) async fn wait_for(&mut self, page: &Page) {
        let what = format!("{page:?}");
        until(Duration::from_secs(120), &what, async || self.pages().contains(page).then_some(())).await;
    }
}
