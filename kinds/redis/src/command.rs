//! Whether a command is allowed, and how its answer becomes rows. Pure: words in, shape out.

use super::command_error::CommandError;
use super::command_list::{COMMANDS, ReplyShape, SUBCOMMANDS};

/// The shape of the answer to an allowed command.
///
/// # Errors
/// Why the command is rejected.
pub(super) fn shape(words: &[String]) -> Result<ReplyShape, CommandError> {
    let [command, rest @ ..] = words else {
        return Err(CommandError::Empty);
    };
    let is = |word: &str, name: &str| word.eq_ignore_ascii_case(name);
    if is(command, "KEYS") || is(command, "SCAN") {
        return Err(CommandError::AllKeys);
    }
    if is(command, "PFCOUNT") {
        return Err(CommandError::Cached);
    }
    if is(command, "XPENDING") {
        return Ok(match rest.len() {
            0..=2 => ReplyShape::Row(&["pending", "min_id", "max_id"]),
            _ => ReplyShape::Table(&["id", "consumer", "idle_ms", "deliveries"]),
        });
    }
    let paired =
        command.to_ascii_uppercase().starts_with('Z') && rest.iter().any(|word| is(word, "WITHSCORES"));
    let simple = COMMANDS.iter().find(|(name, _)| is(command, name));
    if let Some((_, shape)) = simple {
        return Ok(if paired { ReplyShape::Pairs } else { *shape });
    }
    let subcommand = rest.first().and_then(|given| {
        SUBCOMMANDS.iter().find(|(name, subcommand, _)| is(command, name) && is(given, subcommand))
    });
    subcommand.map(|(_, _, shape)| *shape).ok_or_else(|| CommandError::unsupported(command, rest.first()))
}
