//! The canary: an object that is put, read back and deleted, as proof that applications can do the same.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use platform_core::probe::Problem;

use super::operation::Operation;
use super::store::{BucketClient, OperationOutcome};

/// Older objects of ours were left behind by an aborted run; younger ones may belong to a run in progress in another
/// exporter with the same configuration.
const LEFTOVER_AGE_SECONDS: i64 = 3600;
/// How many leftovers one run checks.
const LEFTOVERS: usize = 20;
/// Enough to verify the content.
const CONTENT_WORDS: usize = 64;

pub(super) struct Canary {
    /// Everything under it is ours: it contains the names of the exporter and the source.
    folder: String,
    interval: Duration,
    /// The last successful run, valid until the next is due.
    last: Option<(Instant, Vec<OperationOutcome>)>,
    last_success: Option<Timestamp>,
}

impl Canary {
    pub(super) fn new(prefix: &str, source: &str, interval: Duration) -> Self {
        let folder = format!("{prefix}platform_exporter-{source}/");
        Self { folder, interval, last: None, last_success: None }
    }

    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    pub(super) fn last_success(&self) -> Option<Timestamp> {
        self.last_success
    }

    /// Runs if due; always due after a failure, so that recovery shows at once.
    pub(super) async fn run(&mut self, store: &mut BucketClient<'_>) -> Option<Problem> {
        if let Some((at, outcomes)) = &self.last
            && at.elapsed() < self.interval
        {
            store.outcomes.extend(outcomes);
            return None;
        }
        self.last = None;
        let at = Instant::now();
        let problem = self.fly(store).await.err();
        if problem.is_none() {
            let ours = |outcome: &&OperationOutcome| {
                matches!(outcome.operation, Operation::Put | Operation::Get | Operation::Delete)
            };
            self.last = Some((at, store.outcomes.iter().filter(ours).copied().collect()));
            self.last_success = Some(Timestamp::now());
        }
        problem
    }

    async fn fly(&self, store: &mut BucketClient<'_>) -> Result<(), Problem> {
        let now = Timestamp::now().as_second();
        let key = format!("{}{now}-{:016x}", self.folder, fastrand::u64(..));
        let content: Vec<u8> = (0..CONTENT_WORDS).flat_map(|_| fastrand::u64(..).to_le_bytes()).collect();
        let version = store.put(&key, &content).await?;
        let got = store.get(&key, &content).await;
        store.delete(&key, version.as_deref()).await?;
        got?;
        self.tidy(store, now).await
    }

    /// Deletes the leftovers of aborted runs.
    async fn tidy(&self, store: &mut BucketClient<'_>, now: i64) -> Result<(), Problem> {
        for key in store.list(&self.folder, LEFTOVERS).await? {
            if self.time_of(&key).is_some_and(|time| time < now - LEFTOVER_AGE_SECONDS) {
                store.delete(&key, None).await?;
            }
        }
        Ok(())
    }

    /// When one of our objects was created; `None` for any name that is not exactly in our format.
    fn time_of(&self, key: &str) -> Option<i64> {
        let (time, random) = key.strip_prefix(&self.folder)?.split_once('-')?;
        let is_ours = random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
        time.parse().ok().filter(|_| is_ours)
    }
}
