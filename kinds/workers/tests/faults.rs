//! Faults of the stores that hold heartbeats.

use crate::faults::gate::World;
use crate::faults::matrix::{Fault, down, up};
use crate::faults::runner::Patient;
use crate::faults::{worker_of, workers};
use crate::kinds::postgres::faults::PostgresPatient;
use crate::kinds::redis::faults::RedisPatient;
use crate::kinds::{postgres, redis};

/// A worker writes the time of its store.
const IN_REDIS: redis::faults::Use = redis::faults::Use {
    kind: "workers",
    cell: |fault| match fault {
        Fault::Oversized => down("cardinality").note("a hash of 100,000 workers"),
        Fault::NoPermission => down("permission").note("the key of the only class is not readable"),
        _ => redis::faults::usual(fault),
    },
    keys: "redis.call('DEL', 'hb') redis.call('HSET', 'hb', ARGV[1], redis.call('TIME')[1])",
    too_much: "for i = 1, 100000 do redis.call('HSET', 'hb', i, i) end",
    bloated: "",
    forbid: "exporter resetkeys ~other:*",
    allow: "exporter ~*",
    sign: worker_of,
};

const IN_POSTGRES: postgres::faults::Use = postgres::faults::Use {
    kind: "workers",
    cell: |fault| match fault {
        Fault::NoPermission => down("permission").note("the view of the only class is not readable"),
        Fault::Oversized => up().note("200 of 2,000 workers have series of their own"),
        _ => postgres::faults::usual(fault),
    },
    rows: "inet_server_port()::text AS worker, clock_timestamp() AS seen_at",
    too_much: "n::text AS worker, clock_timestamp() AS seen_at FROM generate_series(1, 2000) AS n",
    forbid: "REVOKE SELECT ON answer FROM exporter",
    allow: "GRANT SELECT ON answer TO exporter",
    sign: worker_of,
};

pub(crate) async fn in_redis(world: &World) -> Box<dyn Patient> {
    let config = |plain: &str, secure: &str| {
        workers(plain, secure, "layout: hash, key: hb, expected: 1, interval: 20m")
    };
    Box::new(RedisPatient::start(world, IN_REDIS, config).await)
}

pub(crate) async fn in_postgres(world: &World) -> Box<dyn Patient> {
    let class = "sql: 'SELECT worker, seen_at FROM answer', expected: 1, interval: 20m";
    let config = |plain: &str, secure: &str| workers(plain, secure, class);
    Box::new(PostgresPatient::start(world, IN_POSTGRES, config).await)
}
