//! Alerts that fire in the failures of others, as they should.

use std::collections::BTreeSet;

pub(crate) struct Consequence {
    /// The alert of the failure.
    pub(crate) of: &'static str,
    /// What fires as well.
    pub(crate) alert: &'static str,
    pub(crate) because: &'static str,
}

const fn of(of: &'static str, alert: &'static str, because: &'static str) -> Consequence {
    Consequence { of, alert, because }
}

pub(crate) const ALL: [Consequence; 12] = [
    of(
        "PlatformManySourcesDown",
        "PlatformSourceDown",
        "each of the sources is down; Alertmanager holds these back for the one about all of them",
    ),
    of("PlatformSourceErrorBudget", "PlatformSourceDown", "the budget burns because the source is down"),
    of(
        "PlatformSourceFlapping",
        "PlatformSourceMissing",
        "a source of the test is removed while it comes and goes",
    ),
    of(
        "PlatformSourceDegraded",
        "PlatformSourceDown",
        "the source that the degraded one is read through is down",
    ),
    of("RabbitmqDeadLettersRising", "RabbitmqDeadLetters", "there are dead letters before there are more"),
    of(
        "StripeWebhooksNearlyLost",
        "StripeWebhooksErrorBudget",
        "an event that is late for a day burns the budget",
    ),
    of("WorkersErrorBudget", "WorkersShort", "the budget burns because workers are missing"),
    of("WorkersErrorBudget", "WorkersGone", "the budget burns because all workers are missing"),
    of("HayonPublishingBudget", "HayonPostsOverdue", "the budget burns because posts are overdue"),
    of("HayonPostsOverdue", "HayonPublishingBudget", "more than ten overdue posts burn the budget"),
    of("HayonDeadLettersOld", "RabbitmqDeadLetters", "old dead letters are dead letters"),
    of("HivesyncQueueWithoutWorkers", "WorkersGone", "no worker is alive"),
];

/// Why an alert fires in a failure of these alerts.
pub(crate) fn find(of: &BTreeSet<String>, alert: &str) -> Option<&'static Consequence> {
    ALL.iter().find(|known| known.alert == alert && of.contains(known.of))
}
