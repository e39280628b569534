//! The commands that allow what the broker has refused: for a shell where `rabbitmqctl` works.

use platform_core::probe::Problem;

use super::answer::VhostRow;

/// The tag that includes what the exporter needs, and the lesser one that it includes.
const MONITORING: &str = "monitoring";
const MANAGEMENT: &str = "management";

/// Gives a user the tag for monitoring, and keeps others: the command replaces them all.
pub(super) fn tags(user: &str, known: &[String]) -> String {
    let kept = known.iter().map(String::as_str).filter(|tag| ![MONITORING, MANAGEMENT].contains(tag));
    let tags: Vec<_> = [MONITORING].into_iter().chain(kept).map(quoted).collect();
    format!("rabbitmqctl set_user_tags {} {}", quoted(user), tags.join(" "))
}

/// Gives a user access to virtual hosts, with permission for nothing in them.
pub(super) fn access<'a>(user: &str, vhosts: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let commands: Vec<_> = vhosts.into_iter().map(|vhost| permissions(user, vhost, "^$")).collect();
    (!commands.is_empty()).then(|| commands.join(" && "))
}

/// Those virtual hosts that have queues, as far as statistics say so.
pub(super) fn needed(hidden: &[VhostRow]) -> impl Iterator<Item = &str> {
    let are_known = hidden.iter().any(|vhost| vhost.messages.is_some());
    let needed = hidden.iter().filter(move |vhost| vhost.messages.is_some() || !are_known);
    needed.map(|vhost| vhost.name.as_str())
}

/// What a broker refuses to a whole connection: `NOT_ALLOWED - access to vhost 'shop' refused for user 'exporter'`.
pub(super) fn of_connection(text: &str) -> Option<String> {
    let (vhost, user) = refused(text, "access to vhost '")?;
    access(user, [vhost])
}

/// The same problem; if it is a queue that the user may not see, with the command that shows all of these to it. It
/// replaces the patterns there are, so it has to name them all.
pub(super) fn with_queues(problem: Problem, vhost: &str, queues: &[String]) -> Problem {
    if problem.remedy.is_some() {
        return problem;
    }
    let pattern = || queues.iter().map(|name| regex::escape(name)).collect::<Vec<_>>().join("|");
    let remedy = refused(&problem.detail, " access to queue '")
        .map(|(_, user)| permissions(user, vhost, &format!("^({})$", pattern())));
    problem.fixed_by(remedy)
}

/// The name after these words, and that of the user.
fn refused<'a>(text: &'a str, words: &str) -> Option<(&'a str, &'a str)> {
    let (_, rest) = text.split_once(words)?;
    let (name, user) = rest.rsplit_once("' refused for user '")?;
    Some((name, user.trim_end().strip_suffix('\'')?))
}

/// Those patterns let a user configure and write nothing, and read what the last one matches.
fn permissions(user: &str, vhost: &str, read: &str) -> String {
    let (vhost, user) = (quoted(vhost), quoted(user));
    format!("rabbitmqctl set_permissions -p {vhost} {user} '^$' '^$' {}", quoted(read))
}

/// A word as it stands in a command of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.:@%".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use platform_core::probe::Reason;

    use super::*;

    #[test]
    fn tags_that_are_known_are_kept() {
        let known = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        assert_eq!(tags("exporter", &[]), "rabbitmqctl set_user_tags exporter monitoring");
        assert_eq!(
            tags("exporter", &known(&["management", "policymaker"])),
            "rabbitmqctl set_user_tags exporter monitoring policymaker"
        );
        assert_eq!(tags("it's", &known(&["a b"])), r"rabbitmqctl set_user_tags 'it'\''s' monitoring 'a b'");
    }

    #[test]
    fn access_is_given_to_what_is_refused() {
        let text = "NOT_ALLOWED - access to vhost 'my shop' refused for user 'exporter'";
        assert_eq!(
            of_connection(text).as_deref(),
            Some("rabbitmqctl set_permissions -p 'my shop' exporter '^$' '^$' '^$'")
        );
        assert_eq!(of_connection("NOT_ALLOWED - vhost shop not found"), None);
        assert_eq!(
            access("exporter", ["/", "shop"]).as_deref(),
            Some(
                "rabbitmqctl set_permissions -p / exporter '^$' '^$' '^$' && \
                 rabbitmqctl set_permissions -p shop exporter '^$' '^$' '^$'"
            )
        );
        assert_eq!(access("exporter", []), None);
    }

    #[test]
    fn access_is_given_where_queues_are() {
        let vhost = |name: &str, has_queues: bool| VhostRow {
            name: name.to_owned(),
            messages: has_queues.then_some(serde::de::IgnoredAny),
        };
        let [with, without] = [true, false].map(|has_queues| [vhost("/", false), vhost("shop", has_queues)]);
        assert_eq!(needed(&with).collect::<Vec<_>>(), ["shop"]);
        // Without statistics, each may have some.
        assert_eq!(needed(&without).collect::<Vec<_>>(), ["/", "shop"]);
    }

    #[test]
    fn queues_are_named_in_a_pattern() {
        let remedy = |text: &str| {
            let queues = ["orders".to_owned(), "e.mails".to_owned()];
            with_queues(Problem::new(Reason::Permission, text), "shop", &queues).remedy
        };
        assert_eq!(
            remedy(
                "ACCESS_REFUSED - read access to queue 'orders' in vhost 'shop' refused for user 'exporter'"
            )
            .as_deref(),
            Some(r"rabbitmqctl set_permissions -p shop exporter '^$' '^$' '^(orders|e\.mails)$'")
        );
        assert_eq!(remedy("RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'orders'"), None);
    }
}
