//! HiveSync on the servers of a platform: a database in PostgreSQL, one in Redis, and log files.

mod life;
pub mod world;

use std::path::PathBuf;

use tempfile::TempDir;

use self::world::{Job, World};
use super::platform::Platform;

pub const SCHEMA: &str = include_str!("../../../../demo/hivesync.schema.sql");
pub const ROLES: &str = include_str!("../../../../platforms/hivesync/role.sql");
pub const INDEXES: &str = include_str!("../../../../platforms/hivesync/indexes.sql");
pub const ROLL_UP: &str = include_str!("../../../../platforms/hivesync/roll_up.sql");

/// The database in PostgreSQL.
const DATABASE: &str = "hivesync";
const DAY: i64 = 24 * 60 * 60;
/// The number of the database in Redis.
const CACHE: u8 = 2;

/// A HiveSync at work.
pub struct HiveSync {
    logs: TempDir,
}

/// Of the jobs of a world, more fail than on a platform that is well.
fn heal(jobs: &mut [Job]) {
    let failed = jobs.iter_mut().filter(|job| job.status == "failed" && job.age < DAY);
    for (_, job) in failed.enumerate().filter(|(number, _)| number % 20 != 0) {
        (job.status, job.class) = ("completed", None);
    }
}

/// A job every so many seconds from a day ago until the world's last minute: as many in an hour as while it lives.
fn day(every: usize) -> impl Iterator<Item = Job> {
    (0..DAY).step_by(every).zip(0..).map(|(age, number)| Job {
        user: 1 + number * number % world::USERS,
        status: "completed",
        class: None,
        tokens: Some((200 + number * 37 % 5000, 50 + number * 11 % 1000)),
        age,
        took: Some(5000 + age * 37 % 10_000),
    })
}

impl HiveSync {
    pub const CONFIG: &str = include_str!("../../../../demo/hivesync.yml");

    /// Fills the servers.
    pub async fn start(platform: &Platform) -> Self {
        let mut world = World::populated();
        // What is ahead of the clock for the sake of a test was a minute ago.
        world.born += world::NOW - 60;
        world.requests.retain(|request| request.age != world::NOW || request.status != "failed");
        heal(&mut world.requests);
        heal(&mut world.previews);
        world.requests.extend(day(7));
        world.previews.extend(day(15));
        let postgres = &platform.postgres;
        postgres.add_database(DATABASE).await;
        for script in [SCHEMA, &world.inserts(), ROLES, INDEXES, ROLL_UP] {
            postgres.script(DATABASE, script).await;
        }
        let hivesync = Self { logs: TempDir::with_prefix("hivesync-").expect("a temporary directory") };
        std::fs::write(hivesync.ai_log(), world.ai_log_lines()).expect("the directory is writable");
        std::fs::write(hivesync.preview_log(), world.preview_log_lines()).expect("the directory is writable");
        hivesync.change(platform, 0).await;
        hivesync
    }

    /// The variables that [`Self::CONFIG`] refers to.
    pub fn environment(&self, platform: &Platform) -> [(&'static str, String); 5] {
        let postgres = |user| platform.postgres.url_as(user, "", DATABASE);
        [
            ("HIVESYNC_DATABASE_URL", postgres("platform_exporter")),
            ("HIVESYNC_ROLL_UP_URL", postgres("platform_roll_up")),
            ("HIVESYNC_REDIS_URL", format!("{}/{CACHE}", platform.redis.url())),
            ("HIVESYNC_AI_LOG", self.ai_log().display().to_string()),
            ("HIVESYNC_PREVIEW_LOG", self.preview_log().display().to_string()),
        ]
    }

    fn ai_log(&self) -> PathBuf {
        self.logs.path().join("ai-events.log")
    }

    fn preview_log(&self) -> PathBuf {
        self.logs.path().join("preview.log")
    }
}
