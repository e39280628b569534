//! Units: their names in the grammar, in Grafana, and inferred from metric names.

/// How a value is formatted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unit {
    /// A number with separators between thousands.
    Count,
    /// A number as it is.
    Number,
    /// A ratio, where 1 is 100 %.
    Percent,
    Bytes,
    BytesPerSecond,
    Seconds,
    Microseconds,
    PerSecond,
    RequestsPerSecond,
    PerMinute,
    /// A point in time in Unix seconds, as the time since then.
    Ago,
    /// The same as a number of seconds, for thresholds.
    #[serde(skip)]
    Age,
    /// The time of the last known value, as a time of day.
    #[serde(skip)]
    Degraded,
    /// A point in time in Unix seconds, as a date.
    Date,
    // The codes are for packs that have a parameter for the currency.
    #[serde(alias = "usd")]
    Dollars,
    #[serde(alias = "eur")]
    Euros,
    #[serde(alias = "gbp")]
    Pounds,
    #[serde(alias = "jpy")]
    Yen,
    #[serde(alias = "chf")]
    Francs,
    #[serde(alias = "inr")]
    Rupees,
    #[serde(alias = "sek")]
    Kronor,
    #[serde(alias = "brl")]
    Reais,
    #[serde(alias = "pln")]
    Zloty,
    Aud,
    Cad,
    Czk,
    Dkk,
    Krw,
    Mxn,
    Nok,
    Try,
    Zar,
    Text,
}

impl Unit {
    /// Grafana's name.
    pub(super) const fn grafana(self) -> &'static str {
        match self {
            Self::Count => "locale",
            Self::Number => "none",
            Self::Percent => "percentunit",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "Bps",
            Self::Seconds | Self::Age => "s",
            Self::Microseconds => "µs",
            // Not every rate is one of operations: there are rows, messages and lines as well.
            Self::PerSecond => "count:/s",
            Self::RequestsPerSecond => "reqps",
            Self::PerMinute => "count:/min",
            Self::Ago => "dateTimeFromNow",
            // Last known values are not older than some hours.
            Self::Degraded => "time:[DEGRADED] HH:mm",
            Self::Date => "dateTimeAsIso",
            Self::Dollars => "currencyUSD",
            Self::Euros => "currencyEUR",
            Self::Pounds => "currencyGBP",
            Self::Yen => "currencyJPY",
            Self::Francs => "currencyCHF",
            Self::Rupees => "currencyINR",
            Self::Kronor => "currencySEK",
            Self::Reais => "currencyBRL",
            Self::Zloty => "currencyPLN",
            Self::Aud => "currency:A$",
            Self::Cad => "currency:C$",
            Self::Czk => "currencyCZK",
            Self::Dkk => "currencyDKK",
            Self::Krw => "currencyKRW",
            Self::Mxn => "currency:MX$",
            Self::Nok => "currencyNOK",
            Self::Try => "currencyTRY",
            Self::Zar => "currencyZAR",
            Self::Text => "string",
        }
    }

    /// Whether the value is a point in time: Prometheus has seconds, Grafana wants milliseconds.
    pub(super) const fn is_time(self) -> bool {
        matches!(self, Self::Ago | Self::Date)
    }

    /// The unit of an expression over this metric, as far as the names show.
    ///
    /// `None` for a ratio of two metrics: it may be a share or an average.
    pub(super) fn of(expr: &str, metric: &str) -> Option<Self> {
        if expr.contains(" / ") {
            return None;
        }
        if expr.trim_start().starts_with("time() -") {
            return Some(Self::Seconds);
        }
        let is_rate = expr.contains("rate(");
        let base = metric.strip_suffix("_total").unwrap_or(metric);
        let ends = |suffix: &str| base.ends_with(suffix);
        match is_rate {
            false if ends("_timestamp_seconds") => Some(Self::Ago),
            false if ends("_seconds") => Some(Self::Seconds),
            false if ends("_bytes") => Some(Self::Bytes),
            false if ends("_ratio") => Some(Self::Percent),
            false => Some(Self::Count),
            true if ends("_bytes") => Some(Self::BytesPerSecond),
            true if ends("_seconds") => None,
            true => Some(Self::PerSecond),
        }
    }
}
