//! The cost of a change compared with encoding everything, and the memory of an exposition.
//!
//! Both run in this thread, in turns, and are measured by its CPU time.

use std::process::Command;
use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use platform_core::metric::{Desc, Family, Format, Sample};
use platform_core::probe::Observation;
use platform_core::setting::SourceName;
use platform_exporter::config::{self, Config, Surroundings};
use platform_exporter::snapshot::{Coding, SourceState, Store};

use crate::report::{Section, Table, grouped, ratio, time};
use crate::stats::{median, milliseconds, quantile};
use crate::usage;

const FAMILIES: usize = 10;
const ROUNDS: usize = 25;
const REPRESENTATIONS: [(&str, Format, Coding); 4] = [
    ("text", Format::Text, Coding::Identity),
    ("text, gzip", Format::Text, Coding::Gzip),
    ("OpenMetrics", Format::OpenMetrics, Coding::Identity),
    ("OpenMetrics, gzip", Format::OpenMetrics, Coding::Gzip),
];

pub(crate) fn run(title: &'static str) -> Section {
    let mut section = Section::new(title);
    section.text(
        "CPU time of one thread, with 100 sources of 1,000 series each: *everything* builds the whole exposition from \
         families, *one source* applies an update of one of the 100 and publishes it. They take turns.",
    );
    let mut table = Table::new(&[
        "",
        "everything: median",
        "p99",
        "series per second",
        "one source: median",
        "p99",
        "one source ÷ everything",
    ]);
    for (name, format, coding) in REPRESENTATIONS {
        table.row([name.to_owned()].into_iter().chain(change(format, coding)));
    }
    section.table(&table);
    section.text(
        "Resident memory of a process that holds only an exposition, before and after 300 changes, compared with the \
         length of its text.",
    );
    let mut table = Table::new(&["", "series", "text", "resident", "peak", "after changes", "÷ text"]);
    for (name, ..) in REPRESENTATIONS {
        for series in [500, 10_000, 100_000] {
            table.row([name.to_owned(), grouped(series)].into_iter().chain(memory_of(name, series)));
        }
    }
    section.table(&table);
    section
}

/// The cost of a change of one of 100 sources, with 100,000 series in total, compared with encoding everything.
fn change(format: Format, coding: Coding) -> [String; 6] {
    let world = World::new(100, 1000);
    let store = world.store(0);
    store.current().body(format, coding);
    store.publish();
    let (mut full, mut change) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let families: Vec<_> = (0..world.names.len()).map(|_| world.families(round)).collect();
        let started = processor_time();
        let fresh = world.filled(families);
        fresh.publish();
        fresh.current().body(format, coding);
        full.push(milliseconds(processor_time() - started));
        for source in 0..4 {
            let families = world.families(1000 * round + source);
            let started = processor_time();
            world.say(&store, source * 20 + round % 20, families);
            store.publish();
            change.push(milliseconds(processor_time() - started));
        }
    }
    let (of_full, of_change) = (median(&full), median(&change));
    [
        time(of_full),
        time(quantile(&full, 0.99)),
        grouped((1e8 / of_full) as usize),
        time(of_change),
        time(quantile(&change, 0.99)),
        format!("{:.2} %", of_change / of_full * 100.0),
    ]
}

/// Measured in a separate process.
fn memory_of(name: &str, series: usize) -> Vec<String> {
    let this = std::env::current_exe().expect("the kernel knows");
    let output = Command::new(this).args(["encode-memory", name, &series.to_string()]).output();
    let output = output.expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("figures");
    text.split_whitespace().map(str::to_owned).collect()
}

/// Fills an exposition in this process, changes it, and prints the memory used.
pub(crate) fn memory(name: &str, series: usize) {
    let (_, format, coding) =
        REPRESENTATIONS.into_iter().find(|known| known.0 == name).expect("a representation");
    let sources = if series < 1000 { 5 } else { 100 };
    let world = World::new(sources, series / sources);
    let length = |store: &Store| -> usize {
        store.current().body(Format::Text, Coding::Identity).iter().map(|piece| piece.len()).sum()
    };
    let text = length(&world.store(0)) as f64 / f64::from(1 << 20);
    let store = world.store(1);
    store.current().body(format, coding);
    let filled = usage::memory(Pid::this());
    for round in 0..300 {
        world.say(&store, round * 7 % sources, world.families(round));
        store.publish();
    }
    let after = usage::memory(Pid::this());
    let mib = [text, filled.resident, after.peak, after.resident].map(|mib| format!("{mib:.1}"));
    println!("{} {}", mib.join(" "), ratio(after.resident, text));
}

/// Sources with the same number of series each.
pub(crate) struct World {
    config: Config,
    names: Vec<SourceName>,
    descs: Vec<Desc>,
    samples: usize,
}

impl World {
    pub(crate) fn new(sources: usize, series: usize) -> Self {
        let names: Vec<_> = (0..sources).map(|number| format!("orders-{number:03}")).collect();
        let source = |name: &String| format!("  {name}: {{http: {{url: http://127.0.0.1:1/}}}}\n");
        let text = format!("sources:\n{}", names.iter().map(source).collect::<String>());
        let nothing = |_: &str| None;
        let no_file = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let surroundings = Surroundings { variable: &nothing, file: &no_file };
        let config = config::load(&text, "bench", surroundings).unwrap_or_else(|faults| panic!("{faults}"));
        let desc = |number: usize| Desc {
            name: format!("acme_orders_by_customer_{number}").into(),
            ..Desc::gauge("", &["customer", "plan"], "Orders of a customer, by the table orders.")
        };
        let names = names.into_iter().map(|name| SourceName::try_from(name).expect("a name")).collect();
        Self { config, names, descs: (0..FAMILIES).map(desc).collect(), samples: series / FAMILIES }
    }

    /// A published store with series of every source.
    pub(crate) fn store(&self, round: usize) -> Store {
        let store = Store::new(&self.config, SystemTime::now());
        for index in 0..self.names.len() {
            self.say(&store, index, self.families(round));
        }
        store.publish();
        store
    }

    fn filled(&self, families: Vec<Vec<Family>>) -> Store {
        let store = Store::new(&self.config, SystemTime::now());
        for (index, families) in families.into_iter().enumerate() {
            self.say(&store, index, families);
        }
        store
    }

    fn say(&self, store: &Store, source: usize, families: Vec<Family>) {
        let observation = Observation { families, ..Observation::default() };
        let encoder = store.look(&self.names[source], SourceState::encoder).expect("it is there");
        let probed = Ok(encoder.probe(observation));
        let reported = store.update(&self.names[source], |state| {
            state.probed(probed, Duration::from_millis(12), SystemTime::now())
        });
        assert!(reported.is_some());
    }

    fn families(&self, round: usize) -> Vec<Family> {
        let sample = |number: usize| Sample {
            labels: [format!("customer-{number:05}"), ["free", "pro", "team"][number % 3].to_owned()].into(),
            value: if number.is_multiple_of(2) {
                (number * 31 + round * 7) as f64
            } else {
                fastrand::f64() * 1e4
            },
        };
        let family =
            |desc: &Desc| Family { samples: (0..self.samples).map(sample).collect(), ..desc.family() };
        self.descs.iter().map(family).collect()
    }
}

fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has it").into()
}
