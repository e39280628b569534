//! The packs in the binary, each on real servers with a made-up platform in them.

mod docs;
pub(crate) mod exported;
mod hayon;
mod hivesync;
mod joip;
mod tutorial;
