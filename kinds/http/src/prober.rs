//! Probes an endpoint.

use std::time::Duration;

use platform_core::metric::Family;
use platform_core::probe::{Observation, Prober, Problem, Reason};

use super::config::Config;
use super::endpoint_tls::EndpointTls;
use super::families::{CONTENT_LENGTH, DURATION, EXPIRY, FAILED_REGEX, REDIRECTS, SSL, STATUS_CODE, VERSION};
use super::phases::{self, Phases};
use super::redirects::{Visit, visit};

pub(super) struct HttpProber {
    config: Config,
    limit: Duration,
    trust: EndpointTls,
}

#[async_trait::async_trait]
impl Prober for HttpProber {
    async fn probe(&mut self) -> Result<Observation, Problem> {
        let mut phases = Phases::default();
        let visit = visit(&self.config, &mut self.trust, &mut phases);
        let visit = tokio::time::timeout(self.limit, visit).await;
        let visit = visit.unwrap_or_else(|_| {
            let detail = format!("no answer within {:?}: {}", self.limit, phases.doing());
            Err(Problem::new(Reason::Timeout, detail))
        });
        if visit.as_ref().is_err_and(|problem| problem.reason == Reason::Tls) {
            self.trust.forget();
        }
        Ok(self.observe(visit?, &phases))
    }
}

impl HttpProber {
    pub(super) fn new(config: &Config, timeout: Duration) -> Self {
        let trust = EndpointTls::of(config.tls.clone(), &config.host);
        Self { config: config.clone(), limit: phases::limit(timeout), trust }
    }

    /// An unexpected response is a failure, as in blackbox_exporter, but its status code is kept.
    fn observe(&self, Visit { answer, redirects, lost }: Visit, phases: &Phases) -> Observation {
        let text = self.config.expect.text_problem(&answer);
        let mut families = vec![
            STATUS_CODE.value(answer.status.as_u16().into()),
            durations(phases),
            VERSION.value(answer.version),
            REDIRECTS.value(redirects.into()),
            SSL.value(answer.over_tls.into()),
            FAILED_REGEX.value(text.is_some().into()),
        ];
        families.extend(answer.content_length().map(|bytes| CONTENT_LENGTH.value(bytes)));
        families.extend(answer.expiry.map(|time| EXPIRY.value(time)));
        let failure = lost.or_else(|| self.config.expect.status_problem(&answer)).or(text);
        Observation { families, failure, ..Observation::default() }
    }
}

fn durations(phases: &Phases) -> Family {
    phases.iter().fold(DURATION.family(), |family, (name, time)| family.with([name], time.as_secs_f64()))
}
