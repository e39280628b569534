//! The reasons that only S3 has.

use platform_core::probe::{KindReason, Reason};

/// The access key is unknown, or the secret is wrong.
pub const CREDENTIALS_INVALID: Reason = Reason::OfKind(&KindReason {
    name: "credentials_invalid",
    meaning: "the access key is unknown, or the secret is wrong",
});

/// The session token has expired.
pub const CREDENTIALS_EXPIRED: Reason =
    Reason::OfKind(&KindReason { name: "credentials_expired", meaning: "the session token has expired" });

/// Clock skew too large for a signature.
pub const CLOCK_SKEW: Reason =
    Reason::OfKind(&KindReason { name: "clock_skew", meaning: "the clocks are too far apart" });

/// There is no such bucket.
pub const BUCKET_MISSING: Reason =
    Reason::OfKind(&KindReason { name: "bucket_missing", meaning: "there is no such bucket" });

/// The bucket is in another region.
pub const WRONG_REGION: Reason =
    Reason::OfKind(&KindReason { name: "wrong_region", meaning: "the bucket is in another region" });

/// There are more objects than a listing may read.
pub const LISTING_TRUNCATED: Reason = Reason::OfKind(&KindReason {
    name: "listing_truncated",
    meaning: "there are more objects than `pages` lists",
});

/// All of them.
pub(super) const ALL: &[Reason] =
    &[CREDENTIALS_INVALID, CREDENTIALS_EXPIRED, CLOCK_SKEW, BUCKET_MISSING, WRONG_REGION, LISTING_TRUNCATED];
