//! What of the dashboard and the rules is left without optional inputs. With all of them, every panel has data: see `demo.rs`.

use crate::bundle::{Rendered, of_pack};

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
        "Webhook backlog",
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

const DATABASE_ALONE: &str = "sources: {app-db: {mongodb: {url: 'mongodb://localhost/hayon'}}}\n";

/// The JSON of the panel with this title.
fn panel(dashboard: &Rendered, title: &str) -> String {
    let panel = dashboard.panels().into_iter().find(|panel| panel["title"] == title);
    panel.unwrap_or_else(|| panic!("{title}")).to_string()
}

#[test]
fn what_is_about_accounts_links_to_the_admin_page() {
    const PAGE: &str = "https://app.example.com/admin/users";
    let with = format!("{DATABASE_ALONE}packs: {{hayon: {{db: app-db, admin_url: '{PAGE}'}}}}\n");
    let (dashboard, rules) = of_pack(&with, "hayon");
    for (title, links) in [
        ("Inactive", 1),
        ("Broken connections", 1),
        // The name of a plan, and accounts near, at and over each limit, and off-plan.
        ("Plans and their limits", 8),
        ("Platforms", 1),
    ] {
        assert_eq!(panel(&dashboard, title).matches(PAGE).count(), links, "{title}");
    }
    for alert in ["HayonRenewalsMissing", "HayonConnectionsBroken"] {
        let (_, rule) = rules.split_once(&format!("alert: {alert}\n")).unwrap();
        let rule = rule.split("- alert: ").next().unwrap();
        assert!(rule.contains("admin_url: ") && rule.contains(PAGE), "{alert}: {rule}");
    }

    let (dashboard, rules) = of_pack(&format!("{DATABASE_ALONE}packs: {{hayon: {{db: app-db}}}}\n"), "hayon");
    assert!(!panel(&dashboard, "Inactive").contains("\"links\""));
    assert!(!rules.contains("admin_url"), "{rules}");
}

/// In every panel by plan; other names are a parameter.
#[test]
fn plans_have_the_names_that_people_say() {
    let renamed = "{db: app-db, free_plan: basic, free_plan_name: Basic, paid_plan_name: Premium}";
    for (keys, names) in [("{db: app-db}", ["Free", "Professional"]), (renamed, ["Basic", "Premium"])] {
        let (dashboard, _) = of_pack(&format!("{DATABASE_ALONE}packs: {{hayon: {keys}}}\n"), "hayon");
        let by_plan = dashboard.panels().into_iter().filter(|panel| panel.to_string().contains("by (plan"));
        let by_plan: Vec<_> = by_plan.collect();
        assert_eq!(by_plan.len(), 6);
        for panel in by_plan {
            let text = panel.to_string();
            assert!(names.iter().all(|name| text.contains(name)), "{names:?}: {text}");
        }
    }
}
