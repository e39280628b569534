//! Events not delivered to a webhook.

use std::collections::BTreeMap;
use std::time::Duration;

use platform_core::bounded::{self, NAME};
use platform_core::metric::{Desc, Family};
use platform_core::probe::{Observation, Problem, Reason};

use super::api::ApiSession;
use super::config::{Config, RETRIES_END};
use super::list::{self, Listed, Listing};

const UNDELIVERED: Desc = Desc::gauge(
    "stripe_webhook_events_undelivered",
    &["event_type", "phase"],
    "Events within the lookback that an endpoint has not answered with 2xx (GET /v1/events?delivery_success=false, \
     at each probe), by age: grace below 15 minutes, retrying up to 3 days, exhausted beyond, when Stripe has given up.",
);
const OLDEST: Desc = Desc::gauge(
    "stripe_webhook_oldest_undelivered_timestamp_seconds",
    &[],
    "Creation time of the oldest event that was read and that Stripe is still trying to deliver (field created of the \
     event); absent if there is none.",
);
const TRUNCATED: Desc = Desc::gauge(
    "stripe_webhook_events_truncated",
    &[],
    "1 if more undelivered events exist than fit in max_pages pages of 100, so the counts are too low, else \
     0.",
);

pub(super) const CATALOGUE: [Desc; 3] = [UNDELIVERED, OLDEST, TRUNCATED];

/// How long a first failure may take to recover.
const GRACE: Duration = Duration::from_secs(15 * 60);

const PATH: &str = "/v1/events";

#[derive(serde::Deserialize)]
struct Event {
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    id: String,
    #[serde(deserialize_with = "bounded::text::<NAME, _>")]
    r#type: String,
    created: i64,
}

impl Listed for Event {
    fn id(&self) -> &str {
        &self.id
    }
}

/// The delivery phase of an undelivered event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Grace,
    Retrying,
    Exhausted,
}

impl Phase {
    const ALL: [Self; 3] = [Self::Grace, Self::Retrying, Self::Exhausted];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Grace => "grace",
            Self::Retrying => "retrying",
            Self::Exhausted => "exhausted",
        }
    }

    fn at_age(seconds: i64) -> Self {
        if seconds < as_seconds(GRACE) {
            Self::Grace
        } else if seconds <= as_seconds(RETRIES_END) {
            Self::Retrying
        } else {
            Self::Exhausted
        }
    }
}

pub(super) async fn observe(session: &mut ApiSession<'_>, config: &Config) -> Result<Observation, Problem> {
    let events = read(session, config).await?;
    let now = session.now();
    let mut counts = BTreeMap::<(&str, Phase), u32>::new();
    for label in config.event_types.labels() {
        counts.extend(Phase::ALL.map(|phase| ((label, phase), 0)));
    }
    for event in &events.items {
        let key = (config.event_types.label(&event.r#type), Phase::at_age(now - event.created));
        *counts.entry(key).or_default() += 1;
    }
    let mut undelivered = UNDELIVERED.family();
    for ((label, phase), count) in &counts {
        undelivered.push([label, phase.as_str()], f64::from(*count));
    }
    let exhausted = counts.iter().filter(|((_, phase), _)| *phase == Phase::Exhausted);
    let exhausted: u32 = exhausted.map(|(_, count)| count).sum();
    Ok(Observation {
        families: families(undelivered, &events, now),
        problems: problems(exhausted, events.truncated),
        failure: None,
    })
}

/// The undelivered events of the lookback. Newest come first, so a truncated list lacks the oldest, which matter most:
/// one more page then reads those that Stripe has given up.
async fn read(session: &mut ApiSession<'_>, config: &Config) -> Result<Listing<Event>, Problem> {
    let from = (session.now() - as_seconds(config.lookback)).to_string();
    let params = [("delivery_success", "false"), ("created[gte]", &from)];
    let mut events = list::v1::<Event>(session, PATH, &params, config.max_pages).await?;
    let given_up = session.now() - as_seconds(RETRIES_END);
    let reached = events.items.last().map_or(given_up, |event| event.created);
    if events.truncated && reached >= given_up {
        let given_up = given_up.to_string();
        let params = [params[0], params[1], ("created[lt]", &given_up)];
        events.items.extend(list::v1::<Event>(session, PATH, &params, 1).await?.items);
    }
    Ok(events)
}

fn families(undelivered: Family, events: &Listing<Event>, now: i64) -> Vec<Family> {
    let mut families = vec![undelivered, TRUNCATED.value(f64::from(u8::from(events.truncated)))];
    let created = events.items.iter().map(|event| event.created);
    // A lost event must not hide the next one that is about to be lost.
    if let Some(oldest) = created.filter(|created| Phase::at_age(now - created) != Phase::Exhausted).min() {
        #[expect(clippy::cast_precision_loss, reason = "exact for 285 million years")]
        families.push(OLDEST.value(oldest as f64));
    }
    families
}

/// Events that Stripe has given up are lost to the application, which is an alarm.
fn problems(exhausted: u32, truncated: bool) -> Vec<Problem> {
    let lost = (exhausted > 0).then(|| {
        Problem::new(Reason::Alarm, format!("events that Stripe has given up delivering: {exhausted}"))
    });
    let more = truncated.then(|| {
        Problem::new(Reason::Cardinality, "webhooks: more undelivered events than `max_pages` allows to read")
    });
    lost.into_iter().chain(more).collect()
}

fn as_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
