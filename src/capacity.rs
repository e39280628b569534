//! What a configuration will cost, estimated from what probes of small services cost: docs/capacity.md.

use std::fmt;
use std::time::Duration;

use crate::config::Config;

/// The CPU time of a declared query with ten rows.
const CPU_OF_A_QUERY: Duration = Duration::from_micros(300);
/// Resident memory in KiB, without any source.
const BASE: f64 = 22.0 * 1024.0;
/// Resident memory in KiB of one more source, without its series.
const SOURCE: f64 = 22.0;
/// Of one more declared query.
const QUERY: f64 = 27.0;
/// Of one more series of a probe, most of which are a family of their own.
const SERIES: f64 = 0.24;

/// An estimate. Large services cost more: those with many tables, queues or rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Probes and queries per second.
    pub runs: f64,
    /// Their CPU time, as a share of one core.
    pub cpu: f64,
    /// Bytes per second between the exporter and its sources, without those of queries.
    pub wire: f64,
    /// The series that probes export.
    pub series: f64,
    /// Resident memory in MiB.
    pub memory: f64,
}

impl Estimate {
    /// The estimate for the sources and queries of a configuration.
    #[expect(clippy::cast_precision_loss, reason = "numbers of sources and queries")]
    pub fn of(config: &Config) -> Self {
        let (sources, queries) = (config.sources().len() as f64, config.queries().len() as f64);
        let mut estimate = Self { runs: 0.0, cpu: 0.0, wire: 0.0, series: 0.0, memory: 0.0 };
        for source in config.sources().values() {
            let (cost, per_second) =
                (source.config.kind().facts().cost, source.interval.as_secs_f64().recip());
            estimate.runs += per_second;
            estimate.cpu += cost.cpu.as_secs_f64() * per_second;
            estimate.wire += f64::from(cost.wire) * per_second;
            estimate.series += f64::from(cost.series);
        }
        for query in config.queries() {
            let per_second = query.every.get().as_secs_f64().recip();
            estimate.runs += per_second;
            estimate.cpu += CPU_OF_A_QUERY.as_secs_f64() * per_second;
        }
        estimate.memory = (BASE + SOURCE * sources + QUERY * queries + SERIES * estimate.series) / 1024.0;
        estimate
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, cpu, wire, series, memory } = self;
        write!(
            formatter,
            "{runs:.1} probes and queries per second, {:.1} % of a core, {:.0} kB/s, {series:.0} series from probes, \
             {memory:.0} MiB of memory",
            cpu * 100.0,
            wire / 1000.0,
        )
    }
}
