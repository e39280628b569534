//! `init`: from what is there to a configuration, a pack with a dashboard and alerts, and the role that they need.
//!
//! What it proposes comes from recipes (`kinds/KIND/recipes/`): what a table looks like, and what is worth seeing about it.

mod cadence;
pub mod find;
mod lines;
mod matching;
mod other_files;
mod pack_file;
mod platform_file;
mod privacy;
mod proposal;
mod proposals;
mod recipe;
mod recipes;
mod substitution;
mod table_use;
mod tables;
mod words;
mod worker_template;
mod workers;
mod workers_source;

pub use pack_file::{proposed, rough};
pub use platform_file::{PackEntry, Present, impersonal, platform_text, present};
pub use proposal::Proposal;
pub use proposals::{Proposals, Surveyed, propose};
pub use recipe::Recipe;
pub use recipes::{RecipeError, recipes};
pub use words::snake;
pub use workers::{FoundWorkers, LiveWorkers};
pub use workers_source::{WorkersSource, is_configured};

use std::collections::BTreeMap;

use platform_core::survey::Surveyor;

use crate::registry::Kind;

/// The files of a pack, as far as they exist.
#[derive(Clone, Debug, Default)]
pub struct PackFiles {
    /// The pack itself.
    pub pack: Option<String>,
    /// The role that its queries need.
    pub role: Option<String>,
    /// Indexes that would help.
    pub indexes: Option<String>,
    /// The unit tests of its alerts.
    pub tests: Option<String>,
}

/// What a pack is about.
#[derive(Clone, Copy)]
pub struct PackSubject<'a> {
    /// Its name.
    pub name: &'a str,
    /// The kind of its source.
    pub kind: Kind,
    /// Knows the scripts of its source.
    pub surveyor: &'a dyn Surveyor,
}

impl PackFiles {
    /// The same files with more proposals, and the workers whose heartbeats are in its source. `normal` has the present
    /// values of metrics, which thresholds depend on.
    #[must_use]
    pub fn with(
        &self,
        subject: PackSubject<'_>,
        proposals: &[&Proposal],
        workers: &WorkersSource,
        normal: &BTreeMap<String, f64>,
    ) -> Self {
        let PackSubject { name, kind, surveyor } = subject;
        let written: Vec<_> = proposals.iter().map(|proposal| (*proposal, proposal.parts(normal))).collect();
        let pack = match &self.pack {
            Some(text) => pack_file::added(text, name, &written, workers),
            None => pack_file::new(name, kind.as_str(), &written, workers),
        };
        let rules = format!("../out/alerts/{name}.rules.yml");
        Self {
            pack: Some(pack),
            role: Some(other_files::role(
                self.role.as_deref(),
                kind.facts().permissions,
                surveyor,
                &written,
                workers,
            )),
            indexes: other_files::indexes(self.indexes.as_deref(), surveyor, &written)
                .or_else(|| self.indexes.clone()),
            tests: other_files::tests(self.tests.as_deref(), &rules, &written).or_else(|| self.tests.clone()),
        }
    }
}
