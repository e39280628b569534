//! Faults of the stores that hold heartbeats.

use crate::config::{worker_of, workers};
use crate::gate::World;
use crate::kinds::postgres::{self, PostgresUnderTest};
use crate::kinds::redis::{self, RedisUnderTest};
use crate::kinds::{Kind, KindUnderTest};
use crate::matrix::{Cell, Fault, down, up};

pub(crate) const IN_REDIS: Kind = Kind {
    name: "workers",
    variant: None,
    cell: cell_in_redis,
    start: |world| Box::pin(start_in_redis(world)),
};

pub(crate) const IN_SQL: Kind = Kind {
    name: "workers",
    variant: Some("SQL"),
    cell: cell_in_sql,
    start: |world| Box::pin(start_in_sql(world)),
};

/// A worker writes the time of its store.
const REDIS: redis::Use = redis::Use {
    name: "workers",
    keys: "redis.call('DEL', 'hb') redis.call('HSET', 'hb', ARGV[1], redis.call('TIME')[1])",
    too_much: "for i = 1, 100000 do redis.call('HSET', 'hb', i, i) end",
    bloated: "",
    forbid: "exporter resetkeys ~other:*",
    allow: "exporter ~*",
    sign: worker_of,
};

const SQL: postgres::Use = postgres::Use {
    name: "workers-in-sql",
    rows: "inet_server_port()::text AS worker, clock_timestamp() AS seen_at",
    too_much: "n::text AS worker, clock_timestamp() AS seen_at FROM generate_series(1, 2000) AS n",
    forbid: "REVOKE SELECT ON answer FROM exporter",
    allow: "GRANT SELECT ON answer TO exporter",
    sign: worker_of,
};

fn cell_in_redis(fault: Fault) -> Cell {
    match fault {
        Fault::Oversized => down("cardinality").note("a hash of 100,000 workers"),
        Fault::NoPermission => down("permission").note("the key of the only class is not readable"),
        _ => redis::usual(fault),
    }
}

fn cell_in_sql(fault: Fault) -> Cell {
    match fault {
        Fault::NoPermission => down("permission").note("the view of the only class is not readable"),
        Fault::Oversized => up().note("200 of 2,000 workers have series of their own"),
        _ => postgres::usual(fault),
    }
}

async fn start_in_redis(world: &World) -> Box<dyn KindUnderTest> {
    let config = |plain: &str, secure: &str| {
        workers(plain, secure, "layout: hash, key: hb, expected: 1, interval: 20m")
    };
    Box::new(RedisUnderTest::start(world, REDIS, config).await)
}

async fn start_in_sql(world: &World) -> Box<dyn KindUnderTest> {
    let class = "sql: 'SELECT worker, seen_at FROM answer', expected: 1, interval: 20m";
    let config = |plain: &str, secure: &str| workers(plain, secure, class);
    Box::new(PostgresUnderTest::start(world, SQL, config).await)
}
