//! Every fault that a source can suffer, for every kind, against real servers. Each is a test; when all of them have run,
//! what they found is compared with `docs/faults.md`.

mod bench;
mod canned_server;
mod config;
mod gate;
mod kinds;
mod matrix;
mod report;
mod runner;
mod since;
mod suite;

use std::process::ExitCode;
use std::thread;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    testkit::install_ring();
    let (trials, suites) = suite::all();
    let cells = trials.len();
    // Tests only wait for their cells. Each has a thread, because a kind starts once all of its tests wait.
    let arguments = Arguments { test_threads: Some(cells), ..arguments };
    let tests = thread::spawn(move || libtest_mimic::run(&arguments, trials));
    let outcomes = suite::run(suites);
    let conclusion = tests.join().expect("panics of tests are caught");
    if outcomes.iter().map(|(_, measured)| measured.len()).sum::<usize>() < cells {
        return conclusion.exit_code();
    }
    match report::check(&outcomes) {
        Ok(()) => conclusion.exit_code(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
