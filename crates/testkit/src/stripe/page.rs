//! The lists of the v1 API: newest first, paged by the id of an object.

use std::cmp::Reverse;

use serde_json::{Value, json};

use super::error::ApiError;
use super::param::Params;

/// An object that a v1 list holds.
pub(crate) trait Listed {
    /// What an error calls it.
    const NOUN: &'static str;

    /// Its id.
    fn id(&self) -> &str;

    /// When it was made, in Unix seconds.
    fn created(&self) -> i64;

    /// Whether it belongs to the live half of the account.
    fn livemode(&self) -> bool;

    /// The object as the API shows it.
    fn to_json(&self) -> Value;
}

/// The page of `all` that the parameters ask for, of the objects in one mode that pass `keep`, in the list envelope.
///
/// A cursor may name an object that `keep` drops: what it excludes can change between two pages.
pub(crate) fn page<T: Listed>(
    url: &str,
    all: &[T],
    livemode: bool,
    keep: impl Fn(&T) -> bool,
    mut params: Params,
) -> Result<Value, ApiError> {
    let limit = params.take_limit()?;
    let after = params.take("starting_after");
    let before = params.take("ending_before");
    params.take_list("expand");
    params.finish()?;

    let mut ordered: Vec<&T> = all.iter().rev().filter(|item| item.livemode() == livemode).collect();
    ordered.sort_by_key(|item| Reverse(item.created()));
    let find = |id: &str, param| {
        let at = ordered.iter().position(|item| item.id() == id);
        at.ok_or_else(|| ApiError::missing(T::NOUN, id, param))
    };
    let kept = |items: &[&T]| items.iter().filter(|item| keep(item)).map(|item| item.to_json()).collect();

    let (data, has_more): (Vec<Value>, bool) = match (after, before) {
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: ending_before, starting_after.";
            return Err(ApiError::bad_param("ending_before", message));
        }
        (None, Some(id)) => {
            let mut data: Vec<Value> = kept(&ordered[..find(&id, "ending_before")?]);
            let earlier = data.len().saturating_sub(limit);
            (data.split_off(earlier), earlier > 0)
        }
        (after, None) => {
            let start = after.map_or(Ok(0), |id| find(&id, "starting_after").map(|at| at + 1))?;
            let mut data: Vec<Value> = kept(&ordered[start..]);
            let more = data.len() > limit;
            data.truncate(limit);
            (data, more)
        }
    };
    Ok(json!({"object": "list", "url": url, "has_more": has_more, "data": data}))
}
