//! A web configuration file: either accepted, or rejected with a reason.
#![no_main]

use std::fs;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use platform_core::off_thread::CurrentFile;
use platform_exporter::server::Gate;
use tempfile::TempDir;

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a temporary directory"));

fuzz_target!(|content: &[u8]| {
    let file = DIRECTORY.path().join("web.yml");
    fs::write(&file, content).expect("the directory is writable");
    if let Err(error) = Gate::load(&file, &CurrentFile::default()) {
        assert!(!error.to_string().is_empty(), "refused without a reason");
    }
});
