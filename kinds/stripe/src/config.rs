//! The keys of a `stripe` source.

use std::path::PathBuf;
use std::time::Duration;

use platform_core::setting::{self, Address, Secret};
use platform_core::tls::Tls;
use url::Url;

use super::event_type::EventTypes;
use super::key::StripeKey;

/// The keys of a `stripe` source.
#[derive(Clone, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Raw")]
#[schemars(with = "Raw")]
pub struct Config {
    pub(super) key: StripeKey,
    /// Without a slash at its end, and without credentials.
    pub(super) api_base: String,
    pub(super) account: Option<String>,
    pub(super) event_types: EventTypes,
    pub(super) lookback: Duration,
    pub(super) max_pages: usize,
    pub(super) event_destinations: bool,
    pub(super) subscriptions: bool,
    /// Without any, the subscriptions to all prices are counted.
    pub(super) prices: Vec<String>,
    pub(super) ignore: Vec<String>,
    pub(super) tls: Tls,
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Raw {
    /// A restricted key (`rk_`). Either this or `api_key_file`.
    api_key: Option<Secret>,
    /// A file that holds the key; re-read for every probe.
    api_key_file: Option<PathBuf>,
    /// The base URL of the API; default: `https://api.stripe.com`.
    api_base: Option<ApiBase>,
    /// A connected account, `acct_…`.
    account: Option<String>,
    /// Types such as `invoice.paid`, and groups such as `charge.*`, that have their own series; the rest is
    /// `other`.
    #[serde(default)]
    event_types: EventTypes,
    /// Undelivered events up to this age are counted: more than 3d, at most 30d; default: 4d.
    #[serde(default = "four_days")]
    lookback: setting::Duration,
    /// How many pages of each list a probe reads at most, 1 to 100.
    #[serde(default = "ten")]
    max_pages: usize,
    /// Whether event destinations are read.
    #[serde(default = "yes")]
    event_destinations: bool,
    /// Whether subscriptions are counted by status.
    #[serde(default)]
    subscriptions: bool,
    /// Counts only the subscriptions with one of these prices, `price_…`; each price is a separate list.
    #[serde(default)]
    prices: Vec<String>,
    /// The ids of endpoints and destinations that are disabled on purpose.
    #[serde(default)]
    ignore: Vec<String>,
    /// Certificates.
    #[serde(default)]
    tls: Tls,
}

const API_BASE: &str = "https://api.stripe.com";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Stripe stops retrying an event after this time, in live mode.
pub(super) const RETRIES_END: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// Stripe deletes events after this time.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// A page has 100 objects.
const MOST_PAGES: usize = 100;

/// The end of the retries, plus a day in which to see undelivered events.
fn four_days() -> setting::Duration {
    const { setting::Duration::seconds(RETRIES_END.as_secs() + DAY.as_secs()) }
}

fn ten() -> usize {
    10
}

fn yes() -> bool {
    true
}

impl TryFrom<Raw> for Config {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        let key = Secret::from_keys("api_key", raw.api_key, raw.api_key_file)
            .map_err(|error| error.to_string())?
            .ok_or("missing key: set `api_key_file` or `api_key` to a restricted key (rk_…)")?;
        let key = StripeKey::new(key).map_err(|error| format!("`api_key`: {error}"))?;
        let lookback = raw.lookback.get();
        if lookback <= RETRIES_END || lookback > RETENTION {
            return Err("`lookback`: expected more than 3d, so that events that Stripe has given up are \
                        seen, and at most 30d, as Stripe keeps none for longer"
                .to_owned());
        }
        if !(1..=MOST_PAGES).contains(&raw.max_pages) {
            return Err(format!("`max_pages`: expected 1 to {MOST_PAGES}"));
        }
        if !raw.prices.is_empty() && !raw.subscriptions {
            return Err("`prices`: needs `subscriptions: true`".to_owned());
        }
        if !raw.prices.iter().all(|price| is_id(price, &["price_", "plan_"])) {
            return Err("`prices`: expected ids of prices (price_…)".to_owned());
        }
        Ok(Self {
            key,
            api_base: raw.api_base.map_or_else(|| API_BASE.to_owned(), |ApiBase(base)| base),
            account: raw.account.map(account).transpose()?,
            event_types: raw.event_types,
            lookback,
            max_pages: raw.max_pages,
            event_destinations: raw.event_destinations,
            subscriptions: raw.subscriptions,
            prices: raw.prices,
            ignore: raw.ignore,
            tls: raw.tls,
        })
    }
}

/// The API's address: without a trailing slash, and without secrets.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "Address")]
#[schemars(with = "Address")]
struct ApiBase(String);

impl TryFrom<Address> for ApiBase {
    type Error = String;

    fn try_from(base: Address) -> Result<Self, String> {
        base.expect_scheme(&["http", "https"], API_BASE)?;
        let expected = "expected a URL such as https://api.stripe.com, without user, query or fragment";
        let url = Url::parse(base.expose()).map_err(|_| expected)?;
        let plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if plain { Ok(Self(url.as_str().trim_end_matches('/').to_owned())) } else { Err(expected.to_owned()) }
    }
}

/// Whether text is an id with one of these prefixes.
fn is_id(text: &str, prefixes: &[&str]) -> bool {
    let rest = prefixes.iter().find_map(|prefix| text.strip_prefix(prefix));
    rest.is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

fn account(id: String) -> Result<String, String> {
    if is_id(&id, &["acct_"]) {
        Ok(id)
    } else {
        Err("`account`: expected the id of a connected account (acct_…)".to_owned())
    }
}
