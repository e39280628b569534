//! The faults, and what a source shows while one lasts.

use self::Fault::*;

macro_rules! faults {
    ($($fault:ident $name:literal = $title:literal,)*) => {
        /// What goes wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Fault {
            $($fault,)*
        }

        impl Fault {
            pub(crate) const ALL: &[Self] = &[$($fault),*];

            /// In the names of tests.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $($fault => $name,)*
                }
            }

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
    Refused "refused" = "Connections are refused",
    Blackholed "blackholed" = "Packets are dropped",
    Silent "silent" = "It accepts connections and never answers",
    Stalled "stalled" = "An answer stops halfway",
    Trickled "trickled" = "Answers arrive at one byte per second",
    Reset "reset" = "Connections are reset",
    Garbage "garbage" = "It sends garbage",
    WrongProtocol "wrong_protocol" = "A server of another protocol answers",
    NoHandshake "no_handshake" = "The TLS handshake fails",
    Expired "expired" = "The certificate has expired",
    WrongAuthority "wrong_authority" = "The certificate is from an unknown CA",
    WrongCredentials "wrong_credentials" = "The credentials are rejected",
    NoPermission "no_permission" = "A permission is missing",
    NoSuchName "no_such_name" = "The name does not exist",
    SilentResolver "silent_resolver" = "The name server does not answer",
    Oversized "oversized" = "An answer is far too large",
    Nested "nested" = "Answers are nested 100,000 levels deep",
    Bloated "bloated" = "An answer takes far more in memory than on the wire",
    SecretHangs "secret_hangs" = "Its secret file hangs",
    Restart "restart" = "The server restarts",
    Failover "failover" = "The name moves to another address",
    Clock "clock" = "The server's clock is an hour ahead",
    RateLimit "rate_limit" = "The server rate-limits",
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
}

/// One cell of the matrix.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    /// What is shown, where there is such a fault.
    pub(crate) shown: Option<Shown>,
    /// What the fault is for this kind where its title does not say it, or why there is none.
    pub(crate) note: &'static str,
}

impl Cell {
    pub(crate) const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

pub(crate) const fn down(reason: &'static str) -> Cell {
    Cell { shown: Some(Shown::Down(reason)), note: "" }
}

pub(crate) const fn degraded(reason: &'static str) -> Cell {
    Cell { shown: Some(Shown::Degraded(reason)), note: "" }
}

pub(crate) const fn up() -> Cell {
    Cell { shown: Some(Shown::Up), note: "" }
}

pub(crate) const fn nothing(why: &'static str) -> Cell {
    Cell { shown: None, note: why }
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
