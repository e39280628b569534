//! Sentinels: which server is the master.

use std::time::Duration;

use ::redis::Value;
use platform_core::probe::{Problem, Reason};
use platform_core::tls::Tls;

use super::endpoint::{RedisEndpoint, RedisLogin};
use super::link::{RedisLink, words};

/// The master's address, from the first sentinel that knows it.
pub(super) async fn master(
    name: &str,
    sentinels: &[(RedisEndpoint, RedisLogin)],
    tls: &Tls,
    timeout: Duration,
) -> Result<RedisEndpoint, Problem> {
    let mut problem = Problem::new(Reason::NotFound, "no sentinel is configured");
    for (endpoint, login) in sentinels {
        match ask_sentinel(name, endpoint, login, tls, timeout).await {
            Ok(master) => return Ok(master),
            Err(cause) => problem = cause,
        }
    }
    Err(problem.context("no sentinel knows the master"))
}

async fn ask_sentinel(
    name: &str,
    endpoint: &RedisEndpoint,
    login: &RedisLogin,
    tls: &Tls,
    timeout: Duration,
) -> Result<RedisEndpoint, Problem> {
    let mut link = RedisLink::open(endpoint, login, tls, timeout).await?;
    let reply = link.ask(words(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name]), timeout).await?;
    match reply.map_err(|refusal| refusal.problem("SENTINEL GET-MASTER-ADDR-BY-NAME"))? {
        Value::Nil => Err(Problem::new(Reason::NotFound, format!("{endpoint} knows no master `{name}`"))),
        Value::Array(parts) => {
            link.address(&parts).ok_or_else(|| Problem::new(Reason::Protocol, "expected host and port"))
        }
        _ => Err(Problem::new(Reason::Protocol, "expected host and port")),
    }
}
