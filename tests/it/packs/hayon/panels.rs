//! Every panel of Hayon's dashboard has data, and none is left that optional inputs would fill.

use super::PATIENCE;
use super::services::Services;
use super::world::World;
use crate::bundle::of_pack;
use crate::bundle::panels::{Empty, all_have_data, prometheus};
use crate::support::exporter::Exporter;

/// Questions of the dashboard that have no answer: panel, query, and why.
const EMPTY: [Empty; 1] = [("What is wrong", "A", "nothing is wrong")];

#[tokio::test]
async fn every_panel_of_the_dashboard_has_data() {
    let services = Services::of(&World::new(500)).await;
    let config = services.config();
    let exporter = Exporter::start(&config).await;
    let prometheus = prometheus(&exporter).await;
    let (dashboard, _) = of_pack(&config, "hayon");
    let questions = dashboard.questions("");
    assert!(questions.len() > 60, "{}", questions.len());
    all_have_data(&prometheus, &questions, &EMPTY, PATIENCE).await;
}

/// What needs another source than the database is left out without it, and nothing else.
#[test]
fn the_bundle_does_without_optional_inputs() {
    let (dashboard, rules) = of_pack(
        "sources: {app-db: {mongodb: {url: 'mongodb://localhost/hayon'}}}\npacks: {hayon: {db: app-db}}\n",
        "hayon",
    );
    for title in ["Accounts", "Overdue posts", "Plans and their limits", "Posts that wait", "Paid accounts"] {
        assert!(dashboard.has(title), "{title}");
    }
    for title in [
        "Redis PING",
        "Consumers of posts",
        "Webhooks not delivered",
        "Webhook receiver",
        "Media bucket",
        "Workers missing",
        "Depth of the queues",
        "Age of dead letters",
        "Clients at their limit",
        "Last upload",
    ] {
        assert!(!dashboard.has(title), "{title}");
    }
    assert!(rules.contains("HayonPostsOverdue") && !rules.contains("HayonPublishersGone"), "{rules}");
}
