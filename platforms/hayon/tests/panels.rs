//! What of the dashboard and the rules is left without optional inputs. With all of them, every panel has data: see `demo.rs`.

use crate::bundle::of_pack;

/// What needs another source than the database is left out without it, and nothing else.
#[test]
fn the_bundle_does_without_optional_inputs() {
    let (dashboard, rules) = of_pack(
        "sources: {app-db: {mongodb: {url: 'mongodb://localhost/hayon'}}}\npacks: {hayon: {db: app-db}}\n",
        "hayon",
    );
    for title in ["Accounts", "Overdue posts", "Plans and their limits", "Posts waiting", "Paid accounts"] {
        assert!(dashboard.has(title), "{title}");
    }
    for title in [
        "Redis PING",
        "Post consumers",
        "Undelivered webhooks",
        "Webhook receiver",
        "Media bucket",
        "Workers missing",
        "Queue depth",
        "Age of dead letters",
        "Clients at their limit",
        "Last upload",
    ] {
        assert!(!dashboard.has(title), "{title}");
    }
    assert!(rules.contains("HayonPostsOverdue") && !rules.contains("HayonPublishersGone"), "{rules}");
}
