//! The faults, and what a source shows while one lasts.

use self::Fault::*;

macro_rules! faults {
    ($($fault:ident = $title:literal,)*) => {
        /// What goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Fault {
            $($fault,)*
        }

        impl Fault {
            pub(crate) const ALL: &[Self] = &[$($fault),*];

            /// For people.
            pub(crate) const fn title(self) -> &'static str {
                match self {
                    $($fault => $title,)*
                }
            }
        }
    };
}

// In the order of the tables.
faults! {
    Refused = "Connections are refused",
    Blackholed = "Packets are dropped",
    Silent = "It accepts connections and never answers",
    Stalled = "An answer stops halfway",
    Trickled = "Answers arrive at one byte per second",
    Reset = "Connections are reset",
    Garbage = "It sends garbage",
    WrongProtocol = "A server of another protocol answers",
    NoHandshake = "The TLS handshake fails",
    Expired = "The certificate has expired",
    WrongAuthority = "The certificate is from an unknown CA",
    WrongCredentials = "The credentials are rejected",
    NoPermission = "A permission is missing",
    NoSuchName = "The name does not exist",
    SilentResolver = "The name server does not answer",
    Oversized = "An answer is far too large",
    Nested = "Answers are nested 100,000 levels deep",
    Bloated = "An answer takes far more in memory than on the wire",
    SecretHangs = "Its secret file hangs",
    Restart = "The server restarts",
    Failover = "The name moves to another address",
    Clock = "The server's clock is an hour ahead",
    RateLimit = "The server rate-limits",
}

impl Fault {
    /// The source of the kind that the fault is for. Only one of them uses TLS, which would hide what goes through it,
    /// and has its secret in a file.
    pub(crate) fn source(self) -> &'static str {
        match self {
            NoHandshake | Expired | WrongAuthority | SecretHangs => "secure",
            _ => "plain",
        }
    }
}

/// What a source shows while a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// It is down, for this reason.
    Down(&'static str),
    /// It is up, with this problem.
    Degraded(&'static str),
    /// It is as before.
    Up,
    /// There is no such fault.
    Nothing,
}

/// One cell of the matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) shown: Shown,
    /// What the fault is for this kind where its title does not say it, or why there is none.
    pub(crate) note: &'static str,
}

impl Cell {
    pub(crate) const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

pub(crate) const fn down(reason: &'static str) -> Cell {
    Cell { shown: Shown::Down(reason), note: "" }
}

pub(crate) const fn degraded(reason: &'static str) -> Cell {
    Cell { shown: Shown::Degraded(reason), note: "" }
}

pub(crate) const fn up() -> Cell {
    Cell { shown: Shown::Up, note: "" }
}

pub(crate) const fn nothing(why: &'static str) -> Cell {
    Cell { shown: Shown::Nothing, note: why }
}

/// What a server behind a network shows, unless its kind says otherwise.
pub(crate) const fn usual(fault: Fault) -> Cell {
    match fault {
        Refused | Reset | Restart => down("connect"),
        Blackholed | Silent | Stalled | Trickled | SilentResolver | SecretHangs => down("timeout"),
        Garbage | WrongProtocol | Oversized => down("protocol"),
        NoHandshake | Expired | WrongAuthority => down("tls"),
        WrongCredentials => down("auth"),
        NoPermission => degraded("permission"),
        NoSuchName => down("dns"),
        Failover => down("connect").note("until the name resolves to the new address"),
        // A kind whose answers can be either says so.
        Nested | Bloated => nothing("not for this kind"),
        Clock => up(),
        RateLimit => down("rate_limited"),
    }
}
