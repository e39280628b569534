//! Waiting for a condition.

use std::time::{Duration, Instant};

/// How often a condition is looked at: a pause of 20 ms is not felt, and costs next to nothing.
pub const PAUSE: Duration = Duration::from_millis(20);

/// Waits until the condition holds; panics with `what` when it does not within the timeout.
pub async fn eventually(timeout: Duration, what: &str, mut condition: impl AsyncFnMut() -> bool) {
    until(timeout, what, async || condition().await.then_some(())).await;
}

/// Waits until there is a value, and gives it; panics with `what` when there is none within the timeout.
pub async fn until<T>(timeout: Duration, what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if let Ok(Some(value)) = tokio::time::timeout(left, attempt()).await {
            return value;
        }
        assert!(Instant::now() < deadline, "not within {timeout:?}: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
