//! Targets of modules, with scripted sources and a paused clock.

use std::time::Duration;

use platform_core::probe::Reason;
use platform_exporter::schedule::ProbeRefusal;
use platform_exporter::snapshot::{SourceState, Status};
use tokio::time::Instant;

use super::script::{Act, Number, Script};
use super::{DESCRIPTORS, Running, configuration, start};

const MODULES: &str = "
modules:
  m: {postgres: {url: 'postgres://{target}'}, timeout: 5s, targets: ['10.0.0.0/8:5432']}
";

async fn running(script: &Script) -> Running {
    start(&configuration(MODULES), &[("m", script)], Number::default()).await
}

impl Running {
    async fn scrape(&self, number: u64, patience: u64) -> Result<SourceState, ProbeRefusal> {
        self.scrape_part(number, patience, &[]).await
    }

    async fn scrape_part(
        &self,
        number: u64,
        patience: u64,
        collect: &[&str],
    ) -> Result<SourceState, ProbeRefusal> {
        let target = format!("10.0.{}.{}:5432", number / 250, number % 250 + 1).parse().unwrap();
        let deadline = Instant::now() + Duration::from_secs(patience);
        let collect: Vec<_> = collect.iter().map(|name| (*name).to_owned()).collect();
        self.schedule.probe_target("m", target, &collect, deadline).await
    }

    async fn after_scrape(&self, number: u64, patience: u64) -> Status {
        self.scrape(number, patience).await.unwrap().status()
    }
}

/// The deadline of one client is not that of another.
#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_does_not_end_the_probe() {
    let script = Script::new(Act::Slow(Duration::from_secs(3)));
    let running = running(&script).await;
    let (late, patient) = tokio::join!(running.after_scrape(1, 1), running.after_scrape(1, 10));
    assert_eq!((late, patient), (Status::Down, Status::Up));
    assert_eq!(script.probes(), 1);
    let state = running.scrape(1, 10).await.unwrap();
    assert_eq!((state.status(), script.probes()), (Status::Up, 1), "it is fresh");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!((running.after_scrape(1, 10).await, script.probes()), (Status::Up, 2));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_problem_of_the_target() {
    let script = Script::new(Act::Panic);
    let running = running(&script).await;
    assert_eq!(running.scrape(1, 10).await.unwrap().reasons(), [Reason::Internal]);
    script.set(Act::Value(1.0));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(running.after_scrape(1, 10).await, Status::Up);
}

/// What is limited are connections: a target with more of them leaves room for fewer.
#[tokio::test(start_paused = true)]
async fn targets_with_several_databases_take_the_place_of_several() {
    let script = Script::new(Act::Value(1.0));
    let modules = MODULES.replace("{target}'", "{target}', databases: [a, b]");
    let running = start(&configuration(&modules), &[("m", &script)], Number::default()).await;
    let most = DESCRIPTORS / 6 / 3;
    for number in 0..most {
        assert_eq!(running.after_scrape(number, 10).await, Status::Up);
    }
    let refusal = running.scrape(most, 10).await.err();
    assert!(matches!(refusal, Some(ProbeRefusal::TooMany(_))), "{refusal:?}");
}

/// Who names addresses where nothing answers cannot keep out those where something does.
#[tokio::test(start_paused = true)]
async fn targets_that_answer_are_kept_and_others_make_room() {
    let script = Script::new(Act::Value(1.0));
    let running = running(&script).await;
    let most = DESCRIPTORS / 6;
    for number in 0..most - 1 {
        assert_eq!(running.after_scrape(number, 10).await, Status::Up);
    }
    script.set(Act::Fail(Reason::Connect));
    for number in most..2 * most {
        assert_eq!(running.after_scrape(number, 10).await, Status::Down);
    }
    script.set(Act::Value(1.0));
    assert_eq!(running.after_scrape(2 * most, 10).await, Status::Up);
    let refusal = running.scrape(2 * most + 1, 10).await.err();
    assert!(matches!(refusal, Some(ProbeRefusal::TooMany(_))), "{refusal:?}");
    assert_eq!(running.after_scrape(0, 10).await, Status::Up);
    tokio::time::advance(Duration::from_secs(200)).await;
    assert_eq!(running.after_scrape(0, 10).await, Status::Up);
    // All but the one that is still scraped are forgotten.
    tokio::time::sleep(Duration::from_secs(140)).await;
    let before = script.probes();
    assert_eq!(running.after_scrape(2 * most + 1, 10).await, Status::Up);
    let state = running.scrape(0, 10).await.unwrap();
    assert_eq!((state.status(), script.probes()), (Status::Up, before + 2));
}

#[tokio::test(start_paused = true)]
async fn a_module_that_changed_makes_its_targets_start_over() {
    let script = Script::new(Act::Value(1.0));
    let running = running(&script).await;
    assert_eq!(running.after_scrape(1, 10).await, Status::Up);
    running.schedule.apply(&configuration(MODULES)).await;
    assert_eq!((running.after_scrape(1, 10).await, script.probes()), (Status::Up, 1));
    running.schedule.apply(&configuration(&MODULES.replace("5s", "6s"))).await;
    assert_eq!((running.after_scrape(1, 10).await, script.probes()), (Status::Up, 2));
    running.schedule.apply(&configuration(&MODULES.replace("10.0.0.0", "11.0.0.0"))).await;
    let refusal = running.scrape(1, 10).await.err();
    assert!(matches!(refusal, Some(ProbeRefusal::NotAllowed { .. })), "{refusal:?}");
}

/// Clients cannot trigger more probes by choosing ever other collectors.
#[tokio::test(start_paused = true)]
async fn choices_are_probed_one_after_another_and_are_few() {
    let script = Script::new(Act::Slow(Duration::from_millis(10)));
    let every = "[settings, statio_user_tables, table_sizes, roles, stat_io]";
    let modules = MODULES.replace("{target}'", &format!("{{target}}', collect: {every}"));
    let running = start(&configuration(&modules), &[("m", &script)], Number::default()).await;
    let names = ["server", "settings", "statio_user_tables", "table_sizes", "roles"];
    let choices = (1_usize..32).map(|bits| (0..5).filter(move |at| bits >> at & 1 == 1).map(|at| names[at]));
    let choices: Vec<Vec<&str>> = choices.map(Iterator::collect).collect();
    for (number, choice) in choices.iter().enumerate() {
        let scraped = running.scrape_part(1, 10, choice).await;
        match number {
            0..16 => assert_eq!(scraped.unwrap().status(), Status::Up),
            _ => assert!(matches!(scraped, Err(ProbeRefusal::TooManyChoices)), "{choice:?}"),
        }
    }
    assert_eq!(script.probes(), 16);
    let reversed: Vec<_> = choices[14].iter().rev().copied().collect();
    assert_eq!(running.scrape_part(1, 10, &reversed).await.unwrap().status(), Status::Up);
    assert_eq!(script.probes(), 16, "it is fresh, in whatever order it is written");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(running.scrape_part(1, 10, &choices[30]).await.unwrap().status(), Status::Up);
    assert_eq!(script.probes(), 17);
    let off = running.scrape_part(1, 10, &["stat_wal"]).await.err();
    assert!(matches!(off, Some(ProbeRefusal::Collector(_))), "{off:?}");
}
