//! The contract between the schedule and a kind of source: one probe, its result, and the closed list of reasons.

use std::fmt;

use crate::collectors::Chosen;
use crate::metric::Family;
use crate::off_thread::OffThreadError;
use crate::printable::printable;
use crate::setting::{SecretError, SecretOrigin};

/// Why a source is down or degraded: the value of a `reason` label. The list is closed; details go to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// No answer in time.
    Timeout,
    /// The host name cannot be resolved.
    Dns,
    /// The connection was refused or lost, or the host is unreachable.
    Connect,
    /// The handshake failed: certificate, CA, version.
    Tls,
    /// The credentials are rejected.
    Auth,
    /// The credentials are valid, but lack a permission.
    Permission,
    /// The answer violates the protocol.
    Protocol,
    /// A declared query fails.
    Query,
    /// The source asks to slow down.
    RateLimited,
    /// The requested object does not exist.
    NotFound,
    /// The answer takes longer than `degraded.latency`.
    Slow,
    /// A value is too old, or work is not progressing.
    Stale,
    /// The source itself raises an alarm, or is not fully operational.
    Alarm,
    /// A query returns more series than its budget.
    Cardinality,
    /// A bug in the exporter.
    Internal,
    /// A reason that only one kind of source has.
    OfKind(&'static KindReason),
}

/// A reason that only one kind of source has.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindReason {
    /// The label value.
    pub name: &'static str,
    /// What it means, for people who read a dashboard.
    pub meaning: &'static str,
}

impl Reason {
    /// The reasons that sources of any kind may have.
    pub const COMMON: [Self; 15] = [
        Self::Timeout,
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Auth,
        Self::Permission,
        Self::Protocol,
        Self::Query,
        Self::RateLimited,
        Self::NotFound,
        Self::Slow,
        Self::Stale,
        Self::Alarm,
        Self::Cardinality,
        Self::Internal,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Auth => "auth",
            Self::Permission => "permission",
            Self::Protocol => "protocol",
            Self::Query => "query",
            Self::RateLimited => "rate_limited",
            Self::NotFound => "not_found",
            Self::Slow => "slow",
            Self::Stale => "stale",
            Self::Alarm => "alarm",
            Self::Cardinality => "cardinality",
            Self::Internal => "internal",
            Self::OfKind(reason) => reason.name,
        }
    }

    /// Whether a query that fails for this reason may fail because its whole source does.
    pub const fn may_be_an_outage(self) -> bool {
        // The last is that of a log file, or of a database.
        matches!(self, Self::Timeout | Self::Dns | Self::Connect | Self::Tls | Self::Auth | Self::NotFound)
    }

    /// What it means, for people who read a dashboard.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Timeout => "no answer in time",
            Self::Dns => "the host name cannot be resolved",
            Self::Connect => "refused, lost, or unreachable",
            Self::Tls => "the TLS handshake failed",
            Self::Auth => "the credentials are rejected",
            Self::Permission => "a permission is missing",
            Self::Protocol => "the answer violates the protocol",
            Self::Query => "a query fails",
            Self::RateLimited => "it asks to slow down",
            Self::NotFound => "an object does not exist",
            Self::Slow => "it answers slowly",
            Self::Stale => "old values, or no progress",
            Self::Alarm => "it is not fully operational",
            Self::Cardinality => "too many series",
            Self::Internal => "a bug in the exporter",
            Self::OfKind(reason) => reason.meaning,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Something missing or bad, with a sentence for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct Problem {
    /// The label value.
    pub reason: Reason,
    /// What happened, for people, on one line. Contains no secret.
    pub detail: String,
    /// What an administrator of the source can run to fix it, if that is known: a statement on each line.
    pub remedy: Option<String>,
}

/// Maximum length of a problem's sentence, in characters.
pub const LONGEST_DETAIL: usize = 1_000;

impl Problem {
    /// A problem with its sentence. One longer than [`LONGEST_DETAIL`] is cut: servers' own texts are of any length.
    pub fn new(reason: Reason, detail: impl fmt::Display) -> Self {
        let mut detail = printable(detail.to_string());
        if let Some((end, _)) = detail.char_indices().nth(LONGEST_DETAIL) {
            detail.truncate(end);
            detail.push('…');
            detail.shrink_to_fit();
        }
        Self { reason, detail, remedy: None }
    }

    /// The same problem, with what it concerns before its sentence: `the canary: no answer in time`.
    #[must_use]
    pub fn context(self, what: impl fmt::Display) -> Self {
        Self { remedy: self.remedy, ..Self::new(self.reason, format_args!("{what}: {}", self.detail)) }
    }

    /// The same problem; if it is a rejected login, with where its secret comes from: `(password from ${DB_PASSWORD})`.
    #[must_use]
    pub fn with_origin(self, what: &str, origin: Option<SecretOrigin>) -> Self {
        match origin.filter(|_| self.reason == Reason::Auth) {
            Some(origin) => self.noting(format_args!("{what} from {origin}")),
            None => self,
        }
    }

    /// The same problem, with a remark in parentheses after its sentence.
    #[must_use]
    pub fn noting(self, remark: impl fmt::Display) -> Self {
        Self { remedy: self.remedy, ..Self::new(self.reason, format_args!("{} ({remark})", self.detail)) }
    }

    /// What fixes it, one statement at a time.
    pub fn statements(&self) -> impl Iterator<Item = &str> {
        self.remedy.iter().flat_map(|remedy| remedy.lines())
    }

    /// The same problem, with what fixes it.
    #[must_use]
    pub fn fixed_by(self, remedy: Option<String>) -> Self {
        Self { remedy, ..self }
    }
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        match error {
            SecretError::OffThread(error) => error.into(),
            error => Self::new(Reason::Auth, error),
        }
    }
}

impl From<OffThreadError> for Problem {
    fn from(error: OffThreadError) -> Self {
        let reason = match error {
            OffThreadError::Hangs { .. } => Reason::Timeout,
            OffThreadError::NoThread { .. } => Reason::Internal,
        };
        Self::new(reason, error)
    }
}

/// The result of a probe that reached its source.
#[derive(Debug, Default)]
pub struct Observation {
    /// All families of the source; they replace those of the last probe.
    pub families: Vec<Family>,
    /// What is missing or bad: the source is degraded if there are any.
    pub problems: Vec<Problem>,
    /// Why the source counts as down although its families are valid: for example, the key is valid but the bucket is
    /// gone.
    pub failure: Option<Problem>,
}

/// The code of a kind that probes one source.
#[async_trait::async_trait]
pub trait Prober: Send {
    /// Runs one probe.
    ///
    /// The caller drops the future at the deadline; a connection in the middle of an exchange has to be dropped with
    /// it, so implementations take it out of `self` while they use it, and put it back when the exchange is complete.
    ///
    /// # Errors
    /// When the source cannot be probed at all: it is down.
    async fn probe(&mut self) -> Result<Observation, Problem>;

    /// Chooses what the next probes read: with `None`, all that is turned on. Nothing, for kinds without collectors.
    fn choose(&mut self, _chosen: Option<&Chosen>) {}

    /// Closes what it keeps open, as the server would like it: some log a connection that just ends.
    async fn leave(&mut self) {}
}
