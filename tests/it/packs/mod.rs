//! The packs in the binary, each on real servers with a made-up platform in them.

pub(crate) mod docs;
pub(crate) mod exported;
#[path = "../../../platforms/hayon/tests/mod.rs"]
mod hayon;
#[path = "../../../platforms/hivesync/tests/mod.rs"]
mod hivesync;
#[path = "../../../platforms/joip/tests/mod.rs"]
mod joip;
mod tutorial;
