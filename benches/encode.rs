//! What a change costs beside encoding everything, and how much memory an exposition takes.
//!
//! Both run in this thread and are measured by the time of its processor, one after the other in turn.

use std::process::Command;
use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};
use platform_exporter::config::{self, Config, Surroundings};
use platform_exporter::metric::{Desc, Family, Format, Sample};
use platform_exporter::probe::Observation;
use platform_exporter::setting::SourceName;
use platform_exporter::snapshot::{Coding, Store};

use crate::status_mib;

const FAMILIES: usize = 10;
const ROUNDS: usize = 25;
const REPRESENTATIONS: [(&str, Format, Coding); 4] = [
    ("text", Format::Text, Coding::Identity),
    ("text, gzip", Format::Text, Coding::Gzip),
    ("OpenMetrics", Format::OpenMetrics, Coding::Identity),
    ("OpenMetrics, gzip", Format::OpenMetrics, Coding::Gzip),
];

/// One line of the result: processor time, and for a change its share of the full encoding beside it.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) median: Duration,
    pub(crate) p99: Duration,
    pub(crate) ratio: Option<f64>,
}

pub(crate) fn run() {
    println!("{:<58}{:>12}{:>12}{:>9}", "processor time", "median", "p99", "ratio");
    for Row { name, median, p99, ratio } in rows() {
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{:.2} %", ratio * 100.0));
        println!("{name:<58}{median:>12.1?}{p99:>12.1?}{ratio:>9}");
    }
    println!("\n{:<18}{:>10}{:>8}{:>12}{:>12}{:>14}", "", "series", "text", "resident", "peak", "after 300");
    for (name, ..) in REPRESENTATIONS {
        for series in [500, 10_000, 100_000] {
            let this = std::env::current_exe().expect("the kernel knows");
            let arguments = ["encode-memory", name, &series.to_string()];
            let status = Command::new(this).args(arguments).status().expect("it starts");
            assert!(status.success());
        }
    }
}

/// The cost of a change of one source of 100, at 100,000 series in all.
pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, format, coding) in REPRESENTATIONS {
        let world = World::new(100, 1000);
        let store = world.store(0);
        let length: usize = store.current().body(format, coding).iter().map(|piece| piece.len()).sum();
        store.publish();
        let (mut full, mut change) = (Vec::new(), Vec::new());
        for round in 1..=ROUNDS {
            let families: Vec<_> = (0..world.names.len()).map(|_| world.families(round)).collect();
            let started = processor_time();
            let anew = world.filled(families);
            anew.publish();
            anew.current().body(format, coding);
            full.push(processor_time() - started);
            for source in 0..4 {
                let families = world.families(1000 * round + source);
                let started = processor_time();
                world.say(&store, source * 20 + round % 20, families);
                store.publish();
                change.push(processor_time() - started);
            }
        }
        let (full, change) = (
            Row::of(format!("{name}, {length} bytes: everything"), full),
            Row::of(format!("{name}: one source of 100"), change),
        );
        let ratio = change.median.as_secs_f64() / full.median.as_secs_f64();
        println!("  {name}: {:.0} series per second", 100_000.0 / full.median.as_secs_f64());
        rows.extend([full, Row { ratio: Some(ratio), ..change }]);
    }
    rows
}

/// Fills an exposition in this process, has it changed, and prints what memory it took.
pub(crate) fn memory(name: &str, series: usize) {
    let (_, format, coding) =
        REPRESENTATIONS.into_iter().find(|known| known.0 == name).expect("a representation");
    let base = status_mib(std::process::id(), "VmRSS:");
    let sources = if series < 1000 { 5 } else { 100 };
    let world = World::new(sources, series / sources);
    let store = world.store(0);
    let text: usize =
        store.current().body(Format::Text, Coding::Identity).iter().map(|piece| piece.len()).sum();
    store.publish();
    let store = world.store(1);
    store.current().body(format, coding);
    let filled = status_mib(std::process::id(), "VmRSS:");
    for round in 0..300 {
        world.say(&store, round * 7 % sources, world.families(round));
        store.publish();
    }
    let (after, peak) = (status_mib(std::process::id(), "VmRSS:"), status_mib(std::process::id(), "VmHWM:"));
    println!(
        "{name:<18}{series:>10}{:>8.1}{:>8.1} MiB{:>8.1} MiB{:>10.1} MiB   (empty: {base:.1} MiB)",
        text as f64 / f64::from(1 << 20),
        filled,
        peak,
        after
    );
}

impl Row {
    fn of(name: String, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
        Self { name, median: at(50), p99: at(99), ratio: None }
    }
}

/// Sources that say something, each the same number of series.
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

    /// A store in which every source has said something, and that is published.
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
        let told = store.update(&self.names[source], |state| {
            state.probed(Ok(observation), Duration::from_millis(12), SystemTime::now())
        });
        assert!(told.is_some());
    }

    fn families(&self, round: usize) -> Vec<Family> {
        let sample = |number: usize| Sample {
            labels: vec![format!("customer-{number:05}"), ["free", "pro", "team"][number % 3].to_owned()],
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
