//! Time zones, and the days in them. The time zone database is built in: a container may have none.

use jiff::civil::Date;
use jiff::tz::TimeZoneDatabase;
use jiff::{Timestamp, tz};

/// A time zone of the IANA database.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct TimeZone(tz::TimeZone);

/// Why a time zone was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected the IANA name of a time zone, such as Europe/Berlin or UTC, found `{0}`{1}")]
pub struct TimeZoneError(String, String);

impl TimeZone {
    /// UTC.
    pub const UTC: Self = Self(tz::TimeZone::UTC);

    /// Its name, which PostgreSQL knows as well.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The day in this time zone at a moment.
    pub fn day(&self, at: Timestamp) -> Date {
        self.0.to_datetime(at).date()
    }

    /// The first moment of a day. One day ends where the next begins, after 23, 24 or 25 hours.
    pub fn start(&self, day: Date) -> Timestamp {
        // Only the last days that jiff can represent, in the year 9999, have none.
        day.to_zoned(self.0.clone()).map_or(Timestamp::MAX, |start| start.timestamp())
    }
}

impl TryFrom<String> for TimeZone {
    type Error = TimeZoneError;

    fn try_from(name: String) -> Result<Self, TimeZoneError> {
        let known = TimeZoneDatabase::bundled();
        match known.get(&name) {
            Ok(zone) => Ok(Self(zone)),
            Err(_) => {
                let names = known.available().map(|known| known.as_str().to_owned());
                let distances = names.map(|known| (strsim::damerau_levenshtein(&name, &known), known));
                let nearest = distances.filter(|(distance, _)| *distance <= 2).min();
                let hint =
                    nearest.map_or_else(String::new, |(_, known)| format!(": did you mean `{known}`?"));
                Err(TimeZoneError(name, hint))
            }
        }
    }
}
