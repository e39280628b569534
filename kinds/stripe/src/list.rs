//! Lists of the API, read page by page within a budget.

use platform_core::bounded::AtMost;
use platform_core::probe::{Problem, Reason};
use serde::de::DeserializeOwned;
use url::Url;
use url::form_urlencoded::Serializer;

use super::api::ApiSession;

/// The objects of a list, as far as the budget goes.
pub(super) struct Listing<T> {
    pub(super) items: Vec<T>,
    /// Whether more exist than were read.
    pub(super) truncated: bool,
}

/// An object with an id, which in the v1 API is also the cursor of the next page.
pub(super) trait Listed: DeserializeOwned {
    fn id(&self) -> &str;
}

#[derive(serde::Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct PageV1<T> {
    data: AtMost<100, T>,
    has_more: bool,
}

#[derive(serde::Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct PageV2<T> {
    data: AtMost<1000, T>,
    next_page_url: Option<String>,
}

/// A list of the v1 API, newest first.
pub(super) async fn v1<T: Listed>(
    session: &mut ApiSession<'_>,
    path: &str,
    params: &[(&str, &str)],
    max_pages: usize,
) -> Result<Listing<T>, Problem> {
    let mut items: Vec<T> = Vec::new();
    for _ in 0..max_pages {
        let after = items.last().map(|last| ("starting_after", last.id()));
        let target = target(path, params.iter().copied().chain([("limit", "100")]).chain(after));
        let page: PageV1<T> = session.get(&target).await?;
        let data = page.data.all("objects")?;
        let is_empty = data.is_empty();
        items.extend(data);
        match (page.has_more, is_empty) {
            (false, _) => return Ok(Listing { items, truncated: false }),
            (true, false) => {}
            (true, true) => {
                return Err(Problem::new(Reason::Protocol, "has_more is set, but the page is empty"));
            }
        }
    }
    Ok(Listing { items, truncated: true })
}

/// A list of the v2 API, whose page size is not reliable.
pub(super) async fn v2<T: DeserializeOwned>(
    session: &mut ApiSession<'_>,
    path: &str,
    params: &[(&str, &str)],
    max_pages: usize,
) -> Result<Listing<T>, Problem> {
    let mut items = Vec::new();
    let mut target = target(path, params.iter().copied());
    for _ in 0..max_pages {
        let page: PageV2<T> = session.get(&target).await?;
        items.extend(page.data.all("objects")?);
        match page.next_page_url {
            None => return Ok(Listing { items, truncated: false }),
            Some(next) => target = path_and_query(&next)?,
        }
    }
    Ok(Listing { items, truncated: true })
}

/// The objects, deduplicated: a list may change while it is read, and series must be unique.
pub(super) fn distinct<T: Listed>(mut items: Vec<T>) -> Vec<T> {
    items.sort_by(|a, b| a.id().cmp(b.id()));
    items.dedup_by(|a, b| a.id() == b.id());
    items
}

fn target<'a>(path: &str, params: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    format!("{path}?{}", Serializer::new(String::new()).extend_pairs(params).finish())
}

/// The part of a link that is followed: the key is sent only to the configured host.
fn path_and_query(link: &str) -> Result<String, Problem> {
    let unusable = |_| Problem::new(Reason::Protocol, "invalid link to the next page");
    let base = Url::parse("https://api.stripe.com").map_err(unusable)?;
    let url = base.join(link).map_err(unusable)?;
    Ok(format!("{}?{}", url.path(), url.query().unwrap_or_default()))
}
