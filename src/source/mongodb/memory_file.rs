//! Files for the driver, which reads certificates and keys from files alone, and both from one: no disk ever has them.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, memfd_create};

/// A file in memory, which is gone on drop.
pub(super) struct MemoryFile(File);

impl MemoryFile {
    pub(super) fn new(content: &[u8]) -> io::Result<Self> {
        let mut file = File::from(memfd_create("platform_exporter", MemfdFlags::CLOEXEC)?);
        file.write_all(content)?;
        Ok(Self(file))
    }

    /// Where this process can open it: every time anew, and so at its start.
    pub(super) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}
