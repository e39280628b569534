//! File systems, as `df` reports them.

use std::process::Command;

/// A file system, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    pub size: f64,
    pub available: f64,
}

impl Disk {
    /// The one that holds this path.
    pub fn of(path: &str) -> Self {
        let output = Command::new("df").args(["--output=size,avail", "--block-size=1", path]).output();
        let text = String::from_utf8(output.expect("every system has df").stdout).expect("it prints numbers");
        let numbers = text.lines().nth(1).unwrap_or_else(|| panic!("{path} exists"));
        let numbers: Vec<f64> =
            numbers.split_whitespace().map(|text| text.parse().expect("a number")).collect();
        Self { size: numbers[0], available: numbers[1] }
    }
}
