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
    denied: Option<DeniedAccess>,
}

/// What an account may not do.
#[derive(Clone, Debug, PartialEq, Eq)]
struct DeniedAccess {
    user: String,
    /// The rules of an ACL that allow it: `+llen`, `~queue:mail`.
    rules: Vec<String>,
}

impl ReplyRefusal {
    /// The reply to a command of an account.
    pub(super) fn of(error: &ServerError, user: &str, words: &[String]) -> Self {
        let message = error.details().unwrap_or_default();
        // Servers repeat the arguments of a command that they do not know, and those of AUTH are secret.
        let message = message.split(", with args").next().unwrap_or_default();
        let rules = if error.code() == "NOPERM" { rules(message, words) } else { Vec::new() };
        let denied = (!rules.is_empty()).then(|| DeniedAccess { user: user.to_owned(), rules });
        Self { code: error.code().to_owned(), message: message.to_owned(), denied }
    }

    /// For a key that stands for all that match this pattern.
    pub(super) fn of_pattern(mut self, pattern: &str) -> Self {
        let rules = self.denied.iter_mut().flat_map(|denied| &mut denied.rules);
        rules.filter(|rule| rule.contains('~')).for_each(|rule| *rule = quoted(&format!("~{pattern}")));
        self
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

    pub(super) fn is_wrong_type(&self) -> bool {
        self.code == "WRONGTYPE"
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
        problem.fixed_by(remedy([self.clone()]))
    }
}

/// The statement that allows all that was refused to an account.
pub(super) fn remedy(refusals: impl IntoIterator<Item = ReplyRefusal>) -> Option<String> {
    let mut denied = refusals.into_iter().filter_map(|refusal| refusal.denied);
    let DeniedAccess { user, rules } = denied.next()?;
    let rules = rules.into_iter().chain(denied.flat_map(|denied| denied.rules));
    Some(begin_of_statement(&user) + &distinct(rules).join(" "))
}

/// Gives the problems of an account one statement for all of them.
pub(super) fn join_remedies(problems: &mut [Problem], user: &str) {
    let begin = begin_of_statement(user);
    let rules = problems.iter().filter_map(|problem| problem.remedy.as_deref()?.strip_prefix(&begin));
    let all = begin.clone() + &distinct(rules).join(" ");
    let remedies = problems.iter_mut().filter_map(|problem| problem.remedy.as_mut());
    remedies.filter(|remedy| remedy.starts_with(&begin)).for_each(|remedy| remedy.clone_from(&all));
}

fn begin_of_statement(user: &str) -> String {
    format!("ACL SETUSER {} ", quoted(user))
}

/// Each once, in their order.
fn distinct<T: PartialEq>(rules: impl Iterator<Item = T>) -> Vec<T> {
    rules.fold(Vec::new(), |mut known, rule| {
        if !known.contains(&rule) {
            known.push(rule);
        }
        known
    })
}

/// The rules that allow a command, `… has no permissions to run the 'config|get' command`, or its keys, `No permissions
/// to access a key`.
fn rules(message: &str, words: &[String]) -> Vec<String> {
    if let Some((_, command)) = message.split_once(" to run the '") {
        return command
            .split_once('\'')
            .map(|(command, _)| quoted(&format!("+{command}")))
            .into_iter()
            .collect();
    }
    if !message.contains("permissions to access") || !message.contains("key") {
        return Vec::new();
    }
    keys(words).iter().map(|key| quoted(&format!("~{}", literal(key)))).collect()
}

/// The keys among the words of a command.
pub(super) fn keys(words: &[String]) -> &[String] {
    let [command, rest @ ..] = words else { return &[] };
    let of = |from: usize, number: usize| rest.get(from..from + number).unwrap_or_default();
    match &*command.to_ascii_uppercase() {
        "EXISTS" | "MGET" | "SDIFF" | "SINTER" | "SUNION" => rest,
        "SINTERCARD" => of(1, rest.first().and_then(|number| number.parse().ok()).unwrap_or_default()),
        "MEMORY" | "OBJECT" | "XINFO" => of(1, 1),
        "CLIENT" | "CLUSTER" | "COMMANDLOG" | "CONFIG" | "INFO" | "LATENCY" | "PING" | "PUBSUB"
        | "SENTINEL" | "SLOWLOG" => &[],
        _ => of(0, 1),
    }
}

/// A key as the pattern that only it matches.
fn literal(key: &str) -> String {
    let is_special = |character: char| r"*?[]\".contains(character);
    let escape = |character| is_special(character).then_some('\\').into_iter().chain([character]);
    key.chars().flat_map(escape).collect()
}

/// A word as redis-cli reads it, and a shell.
fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "+-_.:@%/".contains(character);
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false if word.contains('\'') => {
            format!("\"{}\"", word.replace('\\', r"\\").replace('"', "\\\""))
        }
        false => format!("'{word}'"),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(message: &str, command: &str) -> ReplyRefusal {
        let words: Vec<_> = command.split(' ').map(str::to_owned).collect();
        let denied = DeniedAccess { user: "exporter".to_owned(), rules: rules(message, &words) };
        let denied = Some(denied).filter(|denied| !denied.rules.is_empty());
        ReplyRefusal { code: "NOPERM".to_owned(), message: message.to_owned(), denied }
    }

    fn rule(message: &str, command: &str) -> Option<String> {
        remedy([refusal(message, command)])
    }

    #[test]
    fn commands_and_keys_are_allowed_by_a_rule() {
        let command = "User exporter has no permissions to run the 'config|get' command";
        assert_eq!(rule(command, "CONFIG GET *").as_deref(), Some("ACL SETUSER exporter '+config|get'"));
        for message in [
            "No permissions to access a key",
            "this user has no permissions to access one of the keys used as arguments",
        ] {
            let rule = |command| {
                let rule = rule(message, command).expect(command);
                rule.strip_prefix("ACL SETUSER exporter ").expect(command).to_owned()
            };
            assert_eq!(rule("LLEN queue:tasks"), "'~queue:tasks'");
            assert_eq!(rule("xinfo groups events"), "'~events'");
            assert_eq!(rule("MGET a b"), "'~a' '~b'");
            assert_eq!(rule("SINTERCARD 2 a b LIMIT 3"), "'~a' '~b'");
            assert_eq!(rule("GET a*[b]"), r"'~a\*\[b\]'");
            let of_pattern = refusal(message, "GET a*").of_pattern("a*");
            let all = [refusal(command, "CONFIG GET *"), of_pattern];
            assert_eq!(remedy(all).as_deref(), Some("ACL SETUSER exporter '+config|get' '~a*'"));
        }
        assert_eq!(rule("No permissions to access a channel", "PUBSUB NUMSUB key"), None);
        let denied = |command| refusal(&format!("no permissions to run the '{command}' command"), "TYPE a");
        let other =
            Problem::new(Reason::Permission, "elsewhere").fixed_by(Some("ACL SETUSER b +get".to_owned()));
        let mut problems = ["type", "llen", "type"].map(|command| denied(command).problem("key a")).to_vec();
        problems.push(other.clone());
        join_remedies(&mut problems, "exporter");
        for problem in &problems[..3] {
            assert_eq!(problem.remedy.as_deref(), Some("ACL SETUSER exporter +type +llen"));
        }
        assert_eq!(problems[3], other, "that of another account");
        assert_eq!(quoted("a b\"c"), r#"'a b"c'"#);
        assert_eq!(quoted(r"it's\*"), r#""it's\\*""#);
    }
}
