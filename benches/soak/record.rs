//! A scrape every second, and what it shows about the exporter itself and the unaffected sources.

use std::convert::Infallible;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::line::Line;
use super::stage::{CALM, Path, last_success, series};
use crate::report::{Section, Table};
use testkit::exporter::{Exporter, value};
use testkit::http::client;

const EVERY: Duration = Duration::from_secs(1);
const PROGRESS_EVERY: Duration = Duration::from_secs(30);
/// Prometheus' own default.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);
/// Three intervals of the calm sources: one probe may be late on a busy machine, but no value may be stale.
const FRESH: f64 = 15.0;

/// The growth allowed over the second half, according to the fitted line. Memory fluctuates by a MiB with the current
/// faults, and threads by those of one source. A rotated log file is read for five more minutes, up to eight at a time:
/// a descriptor leaked by each fault would add ten times as many. A run shorter than ten minutes does not level out.
const MEMORY_GROWS: f64 = 2.0;
const DESCRIPTORS_GROW: f64 = 8.0;
const THREADS_GROW: f64 = 3.0;

/// Connections that a source may hold to one address: one for its probe and one for its queries; MongoDB's driver has
/// one more for its monitor.
fn most_connections(path: &Path) -> f64 {
    if path.source == "documents" { 3.0 } else { 2.0 }
}

/// The measurements.
pub(crate) struct Record<'a> {
    exporter: &'a Exporter,
    paths: &'a [Path],
    memory: Line,
    descriptors: Line,
    threads: Line,
    /// One for each path.
    connections: Vec<Line>,
    scrapes: u32,
    probes: f64,
    lost: Vec<String>,
}

impl<'a> Record<'a> {
    pub(crate) fn new(exporter: &'a Exporter, paths: &'a [Path]) -> Self {
        Self {
            exporter,
            paths,
            memory: Line::default(),
            descriptors: Line::default(),
            threads: Line::default(),
            connections: paths.iter().map(|_| Line::default()).collect(),
            scrapes: 0,
            probes: 0.0,
            lost: Vec::new(),
        }
    }

    /// Scrapes, and passes on each result.
    pub(crate) async fn watch(&mut self, scraped: &watch::Sender<String>) -> Infallible {
        let (begin, client, url) = (Instant::now(), client(), self.exporter.url("/metrics"));
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next_progress = begin + PROGRESS_EVERY;
        loop {
            ticks.tick().await;
            let at = begin.elapsed().as_secs_f64();
            let answer = client.get(&url).timeout(SCRAPE_TIMEOUT).send().await;
            let scrape = match answer.and_then(reqwest::Response::error_for_status) {
                Ok(answer) => answer.text().await,
                Err(error) => Err(error),
            };
            self.scrapes += 1;
            match scrape {
                Ok(scrape) => {
                    self.take(at, &scrape);
                    scraped.send_replace(scrape);
                }
                Err(error) => self.lost.push(format!("at {at:.0} s: {error}")),
            }
            if Instant::now() >= next_progress {
                next_progress += PROGRESS_EVERY;
                self.print_progress(at);
            }
        }
    }

    fn take(&mut self, at: f64, scrape: &str) {
        let own = |name: &str| value(scrape, name).unwrap_or(f64::NAN);
        self.memory.push(at, own("process_resident_memory_bytes") / f64::from(1 << 20));
        self.descriptors.push(at, own("process_open_fds"));
        self.threads.push(at, own("process_threads"));
        for (line, path) in self.connections.iter_mut().zip(self.paths) {
            line.push(at, path.proxy.open() as f64);
        }
        let probes = scrape.lines().filter(|line| line.starts_with("platform_probes_total{"));
        let probes = probes.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum();
        self.probes = probes;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs_f64();
        for (source, kind) in CALM {
            let up = value(scrape, &series("platform_source_up", source, kind));
            let age = value(scrape, &last_success(source, kind)).map(|last| now - last);
            if up != Some(1.0) || age.is_none_or(|age| age > FRESH) {
                self.lost.push(format!("at {at:.0} s: {source} has up {up:?}, a success {age:.1?} s ago"));
            }
        }
    }

    fn print_progress(&self, at: f64) {
        println!(
            "  {:>5.1} min: {:.1} MiB, {} descriptors, {} threads, {} probes, {} lost samples",
            at / 60.0,
            self.memory.last(),
            self.descriptors.last(),
            self.threads.last(),
            self.probes,
            self.lost.len()
        );
    }

    /// Writes it to the section, and returns the failures.
    pub(crate) fn report(self, section: &mut Section) -> Vec<String> {
        let mut failures = Vec::new();
        let mut table = Table::new(&["", "min", "max", "at the end", "slope per hour"]);
        let own = [
            ("resident memory, MiB", &self.memory, MEMORY_GROWS),
            ("descriptors", &self.descriptors, DESCRIPTORS_GROW),
            ("threads", &self.threads, THREADS_GROW),
        ];
        for (name, line, most) in own {
            table.row(row(name, line));
            let (_, grown) = line.growth();
            if grown.is_nan() || grown > most {
                failures.push(format!("{name}: grown by {grown:.1} over the second half, more than {most}"));
            }
        }
        for (line, path) in self.connections.iter().zip(self.paths) {
            table.row(row(&format!("connections of {}, {}", path.source, path.name), line));
            let (lasting, most) = (line.lasting_max(), most_connections(path));
            if lasting > most {
                failures.push(format!("{}: {lasting} connections, more than {most}", path.name));
            }
        }
        section.table(&table);
        section.text(&format!(
            "{} scrapes, {} probes; {} lost samples of the {} unaffected sources.",
            self.scrapes,
            self.probes,
            self.lost.len(),
            CALM.len()
        ));
        if let Some(first) = self.lost.first() {
            failures.push(format!("{} lost samples, the first {first}", self.lost.len()));
        }
        failures
    }
}

fn row(name: &str, line: &Line) -> [String; 5] {
    let (slope, _) = line.growth();
    let figures = [line.min(), line.max(), line.last(), slope].map(|figure| format!("{figure:.1}"));
    let [least, most, end, slope] = figures;
    [name.to_owned(), least, most, end, slope]
}
