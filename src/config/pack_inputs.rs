//! Whether a configuration gives a pack the inputs and parameters that it needs.

use platform_core::yaml::{Faults, Node, Path, Value};

use super::cross_check::{Sources, no_such_source};
use crate::pack::{Input, Pack};

/// Checks the entry of a pack in a configuration.
pub(super) fn check(pack: &Pack, entry: &Node, path: &Path, sources: &Sources, faults: &mut Faults) {
    for (name, input) in &pack.inputs {
        match entry.get(name) {
            Some(node) => source(node, input, &path.key(name), sources, faults),
            None if input.optional => {}
            None => {
                let message = format!("the key `{name}` is missing: a {} source. {}", input.kind, input.help);
                faults.at(entry.place, path, message);
            }
        }
    }
    for (name, parameter) in &pack.parameters {
        match entry.get(name) {
            Some(node) => {
                if let Err(expected) = parameter.parameter_type.check(&node.value) {
                    faults.at(node.place, &path.key(name), expected);
                }
            }
            None if parameter.optional || parameter.default.is_some() => {}
            None => {
                faults.at(entry.place, path, format!("the key `{name}` is missing: {}", parameter.help));
            }
        }
    }
}

fn source(node: &Node, input: &Input, path: &Path, sources: &Sources, faults: &mut Faults) {
    let Value::String(source) = &node.value else {
        faults.at(node.place, path, "expected the name of a source");
        return;
    };
    match sources.get(source.as_str()) {
        None => faults.add(no_such_source(source, sources, node.place, path)),
        Some(Some(found)) if found.config.kind() != input.kind => {
            let kind = found.config.kind();
            faults.at(
                node.place,
                path,
                format!("expected a {} source, but `{source}` is a {kind} source", input.kind),
            );
        }
        // A source with errors has been reported.
        Some(_) => {}
    }
}
