//! The machine and versions of a measurement.

use std::process::Command;

/// Date, machine and versions in one sentence.
pub(crate) fn description() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let day = jiff::Timestamp::now().strftime("%F");
    let kernel = output("uname", &["-r"]);
    let processor = field("/proc/cpuinfo", "model name");
    let kib: f64 = field("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
    let broker = output("dpkg-query", &["-W", "-f", "${Package} ${Version}", "rabbitmq-server"]);
    let peers = std::fs::read_to_string(testkit::dependency("peers/versions")).unwrap_or_default();
    let peers: Vec<&str> = peers.lines().collect();
    format!(
        "Measured on {day}: {processor}, {cores} cores, {:.0} GiB, Linux {kernel}; platform_exporter {}; \
         {broker}; {}.",
        kib / 1024.0 / 1024.0,
        env!("CARGO_PKG_VERSION"),
        peers.join(", ")
    )
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("it is part of every Debian");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The value of a line such as `MemTotal:  24 kB`.
fn field(file: &str, key: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.split_once(':'));
    value.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}
