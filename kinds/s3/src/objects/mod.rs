//! The objects below prefixes: how many there are, and how old the newest is.

mod config;
mod listing;
mod pages;
mod tally;

use std::time::{Duration, Instant};

use platform_core::deadline::Deadline;
use platform_core::metric::{Desc, Family};
use platform_core::probe::Problem;

use self::listing::ObjectListing;
use crate::store::BucketClient;

pub(super) use self::config::{ObjectsConfig, PAGES, validated};
pub(super) use self::pages::{ListingExtent, visit};
pub(super) use self::tally::modified;

const LABELS: &[&str] = &["bucket", "prefix"];

const SUCCESS: Desc = Desc::gauge(
    "s3_list_success",
    LABELS,
    "Whether the last listing below the prefix (ListObjectsV2) was complete: 1 or 0.",
);
const TRUNCATED: Desc = Desc::gauge(
    "s3_list_truncated",
    LABELS,
    "Whether there are more objects than `objects.pages` lists: 1 or 0. If so, nothing else is known of them.",
);
const DURATION: Desc =
    Desc::gauge("s3_list_duration_seconds", LABELS, "Duration of the last listing below the prefix.");
const OBJECTS: Desc = Desc::gauge("s3_objects", LABELS, "Objects below the prefix.");
const BYTES: Desc =
    Desc::gauge("s3_objects_size_sum_bytes", LABELS, "Size of all objects below the prefix together.");
const BIGGEST: Desc =
    Desc::gauge("s3_biggest_object_size_bytes", LABELS, "Size of the largest object below the prefix.");
const NEWEST: Desc = Desc::gauge(
    "s3_last_modified_object_date",
    LABELS,
    "Unix time at which the newest object below the prefix was modified; absent if there is none.",
);
const NEWEST_BYTES: Desc = Desc::gauge(
    "s3_last_modified_object_size_bytes",
    LABELS,
    "Size of the newest object below the prefix; absent if there is none.",
);
const MAX_AGE: Desc = Desc::gauge(
    "s3_objects_max_age_seconds",
    LABELS,
    "How old the newest object below the prefix may be (`objects.max_age`).",
);

pub(super) const CATALOGUE: [Desc; 9] =
    [SUCCESS, TRUNCATED, DURATION, OBJECTS, BYTES, BIGGEST, NEWEST, NEWEST_BYTES, MAX_AGE];

/// The prefixes of a bucket.
pub(super) struct WatchedObjects(Vec<Watched>);

struct Watched {
    config: ObjectsConfig,
    /// The last listing, and when it began.
    last: Option<(Instant, ObjectListing)>,
}

impl Watched {
    fn is_due(&self) -> bool {
        self.last
            .as_ref()
            .is_none_or(|(at, listing)| listing.is_denied() || at.elapsed() >= self.config.interval)
    }
}

impl WatchedObjects {
    pub(super) fn new(configs: &[ObjectsConfig]) -> Self {
        Self(configs.iter().map(|config| Watched { config: config.clone(), last: None }).collect())
    }

    /// Lists what is due, the longest overdue first. Listings begin in the first half of the time that is left, and at
    /// least one does; the next probes begin the others. Returns what is wrong with any of them.
    pub(super) async fn list(&mut self, store: &mut BucketClient<'_>) -> Vec<Problem> {
        let last_start = store.deadline.of_part();
        let mut due: Vec<_> = self.0.iter_mut().filter(|watched| watched.is_due()).collect();
        due.sort_by_key(|watched| watched.last.as_ref().map(|(at, _)| *at));
        for (done, watched) in due.into_iter().enumerate() {
            if done > 0 && is_over(last_start) {
                break;
            }
            watched.last = Some((Instant::now(), ObjectListing::of(&watched.config, store).await));
        }
        let listings = self.0.iter().filter_map(|watched| watched.last.as_ref());
        listings.filter_map(|(_, listing)| listing.result.as_ref().err().cloned()).collect()
    }

    /// Forgets everything: during an outage, it becomes old.
    pub(super) fn forget(&mut self) {
        for watched in &mut self.0 {
            watched.last = None;
        }
    }

    pub(super) fn families(&self, bucket: &str) -> Vec<Family> {
        let mut families = CATALOGUE.map(|desc| desc.family());
        for Watched { config, last } in &self.0 {
            let values = values(config.max_age, last.as_ref().map(|(_, listing)| listing));
            for (family, value) in families.iter_mut().zip(values) {
                if let Some(value) = value {
                    family.push([bucket, config.prefix.as_str()], value);
                }
            }
        }
        families.into_iter().filter(|family| !family.samples.is_empty()).collect()
    }
}

fn is_over(deadline: Deadline) -> bool {
    deadline.left().is_zero()
}

/// The values in the order of the catalogue; of a listing that is not complete, nothing is known.
fn values(max_age: Option<Duration>, listing: Option<&ObjectListing>) -> [Option<f64>; 9] {
    let tally = listing.and_then(|listing| listing.result.as_ref().ok());
    let newest = tally.and_then(|tally| tally.newest);
    [
        listing.map(|listing| listing.result.is_ok().into()),
        listing.map(|listing| listing.is_truncated().into()),
        listing.map(|listing| listing.duration.as_secs_f64()),
        tally.map(|tally| float(tally.objects)),
        tally.map(|tally| float(tally.bytes)),
        tally.map(|tally| float(tally.biggest)),
        newest.map(|newest| newest.time.as_duration().as_secs_f64()),
        newest.map(|newest| float(newest.bytes)),
        max_age.map(|max_age| max_age.as_secs_f64()),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "every number of a sample is a float")]
fn float(number: u64) -> f64 {
    number as f64
}
