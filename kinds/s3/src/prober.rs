//! One probe of a bucket.
//!
//! The checks form a ladder and stop at the first one that explains a failure: `HeadBucket`, `ListObjectsV2` for its
//! error code, then the canary and the objects. STS checks the credentials in parallel: AWS answers that even if the bucket is
//! unreachable, and a bucket does not distinguish a bad key from a policy.

use std::time::Duration;

use platform_core::client::HttpClient;
use platform_core::deadline::Deadline;
use platform_core::kind::Context;
use platform_core::metric::{Desc, Family};
use platform_core::probe::{Observation, Prober, Problem, Reason};
use rusty_s3::Credentials;

use super::canary::Canary;
use super::config::Config;
use super::credentials::{CredentialsOrigin, Current};
use super::objects::{self, WatchedObjects};
use super::reason;
use super::store::{BucketClient, OperationOutcome};
use super::sts::Sts;

const CREDENTIALS_VALID: Desc = Desc::gauge(
    "aws_credentials_valid",
    &[],
    "Whether STS GetCallerIdentity accepts the credentials: 1 or 0; absent while STS does not answer.",
);
const CALLER: Desc = Desc::gauge(
    "aws_caller_info",
    &["account"],
    "Account of the credentials, from STS GetCallerIdentity; always 1.",
);
const BUCKET_UP: Desc = Desc::gauge(
    "s3_bucket_up",
    &["bucket", "operation"],
    "Whether the last attempt of the operation succeeded: 1 or 0; absent if it was not attempted, or if a policy for one prefix denies HEAD.",
);
const DURATION: Desc = Desc::gauge(
    "s3_operation_duration_seconds",
    &["bucket", "operation"],
    "Duration of the operation in the last probe that attempted it; the longest if there were several attempts.",
);
const CANARY_SUCCESS: Desc = Desc::gauge(
    "s3_canary_last_success_timestamp_seconds",
    &["bucket"],
    "Unix time of the last canary object put, read back and deleted.",
);

const CANARY_INTERVAL: Desc =
    Desc::gauge("s3_canary_interval_seconds", &["bucket"], "How often the canary runs (`canary.interval`).");

const OF_BUCKET: [Desc; 6] =
    [CREDENTIALS_VALID, CALLER, BUCKET_UP, DURATION, CANARY_SUCCESS, CANARY_INTERVAL];

pub(super) fn catalogue() -> Vec<Desc> {
    [&OF_BUCKET[..], &objects::CATALOGUE].concat()
}

pub(super) struct S3Prober {
    config: Config,
    limit: Duration,
    origin: CredentialsOrigin,
    store: HttpClient,
    sts: Option<Sts>,
    canary: Option<Canary>,
    objects: WatchedObjects,
}

/// The results for the bucket.
#[derive(Default)]
struct Verdict {
    failure: Option<Problem>,
    problems: Vec<Problem>,
}

#[async_trait::async_trait]
impl Prober for S3Prober {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        let deadline = Deadline::within(self.limit);
        // Finding credentials leaves as much time for using them.
        let Current { credentials, origin, problem: of_renewal } =
            self.origin.current(deadline.of_part().left()).await?;
        let mut store = BucketClient {
            client: &mut self.store,
            bucket: &self.config.bucket,
            credentials: &credentials,
            deadline,
            outcomes: Vec::new(),
        };
        let (account, verdict) = tokio::join!(
            account(self.sts.as_mut(), &credentials, deadline.left()),
            climb(&mut store, &self.config.prefix, self.canary.as_mut(), &mut self.objects),
        );
        let outcomes = store.outcomes;
        let mut families = self.bucket_families(&outcomes);
        families.extend(account.as_ref().map(credential_families).unwrap_or_default());
        let mut verdict = verdict;
        if matches!(account, Some(Ok(_))) {
            verdict.blame_policy();
        }
        let with_origin = |problem| with_origin(problem, &origin);
        verdict.failure = verdict.failure.map(with_origin);
        let reason = verdict.failure.as_ref().map(|failure| failure.reason);
        let of_account = account.and_then(Result::err).map(with_origin);
        if reason.or(of_account.as_ref().map(|problem| problem.reason)).is_some_and(is_about_credentials) {
            self.origin.forget();
        }
        let of_account = of_account.filter(|problem| Some(problem.reason) != reason);
        let problems = verdict.problems.into_iter().chain(of_account).chain(of_renewal).collect();
        Ok(Observation { families, problems, failure: verdict.failure })
    }
}

impl S3Prober {
    pub(super) fn new(config: &Config, context: &Context<'_>) -> Self {
        let region = config.bucket.region().to_owned();
        let canary = config.canary.as_ref();
        Self {
            config: config.clone(),
            // Below the deadline, so that one result survives if the other check hangs.
            limit: context.timeout.mul_f64(0.9),
            store: HttpClient::new(config.tls.clone()),
            sts: config.asks_sts.then(|| Sts::new(config.sts.clone(), region, config.sts_tls())),
            origin: CredentialsOrigin::new(config, context.variable),
            canary: canary.map(|canary| Canary::new(&canary.prefix, context.name.as_str(), canary.interval)),
            objects: WatchedObjects::new(&config.objects),
        }
    }

