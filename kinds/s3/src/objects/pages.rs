//! Goes through the objects below a prefix, page by page.

use platform_core::probe::{Problem, Reason};
use rusty_s3::actions::list_objects_v2::ListObjectsContent;

use crate::store::BucketClient;

/// How far it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListingExtent {
    /// To the last object.
    Whole,
    /// There are more.
    Cut,
}

/// Visits each object, on so many pages at most.
pub(crate) async fn visit(
    store: &mut BucketClient<'_>,
    prefix: &str,
    pages: u16,
    mut visitor: impl FnMut(&ListObjectsContent) -> Result<(), Problem>,
) -> Result<ListingExtent, Problem> {
    let mut token: Option<String> = None;
    for _ in 0..pages {
        let page = store.page(prefix, token.as_deref()).await?;
        page.contents.iter().try_for_each(&mut visitor)?;
        let next = page.next_continuation_token;
        if next.is_none() {
            return Ok(ListingExtent::Whole);
        }
        if next == token {
            return Err(Problem::new(Reason::Protocol, "the listing does not go on: it repeats its token"));
        }
        token = next;
    }
    Ok(ListingExtent::Cut)
}
