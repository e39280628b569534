//! File descriptors: as many as the system allows, with a reserve for scrapes that sources cannot use.
//!
//! The kernel refuses descriptors beyond the soft limit, which is kept below the hard one by the reserve. A listener
//! that hits it raises the limit for the duration of its accept.

use std::io;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use procfs::process::{LimitValue, Process};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, setrlimit};

/// The maximum reserve for scrapes, and the minimum.
const LARGEST_RESERVE: u64 = 684;
const SMALLEST_RESERVE: u64 = 8;
/// The part of the reserve that answers need in addition to their connections.
const BESIDE: u64 = 4;

/// How often running out of descriptors is logged.
const REPORT_AGAIN: Duration = Duration::from_secs(600);

/// How many descriptors there are, and for whom.
#[derive(Debug)]
pub struct Descriptors {
    /// The hard limit; `None` if there is none, or it is unknown.
    hard: Option<u64>,
    reserve: u64,
    reported: Mutex<Option<Instant>>,
}

impl Descriptors {
    /// Raises the soft limit to the hard one, less the reserve.
    pub fn claim() -> Self {
        // If a sandbox hides /proc, the limit stays as it is.
        let limits = Process::myself().and_then(|own| own.limits());
        let hard = limits.ok().and_then(|limits| match limits.max_open_files.hard_limit {
            LimitValue::Value(hard) => Some(hard),
            LimitValue::Unlimited => None,
        });
        let reserve = reserve(hard);
        let descriptors = Self { hard, reserve, reported: Mutex::default() };
        descriptors.limit(hard.map(|hard| hard - reserve));
        descriptors
    }

    /// How many client connections may be open.
    pub fn connections(&self) -> usize {
        let connections = self.reserve - self.reserve / BESIDE;
        usize::try_from(connections.min(512)).unwrap_or(512)
    }

    /// How many descriptors sources may have.
    pub fn of_sources(&self) -> u64 {
        self.hard.map_or(u64::MAX, |hard| hard - self.reserve)
    }

    /// Runs something with access to the reserve.
    pub fn with_reserve<T>(&self, work: impl FnOnce() -> T) -> T {
        self.limit(self.hard);
        let result = work();
        self.limit(self.hard.map(|hard| hard - self.reserve));
        result
    }

    /// Logs that sources have used up their descriptors: once, and again if it still happens much later.
    pub fn are_out(&self) {
        let mut reported = self.reported.lock();
        if reported.is_none_or(|at| at.elapsed() > REPORT_AGAIN) {
            *reported = Some(Instant::now());
            let limit = self.of_sources();
            tracing::error!(
                event = "descriptors.out",
                limit,
                "too many open files: raise the limit (LimitNOFILE of systemd, `ulimits: nofile` of a container)"
            );
        }
    }

    fn limit(&self, current: Option<u64>) {
        // A sandbox may forbid it. Then the limit stays as it is, without a reserve.
        let _ = setrlimit(Resource::Nofile, Rlimit { current, maximum: self.hard });
    }
}

/// Whether an error says that the process, or the system, has no descriptor left.
pub fn is_out(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| number == Some(errno.raw_os_error()))
}

fn reserve(hard: Option<u64>) -> u64 {
    let hard = hard.unwrap_or(u64::MAX);
    (hard / 4).clamp(SMALLEST_RESERVE.min(hard), LARGEST_RESERVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_leaves_most_to_sources() {
        for (hard, kept, connections) in
            [(Some(64), 16, 12), (Some(1024), 256, 192), (Some(65_536), 684, 512), (None, 684, 512)]
        {
            let descriptors = Descriptors { hard, reserve: reserve(hard), reported: Mutex::default() };
            assert_eq!((descriptors.reserve, descriptors.connections()), (kept, connections), "{hard:?}");
        }
        assert_eq!(reserve(Some(4)), 4);
    }
}
