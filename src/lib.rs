//! One exporter for every backing service of a platform, and for its business numbers.
//!
//! The modules stand in layers; imports point down only:
//!
//! | layer | modules |
//! |---|---|
//! | 0 | [`metric`], [`setting`], [`yaml`], [`beat`] |
//! | 1 | [`probe`] |
//! | 2 | [`query`] |
//! | 3 | [`source`] |

pub mod beat;
pub mod metric;
pub mod probe;
pub mod query;
pub mod setting;
pub mod source;
pub mod yaml;
