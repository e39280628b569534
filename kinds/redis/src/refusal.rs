//! A server's error replies, and the causes behind the driver's errors.

use std::error::Error;
use std::sync::Arc;

use ::redis::{ErrorKind, RedisError, ServerError};
use platform_core::failure_reason;
use platform_core::probe::{Problem, Reason};
use platform_core::query::too_large;

use super::endpoint::RedisEndpoint;
use super::reply_limits::Unfit;

/// A server's error reply. The connection stays usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReplyRefusal {
    code: String,
    message: String,
    /// The account that sent the command.
    user: String,
}

impl ReplyRefusal {
    /// The reply to an account.
    pub(super) fn of(error: &ServerError, user: &str) -> Self {
        let message = error.details().unwrap_or_default();
        // Servers repeat the arguments of a command that they do not know, and those of AUTH are secret.
        let message = message.split(", with args").next().unwrap_or_default();
        Self { code: error.code().to_owned(), message: message.to_owned(), user: user.to_owned() }
    }

    pub(super) fn reason(&self) -> Reason {
        match self.code.as_str() {
            "NOPERM" => Reason::Permission,
            "NOAUTH" | "WRONGPASS" | "DENIED" => Reason::Auth,
            "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "BUSY" | "MISCONF" => Reason::Alarm,
            "ERR" if self.message.starts_with("max number of clients") => Reason::Alarm,
            _ => Reason::Query,
        }
    }

    /// Whether the server lacks the command: it is old, or its operator has disabled it.
    pub(super) fn is_unknown_command(&self) -> bool {
        let message = self.message.to_ascii_lowercase();
        self.code == "ERR"
            && ["unknown command", "unknown subcommand"].iter().any(|no| message.starts_with(no))
    }

    /// Whether too few sentinels are up for a failover.
    pub(super) fn is_no_quorum(&self) -> bool {
        self.code == "NOQUORUM"
    }

    /// Whether the server's AUTH is the older one without a user name.
    pub(super) fn is_wrong_number_of_arguments(&self) -> bool {
        self.message.starts_with("wrong number of arguments")
    }

    /// Host and port of the cluster's node that has the key: `MOVED 3999 10.0.0.1:6381`.
    pub(super) fn moved_to(&self) -> Option<(&str, u16)> {
        let (_, node) = self.message.split_once(' ').filter(|_| self.code == "MOVED")?;
        let (host, port) = node.rsplit_once(':')?;
        Some((host, port.parse().ok()?))
    }

    /// As a problem, with the operation.
    pub(super) fn problem(&self, wanted: &str) -> Problem {
        self.problem_as(self.reason(), wanted)
    }

    /// As a problem whose reason follows from the operation.
    pub(super) fn problem_as(&self, reason: Reason, wanted: &str) -> Problem {
        let hint = match self.code.as_str() {
            "MOVED" => " (this is a cluster node: set `cluster: true`)",
            _ => "",
        };
        let problem = Problem::new(reason, format!("{wanted}: {} {}{hint}", self.code, self.message));
        problem.fixed_by(self.remedy())
    }

    /// The rule that allows a command: `… has no permissions to run the 'config|get' command`.
    fn remedy(&self) -> Option<String> {
        let (_, command) = self.message.split_once(" to run the '").filter(|_| self.code == "NOPERM")?;
        let (command, _) = command.split_once('\'')?;
        Some(format!("ACL SETUSER {} +{command}", self.user))
    }
}

/// A failure of the connection itself.
pub(super) fn broken(error: &RedisError, endpoint: &RedisEndpoint) -> Problem {
    match hidden(error).and_then(unfit) {
        Some(Unfit::TooLarge) => {
            return too_large("read less of the key, with LRANGE or ZRANGE, or count with LLEN or ZCARD");
        }
        Some(unfit) => return Problem::new(Reason::Protocol, format!("{endpoint}: {unfit}")),
        None => {}
    }
    // The parser's messages have several lines.
    let text = failure_reason::describe(error).split_whitespace().collect::<Vec<_>>().join(" ");
    let reason = if error.is_timeout() {
        Reason::Timeout
    } else {
        hidden(error).and_then(failure_reason::network_reason).unwrap_or(match error.kind() {
            ErrorKind::Io => Reason::Connect,
            // Cut in the middle of an answer.
            ErrorKind::Parse if text.contains("end of input") => Reason::Connect,
            _ => Reason::Protocol,
        })
    };
    Problem::new(reason, format!("{endpoint}: {text}"))
}

fn unfit(cause: &(dyn Error + 'static)) -> Option<Unfit> {
    cause.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref().copied()
}

/// The cause, which the driver keeps behind a shared pointer that hides its type.
fn hidden(error: &RedisError) -> Option<&(dyn Error + 'static)> {
    let cause = error.source()?.downcast_ref::<Arc<dyn Error + Send + Sync>>()?;
    Some(cause.as_ref())
}
