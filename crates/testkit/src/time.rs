//! The clock that servers and tests share.

use std::time::SystemTime;

use platform_core::metric::timestamp;

/// Seconds since 1970.
pub fn now() -> f64 {
    timestamp(SystemTime::now())
}
