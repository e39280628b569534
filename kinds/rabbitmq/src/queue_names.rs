//! The queues that a configuration should name: what `init` finds in a broker.

use std::time::Duration;

use platform_core::bounded::{self, NAME};
use platform_core::probe::Problem;
use platform_core::survey::{self, NamesForm, NamesSurvey, NamesSurveyor, SurveyedNames};
use platform_core::tls::Tls;
use serde::Deserialize;

use super::answer::MOST_QUEUES;
use super::endpoint::Interface;
use super::management::{Management, deadline, list};
use super::queue::{Queue, Role};

/// More are not listed: the management API has all of them anyway.
const MOST_NAMED: usize = 20;

/// Which queues outlive a restart of the broker and their consumers.
const LIFETIMES: &str = "queues?disable_stats=true&columns=vhost,name,durable,exclusive,auto_delete";

/// Finds the names of queues.
pub(super) struct QueueNames {
    pub(super) management: Interface,
    pub(super) tls: Tls,
    pub(super) vhost: String,
}

/// How long a queue lives.
#[derive(Deserialize)]
struct LifetimeRow {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    vhost: String,
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    name: String,
    #[serde(default)]
    durable: bool,
    #[serde(default)]
    exclusive: bool,
    #[serde(default)]
    auto_delete: bool,
}

impl LifetimeRow {
    fn is_lasting(&self) -> bool {
        self.durable && !self.exclusive && !self.auto_delete && !is_generated(&self.name)
    }
}

#[async_trait::async_trait]
impl NamesSurveyor for QueueNames {
    async fn names(&self, timeout: Duration) -> Result<NamesSurvey, Problem> {
        let end = deadline(timeout);
        let mut management = Management::new(self.management.clone(), self.tls.clone(), 0);
        let survey = management.survey(end).await;
        let Some(queues) = survey.queues else {
            return survey.problems.into_iter().next().map_or(Ok(NamesSurvey::default()), Err);
        };
        let rows = management.get(LIFETIMES, end).await?;
        let rows = list::<MOST_QUEUES, LifetimeRow>(&rows, LIFETIMES, "queues")?;
        let lasting = rows.iter().filter(|row| row.vhost == self.vhost && row.is_lasting());
        let lasting: Vec<_> = lasting.map(|row| row.name.as_str()).collect();
        let own = |queue: &&Queue| queue.vhost == self.vhost && lasting.contains(&queue.name.as_str());
        let (dead, others): (Vec<_>, Vec<_>) =
            queues.iter().filter(own).partition(|queue| is_for_dead_letters(&queue.name));
        // What follows from the definitions of the broker needs no key.
        let dead = dead.into_iter().filter(|queue| queue.role != Role::DeadLetter);
        let is_used = |queue: &&Queue| queue.consumers > Some(0) || queue.depth() > Some(0);
        let used = others.into_iter().filter(|queue| queue.role == Role::Work).filter(is_used);
        let names = vec![
            SurveyedNames { key: "queues", form: NamesForm::List, names: most_used(used) },
            SurveyedNames { key: "dead_letter_queues", form: NamesForm::Include, names: most_used(dead) },
        ];
        Ok(NamesSurvey { names, notes: Vec::new() })
    }
}

/// The names of those with the most consumers and messages, in order.
fn most_used<'a>(queues: impl Iterator<Item = &'a Queue>) -> Vec<String> {
    let mut queues: Vec<_> = queues.collect();
    queues.sort_by_key(|queue| std::cmp::Reverse((queue.consumers, queue.depth())));
    let mut names: Vec<_> = queues.into_iter().take(MOST_NAMED).map(|queue| queue.name.clone()).collect();
    names.sort_unstable();
    names
}

/// Whether a program has made up the name: `amq.gen-…`, or with an id or a date in it.
fn is_generated(name: &str) -> bool {
    name.starts_with("amq.") || survey::is_generated(name)
}

/// Whether the name says that messages end up there which could not be processed.
fn is_for_dead_letters(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    ["dead_letter", "deadletter", "parking", "poison", "undeliverable"].iter().any(|word| name.contains(word))
        || name.split('_').any(|word| ["dlq", "dlx", "dead", "dlqs"].contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_names_are_recognized() {
        for name in [
            "amq.gen-JzTY20BRgKO-HjmUJj0wLg",
            "reply.3f2b8c1e-9d7a-4c55-8f8e-2f5a1b6c7d8e",
            "worker-20261126",
            "session:deadbeef01",
            "queue of anna@example.com",
            "",
        ] {
            assert!(is_generated(name), "{name}");
        }
        for name in ["orders", "orders.created", "hayon_social_posts", "v2/mails", "emails-high", "facade"] {
            assert!(!is_generated(name), "{name}");
        }
    }

    #[test]
    fn queues_for_dead_letters_are_known_by_name() {
        for name in ["orders.dlq", "hayon_parking_lot", "DeadLetters", "dead-letter", "poison"] {
            assert!(is_for_dead_letters(name), "{name}");
        }
        for name in ["orders", "deadlines", "headlines"] {
            assert!(!is_for_dead_letters(name), "{name}");
        }
    }
}
