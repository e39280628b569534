//! CPU time and memory of processes.

use std::time::Duration;

use nix::time::ClockId;
use nix::unistd::Pid;

/// Memory of a process in MiB.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) resident: f64,
    pub(crate) peak: f64,
}

/// The CPU time of all threads of a process, running and exited.
///
/// The kernel counts it in nanoseconds; the figures in `/proc` are in hundredths of a second.
pub(crate) fn cpu(process: Pid) -> Duration {
    let time = ClockId::pid_cpu_clock_id(process).and_then(ClockId::now);
    time.map(Duration::from).unwrap_or_default()
}

/// The same for several processes, with their children that have exited: a server may have a process for each connection.
pub(crate) fn cpu_of(processes: impl IntoIterator<Item = Pid>) -> Duration {
    processes.into_iter().map(|process| cpu(process) + cpu_of_exited_children(process)).sum()
}

/// Counted in hundredths of a second.
fn cpu_of_exited_children(process: Pid) -> Duration {
    let stat = procfs::process::Process::new(process.as_raw()).and_then(|process| process.stat());
    let ticks = stat.map_or(0, |stat| stat.cutime + stat.cstime);
    Duration::from_secs_f64(ticks as f64 / procfs::ticks_per_second() as f64)
}

/// Current and peak resident memory of a process.
pub(crate) fn memory(process: Pid) -> Memory {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let mib = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("every process has it");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    };
    Memory { resident: mib("VmRSS:"), peak: mib("VmHWM:") }
}
