//! What the management API refuses, as problems.

use platform_core::client::Response;
use platform_core::probe::{Problem, Reason};

use super::answer::ApiRefusal;
use super::endpoint::BrokerLogin;
use super::remedy;

/// What it says to users without the tag for itself, and to those without the one for monitoring.
const NO_TAG: &str = "Not management user";
const LESSER_TAG: &str = "Not monitor user";

/// The response, if it is not a refusal.
pub(super) fn checked(response: Response, login: &BrokerLogin) -> Result<Response, Problem> {
    let word = || response.json::<ApiRefusal>().ok().and_then(|refusal| refusal.reason).unwrap_or_default();
    let reason = match response.status {
        200 => return Ok(response),
        // Both a wrong password and a missing permission are 401; only the text differs.
        401 | 403 if word().to_lowercase().contains("user") => Reason::Permission,
        401 | 403 => Reason::Auth,
        404 => Reason::NotFound,
        429 => Reason::RateLimited,
        _ => Reason::Protocol,
    };
    let problem = Problem::new(reason, format!("status {} {}", response.status, word()));
    let is_tag = [NO_TAG, LESSER_TAG].iter().any(|text| word().contains(text));
    let remedy = is_tag.then(|| remedy::tags(&login.username, &[]));
    Err(problem.with_origin("password", Some(login.password.origin())).fixed_by(remedy))
}

/// A problem, with the path.
pub(super) fn about(path: &str, problem: Problem) -> Problem {
    let path = path.split('?').next().unwrap_or(path);
    problem.context(format_args!("management API, {path}"))
}
