//! The exporter under test, and what can be seen of it from outside.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime};

use procfs::process::{ClearRefs, Process};

use super::matrix::Shown;
use super::runner::{TOLERANCE, WITNESS, WITNESS_INTERVAL};
use super::since::Since;
use testkit::exporter::{Exporter, value};
use testkit::http;

/// How often the exposition is looked at.
const PAUSE: Duration = Duration::from_millis(50);
/// What is waited for comes within this time, on a machine that is many times slower too: probes are counted, not seconds.
const AT_MOST: Duration = Duration::from_secs(180);

/// What a process takes of the machine. Memory is in MiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Footprint {
    pub(crate) resident: u64,
    pub(crate) peak: u64,
    pub(crate) descriptors: usize,
}

/// How a source differs from what is wanted.
enum Difference {
    /// It had no time: something has timed out although nothing hangs. That says nothing of the source, and what is next
    /// counts.
    Late(String),
    Wrong(String),
}

pub(crate) struct Bench {
    exporter: Exporter,
    client: reqwest::Client,
    kind: &'static str,
}

impl Bench {
    pub(crate) fn new(exporter: Exporter, kind: &'static str) -> Self {
        Self { exporter, client: http::client(), kind }
    }

    /// Waits until the witness has been probed, and the sources and their queries so often that all connections are
    /// there.
    pub(crate) async fn first_look(&self, sources: &[&str]) -> Result<(), String> {
        let series = format!(r#"platform_source_up{{source="{WITNESS}",kind="http"}}"#);
        self.exporter.wait_for(&series, 1.0, AT_MOST).await;
        for source in sources {
            self.comes_up(source).await?;
            self.settles(source).await?;
        }
        Ok(())
    }

    /// Waits until a source is well, however many probes that takes: servers that have just started may be slow.
    pub(crate) async fn comes_up(&self, source: &str) -> Result<(), String> {
        let start = Instant::now();
        while let Err(difference) = self.shows(&self.look().await?, source, Shown::Up, None) {
            if start.elapsed() > AT_MOST {
                return Err(difference.into());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Looks at `/metrics` until a source shows this and a line begins like this, and says how long it took: at the
    /// latest when a probe and a run of each query have begun and ended. The witness has to be well all along.
    pub(crate) async fn until(
        &self,
        source: &str,
        shown: Shown,
        sign: Option<&str>,
    ) -> Result<Duration, String> {
        let start = Instant::now();
        let mut since = Since::now(&self.look().await?, source);
        loop {
            let exposition = self.look().await?;
            since.see(&exposition);
            let difference = match self.shows(&exposition, source, shown, sign) {
                Ok(()) => return Ok(start.elapsed()),
                Err(difference) => difference,
            };
            if matches!(difference, Difference::Late(_)) {
                since = Since::now(&exposition, source);
            }
            if since.is_over() || start.elapsed() > AT_MOST {
                let log = self.exporter.log();
                let log: Vec<_> = log.lines().rev().take(3).collect();
                let difference = String::from(difference);
                return Err(format!("{difference} after {:?}; log: {log:#?}", start.elapsed()));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Looks at `/metrics` until a line begins like this: servers take the time that they need to replace one another.
    pub(crate) async fn until_says(&self, sign: Option<&str>) -> Result<(), String> {
        let Some(sign) = sign else { return Ok(()) };
        let start = Instant::now();
        while !says(&self.look().await?, sign) {
            if start.elapsed() > AT_MOST {
                return Err(format!("no {sign} after {AT_MOST:?}"));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Waits until a probe and a run of each query have begun and ended. What had begun before may be hurt by what has
    /// happened meanwhile.
    pub(crate) async fn settles(&self, source: &str) -> Result<(), String> {
        self.watches(source, Since::is_over, |_| Ok(())).await
    }

    /// Waits for the end of a further probe, and has a source show this all along.
    pub(crate) async fn goes_on(&self, source: &str, shown: Shown) -> Result<(), String> {
        let shows = |exposition: &str| self.shows(exposition, source, shown, None);
        self.watches(source, |since| since.probes() > 0, shows).await
    }

    async fn watches(
        &self,
        source: &str,
        is_enough: impl Fn(&Since) -> bool,
        check: impl Fn(&str) -> Result<(), Difference>,
    ) -> Result<(), String> {
        let start = Instant::now();
        let mut since = Since::now(&self.look().await?, source);
        while !is_enough(&since) {
            let exposition = self.look().await?;
            match check(&exposition) {
                Ok(()) => since.see(&exposition),
                Err(Difference::Late(_)) => since = Since::now(&exposition, source),
                Err(Difference::Wrong(difference)) => return Err(difference),
            }
            if start.elapsed() > AT_MOST {
                return Err(format!("{source} is not probed, or not in time, for {AT_MOST:?}"));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Refuses a line of `/metrics` that begins like this.
    pub(crate) async fn says_nothing_of(&self, sign: &str) -> Result<(), String> {
        match says(&self.look().await?, sign) {
            true => Err(format!("there is {sign}")),
            false => Ok(()),
        }
    }

    /// What the process takes of the machine.
    pub(crate) fn footprint(&self) -> Footprint {
        let process = self.process();
        let status = process.status().expect("the exporter lives");
        Footprint {
            resident: status.vmrss.unwrap_or_default() / 1024,
            peak: status.vmhwm.unwrap_or_default() / 1024,
            descriptors: process.fd_count().expect("the exporter lives"),
        }
    }

    /// Waits until the process takes no more than this of the machine.
    pub(crate) async fn shrinks_to(&self, resident: u64, descriptors: usize) -> Result<(), String> {
        let start = Instant::now();
        loop {
            let now = self.footprint();
            if now.resident <= resident && now.descriptors <= descriptors {
                return Ok(());
            }
            if start.elapsed() > AT_MOST {
                return Err(format!("{now:?} instead of {resident} MiB and {descriptors} descriptors"));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Starts a new peak of memory.
    pub(crate) fn reset_peak(&self) {
        self.process().clear_refs(ClearRefs::PeakRSS).expect("our own child");
    }

    fn process(&self) -> Process {
        Process::new(self.exporter.pid().as_raw()).expect("the exporter lives")
    }

    /// Refuses an exposition that does not show this of a source, or has no line that begins like this.
    fn shows(
        &self,
        exposition: &str,
        source: &str,
        shown: Shown,
        sign: Option<&str>,
    ) -> Result<(), Difference> {
        let (found, wanted) = (self.shown(exposition, source), name(shown));
        if found != wanted {
            let is_late = found.contains(" timeout") && !wanted.contains(" timeout");
            let kind = if is_late { Difference::Late } else { Difference::Wrong };
            return Err(kind(format!("{source}: {found} instead of {wanted}")));
        }
        match sign {
            Some(sign) if !says(exposition, sign) => Err(Difference::Wrong(format!("{source}: no {sign}"))),
            _ => Ok(()),
        }
    }

    /// What is shown of a source: its status, and the reasons of its problems.
    fn shown(&self, exposition: &str, source: &str) -> String {
        let labels = format!(r#"source="{source}",kind="{}""#, self.kind);
        let problems = exposition.lines().filter_map(|line| {
            let rest = line.strip_prefix(&format!("platform_source_problem{{{labels},reason=\""))?;
            rest.strip_suffix("\"} 1")
        });
        let problems: BTreeSet<_> = problems.collect();
        let status = ["up", "degraded", "down", "unknown"].into_iter().find(|status| {
            let series = format!(r#"platform_source_status{{{labels},status="{status}"}}"#);
            value(exposition, &series) == Some(1.0)
        });
        let problems: String = problems.into_iter().map(|problem| format!(" {problem}")).collect();
        format!("{}{problems}", status.unwrap_or("absent"))
    }

    /// The exposition, which has to come, and to be well for the witness.
    async fn look(&self) -> Result<String, String> {
        let request = self.client.get(self.exporter.url("/metrics")).timeout(TOLERANCE);
        let answer = async { request.send().await?.error_for_status()?.text().await };
        let exposition = answer.await.map_err(|error| format!("/metrics: {error}"))?;
        let labels = format!(r#"source="{WITNESS}",kind="http""#);
        let of = |family: &str| value(&exposition, &format!("{family}{{{labels}}}")).unwrap_or_default();
        if of("platform_source_up") < 1.0 {
            return Err(format!("the witness is {}", of("platform_source_up")));
        }
        let failures = exposition.lines().filter(|line| {
            line.starts_with(&format!("platform_probe_failures_total{{{labels}")) && !line.ends_with(" 0")
        });
        if let Some(failure) = failures.into_iter().next() {
            return Err(format!("the witness failed: {failure}"));
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let gap = now.as_secs_f64() - of("platform_source_last_success_timestamp_seconds");
        if gap > (WITNESS_INTERVAL * 2 + TOLERANCE).as_secs_f64() {
            return Err(format!("the witness has a gap of {gap} s"));
        }
        Ok(exposition)
    }
}

impl From<Difference> for String {
    fn from(difference: Difference) -> Self {
        match difference {
            Difference::Late(text) | Difference::Wrong(text) => text,
        }
    }
}

fn says(exposition: &str, sign: &str) -> bool {
    exposition.lines().any(|line| line.starts_with(sign))
}

/// What [`Bench::shown`] says when a source shows this.
fn name(shown: Shown) -> String {
    match shown {
        Shown::Down(reason) => format!("down {reason}"),
        Shown::Degraded(reason) => format!("degraded {reason}"),
        Shown::Up => "up".to_owned(),
    }
}
