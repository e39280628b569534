//! The small value types of the configuration: durations, names, secrets, addresses. Pure.

mod address;
mod duration;
mod name;
mod secret;

pub use address::Address;
pub use duration::Duration;
pub use name::{SourceName, SourceNameError};
pub use secret::{Secret, SecretError};
