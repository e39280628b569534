//! Why a command is refused.

use platform_core::query::{Misuse, QueryPart};
use platform_core::yaml::hint;

use super::command_list::{COMMANDS, SUBCOMMANDS};

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CommandError {
    /// There is none.
    #[error("expected a command with its arguments, as in `[LLEN, \"queue:tasks\"]`")]
    Empty,
    /// KEYS or SCAN.
    #[error("KEYS blocks the server, and SCAN returns only some of the keys: use `scan: PATTERN`")]
    AllKeys,
    /// PFCOUNT.
    #[error("expected a read-only command: PFCOUNT writes, because it caches its result in the key")]
    Cached,
    /// It writes or blocks, or there is no such command.
    #[error(
        "`{0}` is not supported: expected a read-only, non-blocking command, such as LLEN, ZCARD, GET, HGETALL or \
         SMEMBERS"
    )]
    Unsupported(String),
    /// A subcommand is missing, or it is not one of those that only read.
    #[error("`{given}` is not supported: expected {}", subcommands(command).join(" or "))]
    Subcommand {
        /// The command.
        command: String,
        /// The command with its subcommand.
        given: String,
    },
}

impl CommandError {
    /// The error for a command that is none of those that are allowed.
    pub(super) fn unsupported(command: &str, subcommand: Option<&String>) -> Self {
        let command = command.to_ascii_uppercase();
        if subcommands(&command).is_empty() {
            return Self::Unsupported(command);
        }
        let words = [Some(command.clone()), subcommand.map(|word| word.to_ascii_uppercase())];
        let given = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
        Self::Subcommand { command, given }
    }

    /// The same for a command that is not in `command`.
    pub(super) fn elsewhere(self) -> Misuse {
        Misuse { part: None, message: self.to_string(), hint: self.hint() }
    }

    /// What may be meant. Of commands that resemble it, those that begin like it come first: `LEN` is `LLEN`, not `HLEN`.
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unsupported(word) => {
                let names = || {
                    let simple = COMMANDS.iter().map(|(name, _)| *name);
                    simple.chain(SUBCOMMANDS.iter().map(|(name, ..)| *name))
                };
                let begins = |name: &&str| name.get(..1) == word.get(..1);
                hint(word, names().filter(begins)).or_else(|| hint(word, names()))
            }
            Self::Subcommand { command, given } => {
                let known = subcommands(command);
                hint(given, known.iter().map(String::as_str))
            }
            Self::Empty | Self::AllKeys | Self::Cached => None,
        }
    }
}

/// The read-only subcommands of a command, with its name.
fn subcommands(command: &str) -> Vec<String> {
    let own = SUBCOMMANDS.iter().filter(|(name, ..)| *name == command);
    own.map(|(name, subcommand, _)| format!("{name} {subcommand}")).collect()
}

impl From<CommandError> for Misuse {
    fn from(error: CommandError) -> Self {
        let part = (error != CommandError::Empty).then_some(QueryPart { key: "command", index: 0 });
        Self { part, ..error.elsewhere() }
    }
}
