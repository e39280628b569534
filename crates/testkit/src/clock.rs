//! Servers whose clock is wrong.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/clock.c");

/// Has a server's clock go ahead of ours. The directory is the server's own.
pub(crate) async fn put_ahead(command: &mut Command, by: Duration, directory: &Path) {
    let library = directory.join("clock.so");
    let mut compiler = Command::new("gcc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(SHIM);
    let output = tokio::process::Command::from(compiler).kill_on_drop(true).output().await;
    let output = output.expect("gcc is not installed: run `make deps`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    command.env("LD_PRELOAD", library).env("CLOCK_AHEAD", by.as_secs().to_string());
}
