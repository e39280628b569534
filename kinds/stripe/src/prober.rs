//! One probe: the lists of the API one after the other, of which only that of events is indispensable.

use std::time::Duration;

use platform_core::kind::Context;
use platform_core::metric::Desc;
use platform_core::probe::{Observation, Prober, Problem, Reason};
use platform_core::setting::SourceName;

use super::api::{Api, ApiSession};
use super::config::Config;
use super::key::CurrentKey;
use super::{destination, endpoint, event, subscription};

const ACCOUNT: Desc = Desc::gauge(
    "stripe_account_info",
    &["livemode"],
    "Mode of the key as a label, by its prefix: true for live mode, false for a sandbox; always 1.",
);

pub(super) const CATALOGUE: [Desc; 1] = [ACCOUNT];

pub(super) struct StripeProber {
    name: SourceName,
    config: Config,
    api: Api,
    timeout: Duration,
    /// Whether the excessive permissions of the key were logged.
    is_warned: bool,
}

#[async_trait::async_trait]
impl Prober for StripeProber {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        let mut observation = match self.observe().await {
            Ok(observation) => observation,
            // The counters are still correct, and most useful now.
            Err(problem) if problem.reason == Reason::RateLimited => {
                Observation { failure: Some(problem), ..Observation::default() }
            }
            Err(problem) => return Err(problem),
        };
        observation.families.extend(self.api.counters());
        observation.families.retain(|family| !family.samples.is_empty());
        Ok(observation)
    }
}

impl StripeProber {
    pub(super) fn new(config: &Config, context: &Context<'_>) -> Self {
        Self {
            name: context.name.clone(),
            api: Api::new(config),
            config: config.clone(),
            timeout: context.timeout,
            is_warned: false,
        }
    }

    fn warn_of(&mut self, key: &CurrentKey) {
        if key.is_unrestricted() && !self.is_warned {
            self.is_warned = true;
            tracing::warn!(
                source = %self.name,
                "the Stripe key is a secret key (sk_), which may also write and move money: a restricted key (rk_) \
                 with read permissions is enough",
            );
        }
    }

    async fn observe(&mut self) -> Result<Observation, Problem> {
        let key = self.config.key.read().await?;
        self.warn_of(&key);
        let mut session = self.api.session(&key, self.timeout)?;
        let mut observation = Observation::default();
        observation
            .families
            .extend(key.livemode().map(|live| ACCOUNT.family().with([&live.to_string()], 1.0)));
        for part in Part::wanted(&self.config) {
            match part.observe(&mut session, &self.config).await {
                Ok(more) => {
                    observation.families.extend(more.families);
                    observation.problems.extend(more.problems);
                }
                Err(problem) if part.is_indispensable() || is_end(problem.reason) => {
                    return Err(key.blamed(problem));
                }
                Err(problem) => {
                    let slow_down = problem.reason == Reason::RateLimited;
                    observation.problems.push(problem.context(part.name()));
                    if slow_down {
                        return Ok(observation);
                    }
                }
            }
        }
        self.api.relax();
        Ok(observation)
    }
}

/// Whether further calls in this probe are pointless.
fn is_end(reason: Reason) -> bool {
    matches!(reason, Reason::Timeout | Reason::Dns | Reason::Connect | Reason::Tls | Reason::Auth)
}

/// The lists that a probe reads, one call each.
#[derive(Clone, Copy)]
enum Part {
    Events,
    Endpoints,
    Destinations,
    Subscriptions,
}

impl Part {
    fn wanted(config: &Config) -> impl Iterator<Item = Self> {
        let destinations = config.event_destinations.then_some(Self::Destinations);
        let subscriptions = config.subscriptions.then_some(Self::Subscriptions);
        [Self::Events, Self::Endpoints].into_iter().chain(destinations).chain(subscriptions)
    }

    /// Whether the source is down without it.
    fn is_indispensable(self) -> bool {
        matches!(self, Self::Events)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Endpoints => "webhook endpoints",
            Self::Destinations => "event destinations",
            Self::Subscriptions => "subscriptions",
        }
    }

    async fn observe(self, session: &mut ApiSession<'_>, config: &Config) -> Result<Observation, Problem> {
        match self {
            Self::Events => event::observe(session, config).await,
            Self::Endpoints => endpoint::observe(session, config).await,
            Self::Destinations => destination::observe(session, config).await,
            Self::Subscriptions => subscription::observe(session, config).await,
        }
    }
}
