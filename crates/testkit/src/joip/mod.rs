//! JOIP on the servers of a platform: a database in PostgreSQL.

mod life;
mod rows;
pub mod world;

use self::world::World;
use super::platform::Platform;

pub const SCHEMA: &str = include_str!("schema.sql");
pub const ROLES: &str = include_str!("../../../../platforms/joip/role.sql");
pub const INDEXES: &str = include_str!("../../../../platforms/joip/indexes.sql");

const DATABASE: &str = "joip";

/// A JOIP at work.
pub struct Joip;

impl Joip {
    pub const CONFIG: &str = include_str!("../../../../demo/joip.yml");

    /// Fills the server.
    pub async fn start(platform: &Platform) -> Self {
        let mut world = World::populated();
        // As many as on any other day.
        world.referrals.retain(|referral| referral.age > world::DAY || referral.referee % 6 == 0);
        platform.postgres.add_database(DATABASE).await;
        for script in [SCHEMA, &world.inserts(), ROLES, INDEXES] {
            platform.postgres.script(DATABASE, script).await;
        }
        Self
    }

    /// The variables that [`Self::CONFIG`] refers to.
    pub fn environment(&self, platform: &Platform) -> [(&'static str, String); 1] {
        [("JOIP_DATABASE_URL", platform.postgres.url_as("platform_exporter", "", DATABASE))]
    }
}
