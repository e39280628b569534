//! From PostgreSQL's text format to cells.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use platform_core::query::Cell;

/// The cell for a value of a type in text format, with dates in ISO form and intervals in PostgreSQL's own.
pub(super) fn cell(type_name: &str, text: &str) -> Cell {
    let number = match type_name {
        "BOOL" => Some(f64::from(u8::from(text == "t"))),
        "INT2" | "INT4" | "INT8" | "OID" | "NUMERIC" => exact(text),
        "FLOAT4" | "FLOAT8" => text.parse().ok(),
        "TIMESTAMPTZ" | "TIMESTAMP" | "DATE" => point_in_time(type_name, text),
        "INTERVAL" => interval(text),
        _ => None,
    };
    number.map_or_else(|| Cell::Text(text.to_owned()), Cell::Number)
}

/// A number that a float represents exactly; an id beyond 2^53 stays text.
fn exact(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.to_string() == text)
}

/// Seconds since 1970. Dates that jiff cannot represent, such as years BC, stay text.
fn point_in_time(type_name: &str, text: &str) -> Option<f64> {
    let seconds = |timestamp: Timestamp| timestamp.as_duration().as_secs_f64();
    let utc = |local: DateTime| Some(seconds(local.to_zoned(TimeZone::UTC).ok()?.timestamp()));
    match (text, type_name) {
        ("infinity", _) => Some(f64::INFINITY),
        ("-infinity", _) => Some(f64::NEG_INFINITY),
        (_, "TIMESTAMPTZ") => text.parse().ok().map(seconds),
        (_, "DATE") => utc(text.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight())),
        _ => utc(text.parse().ok()?),
    }
}

/// Seconds, with months and years as long as in `EXTRACT(EPOCH FROM …)`:
/// `1 year 2 mons -3 days +04:05:06.7`.
fn interval(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let mut words = text.split(' ');
    while let Some(word) = words.next() {
        if word.contains(':') {
            seconds += clock(word)?;
            continue;
        }
        let count: f64 = word.parse().ok()?;
        let unit = match words.next()? {
            "year" | "years" => 365.25 * 86_400.0,
            "mon" | "mons" => 30.0 * 86_400.0,
            "day" | "days" => 86_400.0,
            _ => return None,
        };
        seconds += count * unit;
    }
    Some(seconds)
}

/// `[+-]HH:MM:SS[.ffffff]`, with any number of hours.
fn clock(text: &str) -> Option<f64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, text.trim_start_matches('+')),
    };
    let mut parts = digits.splitn(3, ':');
    let (hours, minutes): (i64, i64) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let seconds: f64 = parts.next()?.parse().ok()?;
    let whole = SignedDuration::from_mins(hours.checked_mul(60)?.checked_add(minutes)?);
    Some(sign * (whole.as_secs_f64() + seconds))
}
