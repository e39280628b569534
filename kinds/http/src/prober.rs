//! Probes an endpoint.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use platform_core::large;
use platform_core::metric::Family;
use platform_core::probe::{Observation, Prober, Problem, Reason};

use super::config::{Authorization, Config};
use super::endpoint_tls::EndpointTls;
use super::families::{
    BODY_LENGTH, CONTENT_LENGTH, DURATION, FAILED_REGEX, IP_HASH, IP_PROTOCOL, LAST_MODIFIED, LOOKUP,
    REDIRECTS, SSL, STATUS_CODE, VERSION, WHOLE_DURATION,
};
use super::handshake::Handshake;
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
        let (mut phases, began) = (Phases::default(), Instant::now());
        let visit = visit(&self.config, &mut self.trust, &mut phases);
        let visit = tokio::time::timeout(self.limit, visit).await;
        let visit = visit.unwrap_or_else(|_| {
            let detail = format!("no answer within {:?}: {}", self.limit, phases.doing());
            Err(Problem::new(Reason::Timeout, detail))
        });
        if visit.as_ref().is_err_and(|problem| problem.reason == Reason::Tls) {
            self.trust.forget();
        }
        Ok(self.observe(visit?, &phases, began.elapsed()))
    }
}

impl HttpProber {
    pub(super) fn new(config: &Config, timeout: Duration) -> Self {
        let trust = EndpointTls::of(config.tls.clone(), &config.host);
        Self { config: config.clone(), limit: phases::limit(timeout), trust }
    }

    /// An unexpected response is a failure, as in blackbox_exporter, but its status code is kept.
    fn observe(&self, visit: Visit, phases: &Phases, whole: Duration) -> Observation {
        let answer = &visit.answer;
        let size = large::of_text(answer.body.len());
        let text = large::in_place(size, || self.config.expect.text_problem(answer));
        let mut families = vec![
            WHOLE_DURATION.value(whole.as_secs_f64()),
            LOOKUP.value(visit.lookup.as_secs_f64()),
            IP_PROTOCOL.value(if visit.address.is_ipv4() { 4.0 } else { 6.0 }),
            IP_HASH.value(hash(visit.address).into()),
            STATUS_CODE.value(answer.status.as_u16().into()),
            durations(phases),
            VERSION.value(answer.version),
            REDIRECTS.value(visit.redirects.into()),
            SSL.value(answer.handshake.is_some().into()),
            FAILED_REGEX.value(text.is_some().into()),
        ];
        families.extend(answer.content_length().map(|bytes| CONTENT_LENGTH.value(bytes)));
        families.extend(answer.body_length().map(|bytes| BODY_LENGTH.value(bytes)));
        families.extend(answer.last_modified().map(|time| LAST_MODIFIED.value(time)));
        families.extend(answer.handshake.iter().flat_map(Handshake::families));
        let status = self.config.expect.status_problem(answer).map(|problem| self.with_origin(problem));
        let failure = visit.lost.or(status).or(text);
        Observation { families, failure, ..Observation::default() }
    }

    fn with_origin(&self, problem: Problem) -> Problem {
        match &self.config.credentials {
            Some(Authorization::Basic { password, .. }) => {
                problem.with_origin("password", Some(password.origin()))
            }
            Some(Authorization::Bearer(token)) => problem.with_origin("token", Some(token.origin())),
            None => problem,
        }
    }
}

fn durations(phases: &Phases) -> Family {
    phases.iter().fold(DURATION.family(), |family, (name, time)| family.with([name], time.as_secs_f64()))
}

/// FNV-1a with 32 bits, as in blackbox_exporter.
fn hash(address: IpAddr) -> u32 {
    let octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    octets.iter().fold(0x811c_9dc5, |hash, octet| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193))
}
