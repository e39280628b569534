//! The failure of each unit test of an alert, with all rules loaded, and with a source that is healthy otherwise: when
//! the alert fires, and what else does. Each failure is a test; when all of them have run, what they found is compared
//! with `docs/alerts.md`.

mod consequences;
#[path = "../it/alerting/on_servers.rs"]
mod on_servers;
mod outcome;
mod promtool;
mod report;
mod rules;
mod scenario;
mod series;
mod surroundings;

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Arguments, Trial};

use outcome::Outcome;
use surroundings::Surroundings;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let scenarios = scenario::all();
    let surroundings = Arc::new(Surroundings::of(&scenarios));
    let rules = Arc::new(rules::all());
    let outcomes: Arc<Mutex<Vec<Outcome>>> = Arc::default();
    let count = scenarios.len();
    let trials = scenarios.into_iter().map(|scenario| {
        let (surroundings, rules, outcomes) =
            (Arc::clone(&surroundings), Arc::clone(&rules), Arc::clone(&outcomes));
        Trial::test(scenario.title(), move || {
            let fired = promtool::run(&scenario, &surroundings.of_scenario(&scenario), &rules)?;
            let outcome = Outcome::new(scenario, &fired);
            let verdict = outcome.verdict();
            outcomes.lock().expect("no test panics while it holds this").push(outcome);
            Ok(verdict?)
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    let mut outcomes = std::mem::take(&mut *outcomes.lock().expect("all tests have ended"));
    if conclusion.has_failed() || outcomes.len() < count {
        return conclusion.exit_code();
    }
    outcomes.sort_by_key(|outcome| outcome.scenario.number);
    match report::check(&rules, &outcomes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
