//! What goes on in HiveSync: users come and go, jobs wait, run and end, workers beat.

use std::convert::Infallible;

use super::super::platform::Platform;
use super::super::platform_data::{append, keep, within_patience};
use super::world::USERS;
use super::{CACHE, DATABASE, HiveSync};

const CHANGES: &str = include_str!("../../../../demo/hivesync.life.sql");

/// What went on between the world's last minute and now.
const CATCH_UP: &str = include_str!("../../../../demo/hivesync.catch_up.sql");

/// How often an AI request fails, in rounds.
const AI_FAILURE: usize = 80;
/// How often a preview fails.
const PREVIEW_FAILURE: usize = 300;

const ERRORS: [&str; 3] = ["provider_error", "timeout", "safety_rejection"];

impl HiveSync {
    /// Lives until dropped.
    pub async fn live(&self, platform: &Platform) -> Infallible {
        platform.postgres.script(DATABASE, CATCH_UP).await;
        let rows = keep(async |_| platform.postgres.script(DATABASE, CHANGES).await);
        let (never, _) = tokio::join!(rows, keep(async |round| self.change(platform, round).await));
        never
    }

    pub(crate) async fn change(&self, platform: &Platform, round: usize) {
        let ai = if round.is_multiple_of(AI_FAILURE) { "ai.error" } else { "ai.completed" };
        append(&self.ai_log(), ai, ERRORS[round / AI_FAILURE % ERRORS.len()]);
        let preview =
            if round.is_multiple_of(PREVIEW_FAILURE) { "preview.failed" } else { "preview.completed" };
        append(&self.preview_log(), preview, "build");
        within_patience(change_redis(platform, round)).await;
    }
}

async fn change_redis(platform: &Platform, round: usize) -> redis::RedisResult<()> {
    let seconds = jiff::Timestamp::now().as_second();
    let mut changes = redis::pipe();
    changes.cmd("SELECT").arg(CACHE);
    for worker in ["cpu-1", "cpu-2"] {
        changes.zadd("hb:cpu", worker, seconds);
    }
    for (worker, busy, spot) in [("gpu-1", 7, true), ("gpu-2", 3, false)] {
        let state = if round % 10 < busy { "active" } else { "idle" };
        let beat =
            serde_json::json!({"at": seconds, "state": state, "instance_type": "g5.xlarge", "spot": spot});
        changes.hset("hb:gpu", worker, beat.to_string());
    }
    // The first round is as if there had been others before.
    let sockets = if round == 0 { 200 } else { 8 };
    for socket in 0..sockets {
        let user = fastrand::u64(1..=USERS);
        changes.set_ex(format!("ws_sessions:{user}:{round}-{socket}"), "node-1", fastrand::u64(10..90));
    }
    // More comes than is taken away, until somebody catches up.
    for (queue, length, limit) in [("ai_queue:tasks", round % 12, 12), ("ai_queue:preview", round % 9, 9)] {
        changes.rpush(queue, "{}");
        if length + 1 == limit {
            changes.del(queue);
        }
    }
    changes.query_async(&mut platform.redis.try_connection().await?).await
}
