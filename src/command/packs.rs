//! `pack`: the built-in packs.

use std::fmt::Write;

use crate::pack;

/// Each pack with its description and inputs.
pub fn packs() -> String {
    let mut text = String::new();
    for (name, pack) in pack::all() {
        let inputs = pack.inputs.iter().map(|(input, about)| {
            let optional = if about.optional { ", optional" } else { "" };
            format!("{input} ({}{optional})", about.kind)
        });
        let inputs: Vec<_> = inputs.collect();
        writeln!(text, "{name}: {}\n  inputs: {}", pack.about, inputs.join(", "))
            .expect("writing to a string does not fail");
    }
    text
}
