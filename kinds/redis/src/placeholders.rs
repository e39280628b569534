//! What stands for something else in the commands of a query: `{id}`, `{now}`, and `{now-60}` for a minute ago.

/// Stands for an id.
pub(super) const ID: &str = "{id}";

/// Whether a word needs the time of the server.
pub(super) fn has_now(word: &str) -> bool {
    find_now(word).is_some()
}

/// A word with an id and the time of the server, in seconds, in it.
pub(super) fn filled(word: &str, id: &str, now: u64) -> String {
    match find_now(word) {
        Some((before, seconds, after)) => {
            format!("{before}{}{after}", now.saturating_sub(seconds)).replace(ID, id)
        }
        None => word.replace(ID, id),
    }
}

/// What is before and after the time, and how many seconds ago it is.
fn find_now(word: &str) -> Option<(&str, u64, &str)> {
    let (before, rest) = word.split_once("{now")?;
    let (ago, after) = rest.split_once('}')?;
    let seconds = match ago {
        "" => 0,
        ago => ago.strip_prefix('-')?.parse().ok()?,
    };
    Some((before, seconds, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_times_are_filled_in() {
        for (word, expected) in [
            ("queue:{id}", "queue:mail"),
            ("{now}", "1000"),
            ("({now-60}", "(940"),
            ("{now-2000}", "0"),
            ("{now+1}", "{now+1}"),
            ("{nowhere}", "{nowhere}"),
            ("{id", "{id"),
        ] {
            assert_eq!(filled(word, "mail", 1000), expected);
        }
        assert_eq!(filled("queue:{id}", "{now}", 1000), "queue:{now}");
    }
}
