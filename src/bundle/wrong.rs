//! Errors in the text of expressions and templates.

use platform_core::yaml::{Fault, Faults, Node, Path};

/// What is wrong with an expression or a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) hint: Option<String>,
    /// Whether it may be meant: then it is noted.
    pub(super) may_be_meant: bool,
}

impl Wrong {
    pub(super) fn error(message: impl Into<String>, hint: Option<String>) -> Self {
        Self { message: message.into(), hint, may_be_meant: false }
    }

    pub(super) fn note(message: String) -> Self {
        Self { message, hint: None, may_be_meant: true }
    }
}

/// Reports what is wrong at a node.
pub(super) fn report(wrong: &[Wrong], node: &Node, path: &Path, faults: &mut Faults) {
    for Wrong { message, hint, may_be_meant } in wrong {
        let (message, hint) = (message.clone(), hint.clone());
        let fault = Fault { place: node.place, path: path.clone(), message, hint };
        if *may_be_meant { faults.note(fault) } else { faults.add(fault) }
    }
}
