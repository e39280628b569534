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
        mature(&mut world);
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

/// A world is young, so that every window has many rows. A platform that is years old has most of its rows behind it, and
/// as many of this month as of the last one.
fn mature(world: &mut World) {
    let ages = world.users.iter_mut().map(|user| &mut user.age);
    let ages = ages.chain(world.sessions.iter_mut().map(|(_, age)| age));
    let ages = ages.chain(world.media.iter_mut().map(|(_, age)| age));
    let ages = ages.chain(world.events.iter_mut().map(|event| &mut event.age));
    let ages = ages.chain(world.referrals.iter_mut().map(|referral| &mut referral.age));
    let ages = ages.chain(world.transactions.iter_mut().map(|transaction| &mut transaction.age));
    for (number, age) in (0..).zip(ages) {
        match number % 16 {
            0 | 1 => {}
            2 => *age = 31 * world::DAY + *age % (28 * world::DAY),
            _ => *age += (61 + number * 37 % 600) * world::DAY,
        }
    }
}
