//! What an exporter takes of the machine's memory.

use procfs::process::{ClearRefs, Process};

use super::exporter::Exporter;

/// Memory in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// What is resident now.
    pub resident: u64,
    /// The most that was, since the start or [`Exporter::reset_peak`].
    pub peak: u64,
}

impl Exporter {
    /// What it takes.
    pub fn memory(&self) -> Memory {
        let status = of(self).status().expect("the exporter lives");
        Memory {
            resident: status.vmrss.unwrap_or_default() * 1024,
            peak: status.vmhwm.unwrap_or_default() * 1024,
        }
    }

    /// Forgets the peak.
    pub fn reset_peak(&self) {
        of(self).clear_refs(ClearRefs::PeakRSS).expect("our own child");
    }
}

fn of(exporter: &Exporter) -> Process {
    Process::new(exporter.pid().as_raw()).expect("the exporter lives")
}
