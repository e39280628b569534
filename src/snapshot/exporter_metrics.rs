//! The exporter's own metrics.

use std::time::{Duration, Instant, SystemTime};

use platform_core::metric::{Desc, Family, timestamp};

const BUILD_INFO: Desc =
    Desc::gauge("platform_exporter_build_info", &["version"], "1, with the version as a label.");
const CONFIG_GOOD: Desc = Desc::gauge(
    "platform_config_last_reload_successful",
    &[],
    "Whether the last configuration reload was successful (1) or not (0).",
);
const CONFIG_READ: Desc = Desc::gauge(
    "platform_config_last_reload_success_timestamp_seconds",
    &[],
    "Unix time at which the current configuration was read.",
);
const CLOCK: Desc = Desc::gauge(
    "platform_clock_last_beat_timestamp_seconds",
    &[],
    "Unix time of the last sign of life of the thread that starts probes; updated every second.",
);
const OVERDUE: Desc = Desc::gauge(
    "platform_sources_overdue",
    &[],
    "Sources whose probe is long overdue by its interval and timeout.",
);
const CPU: Desc =
    Desc::counter("process_cpu_seconds_total", &[], "User and system CPU time, from /proc/self/stat.");
const RESIDENT: Desc =
    Desc::gauge("process_resident_memory_bytes", &[], "Resident memory, from /proc/self/stat.");
const VIRTUAL: Desc =
    Desc::gauge("process_virtual_memory_bytes", &[], "Virtual memory, from /proc/self/stat.");
const OPEN_FDS: Desc = Desc::gauge("process_open_fds", &[], "Open file descriptors, from /proc/self/fd.");
const MAX_FDS: Desc =
    Desc::gauge("process_max_fds", &[], "Maximum number of open file descriptors, from /proc/self/limits.");
const THREADS: Desc = Desc::gauge("process_threads", &[], "Threads, from /proc/self/stat.");
const STARTED: Desc =
    Desc::gauge("process_start_time_seconds", &[], "Unix time at which the process started.");

/// The state of the current configuration.
#[derive(Clone, Debug)]
pub struct ConfigState {
    /// The errors of the last one that was read, if it was refused.
    pub refused: Option<String>,
    /// When the current one was read.
    pub read: SystemTime,
}

/// Every family about the exporter itself.
pub fn catalogue() -> Vec<Desc> {
    vec![
        BUILD_INFO,
        CONFIG_GOOD,
        CONFIG_READ,
        CLOCK,
        OVERDUE,
        CPU,
        RESIDENT,
        VIRTUAL,
        OPEN_FDS,
        MAX_FDS,
        THREADS,
        STARTED,
    ]
}

/// Metrics that do not come from /proc.
#[expect(clippy::cast_precision_loss, reason = "the number of sources")]
pub(super) fn families(
    started: SystemTime,
    config: &ConfigState,
    last_beat: SystemTime,
    overdue: usize,
) -> [Family; 6] {
    [
        BUILD_INFO.family().with([env!("CARGO_PKG_VERSION")], 1.0),
        CONFIG_GOOD.value(f64::from(u8::from(config.refused.is_none()))),
        CONFIG_READ.value(timestamp(config.read)),
        STARTED.value(timestamp(started)),
        // Whole seconds, so that it changes with each beat and not with each publication.
        CLOCK.value(timestamp(last_beat).floor()),
        OVERDUE.value(overdue as f64),
    ]
}

/// Process metrics from the kernel. Not read with each published change: that would cost more than the change.
#[derive(Default)]
pub(super) struct Process {
    families: Vec<Family>,
    read: Option<Instant>,
}

impl Process {
    /// Never older than this.
    pub(super) fn families(&mut self, oldest: Duration) -> Vec<Family> {
        if self.read.is_none_or(|at| at.elapsed() >= oldest) {
            // Without /proc (a hardened container) only the process metrics are missing.
            self.families = process().unwrap_or_default();
            self.read = Some(Instant::now());
        }
        self.families.clone()
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes and counts stay far below 2^53")]
fn process() -> procfs::ProcResult<Vec<Family>> {
    use procfs::WithCurrentSystemInfo as _;
    use procfs::process::{LimitValue, Process};

    let process = Process::myself()?;
    let stat = process.stat()?;
    let ticks = procfs::ticks_per_second() as f64;
    let mut families = vec![
        CPU.value((stat.utime + stat.stime) as f64 / ticks),
        RESIDENT.value(stat.rss_bytes().get() as f64),
        VIRTUAL.value(stat.vsize as f64),
        OPEN_FDS.value(process.fd_count()? as f64),
        THREADS.value(stat.num_threads as f64),
    ];
    if let LimitValue::Value(limit) = process.limits()?.max_open_files.soft_limit {
        families.push(MAX_FDS.value(limit as f64));
    }
    Ok(families)
}