    fn bucket_families(&self, outcomes: &[OperationOutcome]) -> Vec<Family> {
        let bucket = self.config.bucket.name();
        let (mut up, mut duration) = (BUCKET_UP.family(), DURATION.family());
        for outcome in outcomes {
            let labels = [bucket, outcome.operation.as_str()];
            up.push(labels, outcome.good.into());
            duration.push(labels, outcome.duration.as_secs_f64());
        }
        let mut families = vec![up, duration];
        families.extend(self.objects.families(bucket));
        if let Some(canary) = &self.canary {
            families.push(CANARY_INTERVAL.family().with([bucket], canary.interval().as_secs_f64()));
            let success = canary.last_success().map(|time| time.as_duration().as_secs_f64());
            families.extend(success.map(|time| CANARY_SUCCESS.family().with([bucket], time)));
        }
        families
    }
}

async fn account(
    sts: Option<&mut Sts>,
    credentials: &Credentials,
    limit: Duration,
) -> Option<Result<String, Problem>> {
    match sts {
        Some(sts) => Some(sts.account(credentials, limit).await),
        None => None,
    }
}

/// Only an answer about the credentials determines their validity; a missing answer does not.
fn credential_families(account: &Result<String, Problem>) -> Vec<Family> {
    match account {
        Ok(account) => vec![CREDENTIALS_VALID.value(1.0), CALLER.family().with([account], 1.0)],
        Err(problem) if is_about_credentials(problem.reason) => vec![CREDENTIALS_VALID.value(0.0)],
        Err(_) => Vec::new(),
    }
}

fn is_about_credentials(reason: Reason) -> bool {
    matches!(reason, reason::CREDENTIALS_INVALID | reason::CREDENTIALS_EXPIRED | reason::CLOCK_SKEW)
}

/// A problem; if it is about the key itself, with where that comes from.
fn with_origin(problem: Problem, origin: &str) -> Problem {
    match problem.reason {
        reason::CREDENTIALS_INVALID | reason::CREDENTIALS_EXPIRED => {
            problem.noting(format_args!("key from {origin}"))
        }
        _ => problem,
    }
}

async fn climb(
    store: &mut BucketClient<'_>,
    prefix: &str,
    canary: Option<&mut Canary>,
    objects: &mut WatchedObjects,
) -> Verdict {
    let mut verdict = ladder(store, prefix).await;
    if let (true, Some(canary)) = (verdict.is_good(), canary) {
        verdict.problems.extend(canary.run(store).await);
    }
    match verdict.allows_listings() {
        true => verdict.problems.extend(objects.list(store).await),
        false => objects.forget(),
    }
    verdict
}

async fn ladder(store: &mut BucketClient<'_>, prefix: &str) -> Verdict {
    let head = store.head().await;
    if let Err(problem) = &head
        && explains(problem.reason)
    {
        return Verdict::failed(problem.clone());
    }
    match (head, store.list(prefix, 1).await) {
        (Ok(()), Ok(_)) => Verdict::default(),
        (Ok(()), Err(problem)) if leaves_the_bucket_up(problem.reason) => Verdict::degraded(problem),
        // A policy with a condition on the prefix denies HEAD, which has none.
        (Err(problem), Ok(_)) if problem.reason == Reason::Permission && !prefix.is_empty() => {
            store.retract_head();
            Verdict::default()
        }
        (Err(problem), Ok(_)) => Verdict::degraded(problem),
        // Of two failures, only that of the list has an error code.
        (_, Err(problem)) => Verdict::failed(problem),
    }
}

/// Whether the status of a HEAD response, which has no body, is sufficient.
fn explains(reason: Reason) -> bool {
    !matches!(reason, Reason::Permission | Reason::Protocol)
}

/// Whether the bucket, which just responded, only denies this one operation.
fn leaves_the_bucket_up(reason: Reason) -> bool {
    matches!(reason, Reason::Permission | Reason::RateLimited | Reason::Protocol | Reason::Alarm)
}

impl Verdict {
    fn failed(problem: Problem) -> Self {
        Self { failure: Some(problem), problems: Vec::new() }
    }

    fn degraded(problem: Problem) -> Self {
        Self { failure: None, problems: vec![problem] }
    }

    fn is_good(&self) -> bool {
        self.failure.is_none() && self.problems.is_empty()
    }

    /// Whether objects can be listed: what is allowed of the bucket may differ by prefix, but a store that asks to slow
    /// down is left alone.
    fn allows_listings(&self) -> bool {
        self.failure.is_none() && !self.problems.iter().any(|problem| problem.reason == Reason::RateLimited)
    }

    /// Adds what the on-call needs to know if valid credentials are denied.
    fn blame_policy(&mut self) {
        for problem in self.failure.iter_mut().chain(&mut self.problems) {
            if problem.reason == Reason::Permission {
                problem
                    .detail
                    .push_str("; STS accepts the credentials, so a policy denies this, not the key");
            }
        }
    }
}
