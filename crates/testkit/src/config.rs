//! Whole configurations.

use platform_core::yaml::Faults;
use platform_exporter::config::{self, Config, Surroundings};

/// Loads a configuration with variables; it can refer to the files of this repository.
pub fn load(text: &str, file: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Config, Faults> {
    let root = super::root();
    let surroundings = Surroundings { variable, file: &|name| std::fs::read_to_string(root.join(name)) };
    config::load(text, file, surroundings)
}
