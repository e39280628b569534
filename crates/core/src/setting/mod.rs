//! The small value types of the configuration: durations, names, secrets, addresses, time zones. Pure.

mod address;
mod duration;
mod name;
mod origin;
mod secret;
mod sql_name;
mod time_zone;

pub use address::{Address, AddressError};
pub use duration::{Duration, DurationError};
pub use name::{SourceName, SourceNameError};
pub use origin::SecretOrigin;
pub use secret::{Secret, SecretError, SecretFile};
pub use sql_name::{SqlName, SqlNameError};
pub use time_zone::{TimeZone, TimeZoneError};
