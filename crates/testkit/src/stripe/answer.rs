//! From a call to its answer.

use serde_json::{Value, json};

use super::account::Account;
use super::call::Call;
use super::error::{ApiError, Namespace};
use super::key::{self, ApiKey};
use super::param::Params;
use super::route::{self, Route};
use super::{destination, event, subscription, webhook};

/// The body of a call's answer. The path is judged before the key, as an unknown path is everyone's to know.
pub(crate) fn answer(
    account: &mut Account,
    call: &Call,
    authorization: Option<&str>,
) -> Result<Value, ApiError> {
    let route = Route::find(&call.method, &call.path)
        .ok_or_else(|| ApiError::unknown_url(&call.method, &call.path))?;
    let key = authenticate(account, authorization)?;
    if let Some(refusal) = account.take_refusal() {
        return Err(ApiError::refused(refusal, key.livemode()));
    }
    check_version(call)?;
    if !key.allows(route.permission()) {
        return Err(ApiError::forbidden(&key, route.permission()));
    }
    let params = Params::new(call.query.clone());
    let livemode = key.livemode();
    match route {
        Route::Events => event::list(&account.events, livemode, params),
        Route::Event(id) => event::retrieve(&account.events, livemode, id, params),
        Route::WebhookEndpoints => webhook::list(&account.webhook_endpoints, livemode, params),
        Route::Subscriptions => subscription::list(&account.subscriptions, livemode, params),
        Route::EventDestinations => destination::list(&account.event_destinations, livemode, params),
        Route::Balance => single(params, balance(livemode)),
        Route::Account => single(params, details()),
    }
}

fn authenticate(account: &Account, authorization: Option<&str>) -> Result<ApiKey, ApiError> {
    let presented = authorization.and_then(key::presented).ok_or_else(ApiError::no_key)?;
    let known = account.keys.iter().find(|key| key.is(&presented));
    known.cloned().ok_or_else(|| ApiError::unknown_key(&presented))
}

/// A version is a date, and since 2024 a release name after it.
fn check_version(call: &Call) -> Result<(), ApiError> {
    match call.header("Stripe-Version") {
        Some(version) => {
            let date = version.split('.').next().unwrap_or_default();
            let parsed = date.parse::<jiff::civil::Date>();
            parsed.map(drop).map_err(|_| ApiError::bad_version(version))
        }
        None if route::namespace(&call.path) == Namespace::V2 => Err(ApiError::no_version()),
        None => Ok(()),
    }
}

fn single(mut params: Params, object: Value) -> Result<Value, ApiError> {
    params.take_list("expand");
    params.finish()?;
    Ok(object)
}

fn balance(livemode: bool) -> Value {
    let funds =
        |amount: i64| json!([{"amount": amount, "currency": "usd", "source_types": {"card": amount}}]);
    json!({"object": "balance", "available": funds(666_670), "livemode": livemode, "pending": funds(61_414)})
}

fn details() -> Value {
    json!({
        "id": Account::ID,
        "object": "account",
        "business_type": "company",
        "charges_enabled": true,
        "country": "US",
        "created": 1_695_830_751,
        "default_currency": "usd",
        "details_submitted": true,
        "email": "owner@example.com",
        "metadata": {},
        "payouts_enabled": true,
        "type": "standard",
    })
}
