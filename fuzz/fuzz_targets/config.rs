//! A configuration with variables and packs: either accepted, or rejected with all errors.
#![no_main]

use std::io;

use libfuzzer_sys::fuzz_target;
use platform_exporter::config::{Surroundings, load};
use platform_exporter::pack::embedded;

fuzz_target!(|text: &str| {
    let variable = |name: &str| (!name.contains("UNSET")).then(|| "redis://127.0.0.1:1".to_owned());
    let file = |name: &str| {
        let name = name.rsplit('/').next().unwrap_or_default().trim_end_matches(".yml");
        embedded(name).map(str::to_owned).ok_or_else(|| io::ErrorKind::NotFound.into())
    };
    if let Err(faults) = load(text, "platform.yml", Surroundings { variable: &variable, file: &file }) {
        assert!(!faults.to_string().is_empty(), "refused without a reason");
    }
});
