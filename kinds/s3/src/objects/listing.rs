//! One listing of the objects below a prefix.

use std::time::{Duration, Instant};

use platform_core::probe::{Problem, Reason};

use super::config::ObjectsConfig;
use super::pages::{ListingExtent, visit};
use super::tally::ObjectTally;
use crate::reason;
use crate::store::BucketClient;

/// What a listing has found, and how long it took.
#[derive(Debug)]
pub(super) struct ObjectListing {
    pub(super) result: Result<ObjectTally, Problem>,
    pub(super) duration: Duration,
}

impl ObjectListing {
    /// Lists the objects, within the deadline of the client.
    pub(super) async fn of(config: &ObjectsConfig, store: &mut BucketClient<'_>) -> Self {
        let start = Instant::now();
        let result = tally(config, store).await;
        let result = result.map_err(|problem| problem.context(format_args!("objects {:?}", config.prefix)));
        Self { result, duration: start.elapsed() }
    }

    /// Whether there are more objects than it may list.
    pub(super) fn is_truncated(&self) -> bool {
        self.result.as_ref().is_err_and(|problem| problem.reason == reason::LISTING_TRUNCATED)
    }

    /// Whether the store refused it. That costs the store nothing, so it is repeated in the next probe.
    pub(super) fn is_denied(&self) -> bool {
        self.result.as_ref().is_err_and(|problem| problem.reason == Reason::Permission)
    }
}

/// All objects, or none: keys are listed in their alphabetical order, so the newest may be on the last page.
async fn tally(config: &ObjectsConfig, store: &mut BucketClient<'_>) -> Result<ObjectTally, Problem> {
    let mut tally = ObjectTally::default();
    match visit(store, &config.prefix, config.pages, |object| tally.add(object)).await? {
        ListingExtent::Whole => Ok(tally),
        ListingExtent::Cut => Err(Problem::new(
            reason::LISTING_TRUNCATED,
            format_args!(
                "there are more than {} objects, which is all that `pages: {}` lists; the newest may be among the \
                 others, so nothing is exported: use a longer `prefix`, or more `pages`",
                tally.objects, config.pages
            ),
        )),
    }
}
