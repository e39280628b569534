//! The documentation of the running version: runbooks, the reference of metrics, and example configurations. Whoever is
//! called at night reads what this binary does, not what the latest one does, and needs no access to the repository.

mod catalogue;
mod chapters;
mod examples;
mod html;
mod page;

pub use catalogue::MetricCatalogue;
pub use chapters::{has_alert, runbooks};
pub use examples::{example, examples};
pub use page::{reference_page, runbooks_page};
