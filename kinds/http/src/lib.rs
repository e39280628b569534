//! HTTP endpoints, such as the platform's own webhook receiver: response, latency and certificate expiry.
//!
//! Every probe opens a new connection, as a new visitor does: a kept one would hide a changed address, an expired
//! certificate and a closed listener, and leave nothing to measure.

mod answer;
mod certificate;
mod config;
mod exchange;
mod expect;
mod phases;
mod request;
mod trust;
mod zone;

use std::time::Duration;

use platform_core::kind::{Context, Definition, Headline, HeadlineUnit, KindFacts, Parts};
use platform_core::metric::{Desc, Family};
use platform_core::probe::{Observation, Prober, Problem, Reason};

use self::answer::EndpointAnswer;
use self::exchange::{exchange, resolve};
use self::phases::Phases;
use self::request::EndpointRequest;
use self::trust::EndpointTls;
use self::zone::Zone;

pub use self::config::Config;

const UP: Desc = Desc::gauge(
    "probe_success",
    &[],
    "Whether the endpoint answered as expected: 1 or 0 (as in blackbox_exporter).",
);
const STATUS_CODE: Desc =
    Desc::gauge("probe_http_status_code", &[], "Status code of the last response, after redirects.");
const DURATION: Desc = Desc::gauge(
    "probe_http_duration_seconds",
    &["phase"],
    "Duration of each phase of the HTTP exchange, summed over redirects.",
);
const CONTENT_LENGTH: Desc =
    Desc::gauge("probe_http_content_length", &[], "Content-Length of the last response, if present.");
const VERSION: Desc = Desc::gauge("probe_http_version", &[], "HTTP version of the last response.");
const REDIRECTS: Desc = Desc::gauge("probe_http_redirects", &[], "Number of redirects followed.");
const SSL: Desc = Desc::gauge("probe_http_ssl", &[], "Whether the last response came over TLS: 1 or 0.");
const EXPIRY: Desc = Desc::gauge(
    "probe_ssl_earliest_cert_expiry",
    &[],
    "Earliest expiry of the certificates presented by the server, in Unix time.",
);
const FAILED_REGEX: Desc = Desc::gauge(
    "probe_failed_due_to_regex",
    &[],
    "Whether `expect.body` or `expect.not_body` failed: 1 or 0.",
);

/// The facts common to all sources of this kind.
pub const FACTS: KindFacts = KindFacts {
    name: "http",
    interval: Duration::from_secs(15),
    timeout: Duration::from_secs(5),
    is_metered: false,
    up: Some(UP),
    catalogue: || vec![STATUS_CODE, DURATION, CONTENT_LENGTH, VERSION, REDIRECTS, SSL, EXPIRY, FAILED_REGEX],
    reasons: &[],
    language: None,
    environment: &[],
    permissions: "None if the endpoint is public. Otherwise an account or token that can only read it.",
    rules: include_str!("../rules.yml"),
    dashboard: include_str!("../dashboard.yml"),
    headlines: &[
        Headline { title: "Status code", metric: "probe_http_status_code", unit: HeadlineUnit::Count },
        Headline {
            title: "Response time",
            metric: "probe_http_duration_seconds",
            unit: HeadlineUnit::Seconds,
        },
    ],
};

impl Definition for Config {
    fn target(&self) -> String {
        self.url.to_string()
    }

    fn build(&self, context: &Context<'_>) -> Parts {
        let prober = HttpProber {
            config: self.clone(),
            // Below the deadline, so that the hanging phase can be reported.
            limit: context.timeout.mul_f64(0.95),
            trust: EndpointTls::of(self.tls.clone(), &self.host),
        };
        Parts { prober: Box::new(prober), answers: None }
    }
}

/// Browsers and curl follow 20 or more redirects; a monitored endpoint should not need as many.
const MOST_REDIRECTS: u32 = 10;

struct HttpProber {
    config: Config,
    limit: Duration,
    trust: EndpointTls,
}

/// The last response, and how it was reached.
struct Visit {
    answer: EndpointAnswer,
    redirects: u32,
    /// Why the last response cannot be checked.
    lost: Option<Problem>,
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

/// Sends the request, and follows redirects.
async fn visit(config: &Config, trust: &mut EndpointTls, phases: &mut Phases) -> Result<Visit, Problem> {
    let mut request = EndpointRequest::first(config).await?;
    let mut addresses = resolve(&request.url, phases).await?;
    let mut redirects = 0;
    loop {
        let answer = exchange(&request, &addresses, trust, phases).await?;
        let next = if config.follow_redirects { request.redirected(&answer) } else { None };
        let lost = match next {
            Some(Ok(next)) if redirects < MOST_REDIRECTS => {
                // Checks and connects to the same addresses: a name may resolve to others a moment later.
                addresses = resolve(&next.url, phases).await?;
                request = next;
                let from = Zone::of(answer.peer);
                if addresses.iter().all(|address| from.may_lead_to(Zone::of(address.ip()))) {
                    redirects += 1;
                    continue;
                }
                let host = request.url.host_str().unwrap_or_default();
                let detail =
                    format!("a redirect to {host:.253}, which is this host or link-local: not followed");
                Some(Problem::new(Reason::Protocol, detail))
            }
            Some(Ok(_)) => {
                Some(Problem::new(Reason::Protocol, format!("more than {MOST_REDIRECTS} redirects")))
            }
            Some(Err(problem)) => Some(problem),
            None => None,
        };
        return Ok(Visit { answer, redirects, lost });
    }
}
