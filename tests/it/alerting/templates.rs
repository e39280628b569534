//! Texts for e-mail and Teams, and what docs/alerting.md configures.

use tempfile::TempDir;

use super::files::passes;
use crate::docs::yaml_blocks;
use testkit::root;

/// A template over two alerts, one of which is resolved.
fn rendered(kind: &str, name: &str) -> String {
    let glob = format!("--template.glob={}", root().join("alerts/templates.tmpl").display());
    let data =
        format!("--template.data={}", root().join("tests/it/alerting/templates/alerts.json").display());
    let text = format!("--template.text={{{{ template \"platform_exporter.{name}\" . }}}}");
    let kind = format!("--template.type={kind}");
    passes("amtool", &["template", "render", &glob, &data, &text, &kind], &[])
}

#[test]
fn a_title_names_the_state_the_source_and_the_environment() {
    assert_eq!(rendered("text", "title"), "FIRING (1): orders-db (production)");
}

#[test]
fn a_message_in_teams_links_the_runbook_of_what_fires() {
    assert_eq!(
        rendered("text", "teams").trim_end(),
        "**orders-db is down.** orders-db (postgres) does not respond. \
         [Runbook](https://runbooks.example/#platformsourcedown)\n\n\
         Resolved: orders-db: <script>."
    );
}

#[test]
fn a_mail_says_since_when_and_escapes_what_is_not_its_own() {
    let mail = rendered("html", "email");
    for part in [
        "orders-db is down.</h3>",
        "<p>orders-db (postgres) does not respond.</p>",
        "critical since 2026-03-01 10:00 UTC. <a href=\"https://runbooks.example/#platformsourcedown\">Runbook</a>",
        "Resolved: orders-db: &lt;script&gt;.</h3>",
        "From 2026-03-01 09:00 to 2026-03-01 09:30 UTC.",
    ] {
        assert!(mail.contains(part), "{part} is not in {mail}");
    }
}

/// The block of the page that contains a word.
fn block(word: &str) -> String {
    let page = std::fs::read_to_string(root().join("docs/alerting.md")).unwrap();
    yaml_blocks(&page).find(|block| block.contains(word)).unwrap().to_owned()
}

/// Asks Alertmanager's own tool.
fn check(configuration: &str) {
    let directory = TempDir::new().unwrap();
    std::fs::copy(root().join("alerts/templates.tmpl"), directory.path().join("templates.tmpl")).unwrap();
    let file = directory.path().join("alertmanager.yml");
    std::fs::write(&file, configuration).unwrap();
    passes("amtool", &["check-config"], &[file]);
}

#[test]
fn mail_takes_the_place_of_a_receiver_that_is_shipped() {
    let shipped = std::fs::read_to_string(root().join("alerts/alertmanager.yml")).unwrap();
    let slack = "    slack_configs: *slack\n";
    assert!(shipped.contains(slack));
    check(&format!("templates: [templates.tmpl]\n{}", shipped.replace(slack, &block("email_configs"))));
}

#[test]
fn alertmanager_takes_the_times_of_maintenance() {
    let block = block("time_intervals");
    let lines: Vec<_> = block.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
    check(&format!("{}\nreceivers: [{{name: chat}}, {{name: pager}}]\n", lines.join("\n")));
}
