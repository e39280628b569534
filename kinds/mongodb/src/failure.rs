//! From the driver's errors to reasons.
//!
//! The driver's texts are not used in full: they contain the server's reply, and so the query.

use std::io;
use std::time::Instant;

use ::mongodb::ServerType;
use ::mongodb::error::{CommandError, Error, ErrorKind};
use platform_core::failure_reason;
use platform_core::probe::{Problem, Reason};

use super::config::Config;
use super::role::{LackingRole, MongoAccount};
use super::topology::KnownTopology;

const UNAUTHORIZED: i32 = 13;

/// What an error means for the source. `begin` is when the failed exchange began.
pub(super) fn problem(error: &Error, config: &Config, members: &KnownTopology, begin: Instant) -> Problem {
    let problem = cause(error, config, members, begin);
    let hint =
        config.account.as_ref().filter(|_| problem.reason == Reason::Auth).and_then(MongoAccount::hint);
    match hint {
        Some(hint) => problem.noting(hint),
        None => problem,
    }
}

fn cause(error: &Error, config: &Config, members: &KnownTopology, begin: Instant) -> Problem {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => refusal(command, config.logs_in),
        // Neither says why no server is available.
        ErrorKind::ServerSelection { .. } | ErrorKind::ConnectionPoolCleared { .. } => {
            unreachable_servers(members)
        }
        // The driver only learns that there is no connection.
        ErrorKind::ProxyConnect { .. } => {
            members.outcomes.unreachable_since(begin).unwrap_or_else(|| simple(error))
        }
        ErrorKind::Io(_) | ErrorKind::Authentication { .. } => {
            members.outcomes.refused_since(begin).unwrap_or_else(|| simple(error))
        }
        _ => simple(error),
    }
}

/// Whether the connection was closed, by the server or on the way.
pub(super) fn is_broken(error: &Error) -> bool {
    match error.kind.as_ref() {
        ErrorKind::Io(io) => matches!(
            io.kind(),
            io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::UnexpectedEof
        ),
        _ => false,
    }
}

/// Whether nothing was sent, because another connection of the client broke.
pub(super) fn is_unsent(error: &Error) -> bool {
    match error.kind.as_ref() {
        // What was under way when the server stopped responding may still run there.
        ErrorKind::ConnectionPoolCleared { message, .. } => !message.contains("interrupted"),
        _ => false,
    }
}

/// An error that says what it is.
fn simple(error: &Error) -> Problem {
    match error.kind.as_ref() {
        ErrorKind::Command(command) => refusal(command, true),
        ErrorKind::Io(io) => {
            let reason = failure_reason::network_reason(io.as_ref()).unwrap_or(Reason::Connect);
            Problem::new(reason, failure_reason::describe(io.as_ref()))
        }
        kind => Problem::new(reason(kind), kind),
    }
}

fn reason(kind: &ErrorKind) -> Reason {
    match kind {
        ErrorKind::Authentication { .. } => Reason::Auth,
        ErrorKind::DnsResolve { .. } => Reason::Dns,
        ErrorKind::InvalidTlsConfig { .. } => Reason::Tls,
        ErrorKind::ConnectionPoolCleared { .. } | ErrorKind::ProxyConnect { .. } => Reason::Connect,
        ErrorKind::InvalidArgument { .. } => Reason::Query,
        ErrorKind::Internal { .. } | ErrorKind::Shutdown => Reason::Internal,
        _ => Reason::Protocol,
    }
}

/// A command that the server rejected.
pub(super) fn refusal(error: &CommandError, logs_in: bool) -> Problem {
    let CommandError { code, code_name, message, .. } = error;
    let reason = match *code {
        UNAUTHORIZED if !logs_in => Reason::Auth,
        UNAUTHORIZED => Reason::Permission,
        // UserNotFound, AuthenticationFailed, ReauthenticationRequired
        11 | 18 | 391 => Reason::Auth,
        // MaxTimeMSExpired, NetworkTimeout, NetworkInterfaceExceededTimeLimit
        50 | 89 | 202 => Reason::Timeout,
        // NamespaceNotFound
        26 => Reason::NotFound,
        // HostUnreachable, HostNotFound, ShutdownInProgress, InterruptedAtShutdown
        6 | 7 | 91 | 11600 => Reason::Connect,
        // PrimarySteppedDown, NotWritablePrimary, InterruptedDueToReplStateChange, NotPrimaryNoSecondaryOk,
        // NotPrimaryOrSecondary
        189 | 10107 | 11602 | 13435 | 13436 => Reason::Alarm,
        // IngressRequestRateLimitExceeded
        462 => Reason::RateLimited,
        _ => Reason::Query,
    };
    // The message of a missing privilege contains the whole command, including session tokens.
    let message = match *code {
        UNAUTHORIZED => message.split(" { ").next().unwrap_or_default(),
        _ => message,
    };
    Problem::new(reason, format!("{code_name} ({code}): {message}"))
}

/// Why no server is available.
fn unreachable_servers(members: &KnownTopology) -> Problem {
    let Some(topology) = members.latest() else {
        return Problem::new(Reason::Timeout, "no server has responded yet");
    };
    if let Some(fault) = topology.compatibility_error() {
        return Problem::new(Reason::Protocol, fault);
    }
    let servers = topology.servers();
    let mut servers: Vec<_> = servers.iter().map(|(address, server)| (address.to_string(), server)).collect();
    servers.sort_by(|(a, _), (b, _)| a.cmp(b));
    let fault = |address: &str, error| members.outcomes.of(address).unwrap_or_else(|| simple(error));
    let faults: Vec<_> = servers
        .iter()
        .filter_map(|(address, server)| Some((address, fault(address, server.error()?))))
        .collect();
    if let Some((_, first)) = faults.first() {
        let details = faults.iter().map(|(address, fault)| format!("{address}: {}", fault.detail));
        return Problem::new(first.reason, details.collect::<Vec<_>>().join("; "));
    }
    if servers.is_empty() {
        return Problem::new(Reason::NotFound, "no server belongs to the replica set named in the url");
    }
    let silent = servers.iter().any(|(_, server)| server.server_type() == ServerType::Unknown);
    let types = servers.iter().map(|(address, server)| format!("{address} is {:?}", server.server_type()));
    let types = types.collect::<Vec<_>>().join(", ");
    if silent {
        Problem::new(Reason::Timeout, format!("no answer in time: {types}"))
    } else {
        Problem::new(Reason::Alarm, format!("no readable member: {types}"))
    }
}

/// Names the missing role, and the command that grants it.
pub(super) fn advise(problem: Problem, config: &Config, role: Option<&LackingRole>) -> Problem {
    let Some(role) = role.filter(|_| problem.reason == Reason::Permission) else { return problem };
    let remedy = config.account.as_ref().map(|account| account.granting(role));
    Problem::new(Reason::Permission, format!("{}; grant the role {role}", problem.detail)).fixed_by(remedy)
}
