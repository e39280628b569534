//! Follows redirects, but not from the internet into the exporter's own network.

use std::net::IpAddr;
use std::time::Duration;

use platform_core::probe::{Problem, Reason};

use super::answer::EndpointAnswer;
use super::config::Config;
use super::endpoint_tls::EndpointTls;
use super::exchange::{exchange, resolve};
use super::phases::{Phase, Phases};
use super::request::EndpointRequest;
use super::zone::Zone;

/// Browsers and curl follow 20 or more redirects; a monitored endpoint should not need as many.
const MOST_REDIRECTS: u32 = 10;

/// The last response, and how it was reached.
pub(super) struct Visit {
    pub(super) answer: EndpointAnswer,
    /// The address that answered first, and how long it took to look up.
    pub(super) address: IpAddr,
    pub(super) lookup: Duration,
    pub(super) redirects: u32,
    /// Why the last response cannot be checked.
    pub(super) lost: Option<Problem>,
}

/// Sends the request, and follows redirects.
pub(super) async fn visit(
    config: &Config,
    trust: &mut EndpointTls,
    phases: &mut Phases,
) -> Result<Visit, Problem> {
    let mut request = EndpointRequest::first(config).await?;
    let mut addresses = resolve(&request.url, phases).await?;
    let lookup = phases.spent(Phase::Resolve);
    let (mut redirects, mut first) = (0, None);
    loop {
        let answer = exchange(&request, &addresses, trust, phases).await?;
        let address = *first.get_or_insert(answer.peer);
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
        return Ok(Visit { answer, address, lookup, redirects, lost });
    }
}
