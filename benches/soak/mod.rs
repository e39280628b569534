//! A long run on a platform where something is always breaking: nothing may grow, broken sources must recover, and
//! unaffected sources must never lose a sample. Unlike the other measurements, this one can fail.

mod faults;
mod line;
mod record;
mod stage;

use std::time::{Duration, Instant};

use tokio::sync::watch;

use self::record::Record;
use self::stage::Stage;
use crate::report::Section;
use testkit::exporter::Exporter;

pub(crate) const TITLE: &str = "Soak test";

/// A shorter run is not written to the document: it has not levelled out.
const MINUTES: u64 = 20;
/// How often a different configuration is loaded.
const RELOAD_EVERY: Duration = Duration::from_secs(60);

/// Log lines shown after a failure: the log's directory is deleted after the run.
const LOG_LINES: usize = 60;

/// The section of a run that is long enough to be documented.
pub(crate) async fn run() -> Result<Option<Section>, String> {
    let minutes = crate::number("MINUTES")?.unwrap_or(MINUTES);
    let seed = crate::number("SEED")?.unwrap_or_else(|| fastrand::u64(..));
    println!("MINUTES={minutes} SEED={seed}: starting nine kinds of services, two of some of them");
    let mut stage = Stage::start().await;
    let exporter = stage.exporter().await;
    let end = Instant::now() + Duration::from_secs(60 * minutes);
    let (scraped, scrapes) = watch::channel(String::new());
    let mut record = Record::new(&exporter, &stage.paths);
    let breaking = faults::until(end, seed, &mut stage.platform, &stage.paths, scrapes);
    let (broken, reloads) = tokio::select! {
        never = record.watch(&scraped) => match never {},
        done = async { tokio::join!(breaking, reload_until(end, &exporter)) } => done,
    };
    let mut section = Section::new(TITLE);
    section.text(&format!(
        "`make soak MINUTES={minutes} SEED={seed}`: the nine kinds, probed every few seconds and scraped every second. \
         Every few seconds a source breaks: its server is restarted or frozen, its network cut, delayed or corrupted, \
         its file rotated, removed or truncated. The configuration is reloaded {reloads} times. The slope is that of \
         the second half. A closing connection may be counted together with its replacement."
    ));
    let mut failures = record.report(&mut section);
    failures.extend(broken.report(&mut section));
    if failures.is_empty() {
        return Ok((minutes >= MINUTES).then_some(section));
    }
    let log = exporter.log();
    let lines: Vec<_> = log.lines().collect();
    println!(
        "\nThe end of the exporter's log:\n{}",
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    );
    Err(failures.join("; "))
}

async fn reload_until(end: Instant, exporter: &Exporter) -> u32 {
    let mut reloads = 0;
    while Instant::now() + RELOAD_EVERY < end {
        tokio::time::sleep(RELOAD_EVERY).await;
        reloads += 1;
        stage::reload(exporter, reloads).await;
    }
    reloads
}
