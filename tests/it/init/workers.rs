//! `init` on the heartbeats of workers: one source with a class for each system.

use std::fs;

use testkit::exporter::{binary, value};
use testkit::redis::Redis;

use super::redis::{apply_role, fill, keys, project};
use super::{Project, text};

/// The line of a class in a configuration.
fn class(project: &Project, name: &str) -> Option<String> {
    let start = format!("        {name}: ");
    project.read("platform.yml").lines().find(|line| line.starts_with(&start)).map(str::to_owned)
}

/// Sidekiq's keys without processes.
fn without_processes() -> String {
    let keys = keys("sidekiq");
    let lines = keys.lines().filter(|line| !line.contains("web-") && !line.starts_with("SADD processes"));
    lines.collect::<Vec<_>>().join("\n")
}

/// How many there should be is not known then, and an alert from the start on would be wrong.
#[tokio::test]
async fn workers_of_whom_none_is_alive_are_proposed_once_one_is() {
    let server = Redis::start().await;
    fill(&server, &without_processes());
    let project = project(&server);
    let printed = project.init(&[]);
    let why = "workers(sidekiq): not proposed: no worker is alive now: run `init` again when one is";
    assert!(printed.contains(why), "{printed}");
    assert_eq!(class(&project, "sidekiq"), None);
    let before = project.read("packs/shop.yml");
    fill(&server, &keys("sidekiq"));
    let printed = project.init(&[]);
    assert!(printed.contains("workers(sidekiq)") && printed.contains("(2 now)"), "{printed}");
    let line = class(&project, "sidekiq").unwrap();
    assert_eq!(line.trim(), "sidekiq: {from: cache, layout: sidekiq, namespace: \"\", expected: 2}");
    let after = project.read("packs/shop.yml");
    assert!(after.contains("workers_alive{source=\"workers\", class=~\"sidekiq\"}"), "{after}");
    let kept = before.lines().filter(|line| !line.starts_with("# Proposed so far"));
    assert!(kept.into_iter().all(|line| after.contains(line)), "{before}\n{after}");
    project.passes();
}

/// What a person has changed stays, and what was deleted does not come back.
#[tokio::test]
async fn a_second_run_adds_a_class_to_the_source_that_is_there() {
    let server = Redis::start().await;
    fill(&server, &keys("sidekiq"));
    let mut project = project(&server);
    project.init(&[]);
    let edited = project.read("platform.yml").replace("expected: 2}", "expected: 1} # One is enough.");
    let edited = edited.replace("\npacks:", "    interval: 30s\n\npacks:");
    fs::write(project.path("platform.yml"), &edited).unwrap();
    let printed = project.init(&[]);
    assert!(printed.contains("cache: nothing new to propose"), "{printed}");
    assert_eq!(project.read("platform.yml"), edited);
    fill(&server, &keys("rq"));
    project.init(&[]);
    let added = "        # `expected` is a guess: so many were alive when this was written.\n        \
                 rq: {from: cache, layout: rq, expected: 2}\n";
    assert_eq!(
        project.read("platform.yml"),
        edited.replace("    interval: 30s", &format!("{added}    interval: 30s"))
    );
    apply_role(&server, &mut project, "packs/shop.role.acl").await;
    project.run(&binary(), &["bundle", "--config.file", "platform.yml", "--out", "out"]);
    let exposition = project.workers();
    assert_eq!(value(&exposition, "workers_alive{class=\"rq\"}"), Some(2.0), "{exposition}");
    assert_eq!(value(&exposition, "workers_expected{class=\"sidekiq\"}"), Some(1.0), "{exposition}");
    fs::write(project.path("platform.yml"), project.read("platform.yml").replace(added, "")).unwrap();
    project.url = server.url();
    project.init(&[]);
    assert_eq!(project.read("platform.yml"), edited);
}

/// A class that a person has written himself, under another name.
#[tokio::test]
async fn a_class_that_is_configured_is_not_proposed() {
    let server = Redis::start().await;
    fill(&server, &keys("rq"));
    let project = project(&server);
    let own = "sources:\n  cache: {redis: {url: \"${REDIS_URL}\"}}\n  ours: {workers: {classes: {mail: {from: cache, layout: rq}}}}\n";
    fs::write(project.path("platform.yml"), own).unwrap();
    project.init(&[]);
    let written = project.read("platform.yml");
    assert!(written.starts_with(own) && !written.contains("expected"), "{written}");
    assert!(project.read("packs/shop.yml").ends_with("# Proposed so far: rq(rq_queues)\n"));
}

#[tokio::test]
async fn workers_are_left_out_as_other_proposals_are() {
    let server = Redis::start().await;
    fill(&server, &keys("sidekiq"));
    fill(&server, &keys("rq"));
    for (without, expected) in
        [("workers", [false, false]), ("workers(rq)", [true, false]), ("sidekiq", [false, true])]
    {
        let project = project(&server);
        let printed = project.run(&binary(), &["init", "--name", "shop", "--without", without, "--dry-run"]);
        assert!(printed.contains("rq(rq_queues)") && !project.path("platform.yml").exists(), "{printed}");
        project.init(&["--without", without]);
        let found = ["sidekiq", "rq"].map(|name| class(&project, name).is_some());
        assert_eq!(found, expected, "{without}");
        project.passes();
    }
}

/// Without any query of the same source.
#[tokio::test]
async fn workers_alone_make_a_pack() {
    let server = Redis::start().await;
    fill(&server, &keys("sidekiq"));
    let mut project = project(&server);
    project.init(&["--without", "sidekiq(queues)"]);
    assert!(class(&project, "sidekiq").is_some());
    apply_role(&server, &mut project, "packs/shop.role.acl").await;
    project.passes();
}

/// The errors of a class in a recipe of one's own, at their place.
#[tokio::test]
async fn errors_of_classes_are_reported_at_their_place() {
    let server = Redis::start().await;
    let project = project(&server);
    fs::create_dir(project.path("recipes")).unwrap();
    let recipe = "about: mail\nkind: redis\nfinds:\n  beats: {name: [beats]}\nworkers:\n  - class: mail\n    layout: hsah\n    key: $(beats)\n";
    fs::write(project.path("recipes/mail.yml"), recipe).unwrap();
    let output = project.command(&binary(), &["init", "--yes", "--recipes", "recipes"]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("recipes/mail.yml:7:13: workers[0].layout: expected one of"), "{text}");
    assert!(text.contains("did you mean `hash`?"), "{text}");
}
