//! From the refusal of S3 or STS to a reason.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use jiff::{SignedDuration, Timestamp};
use platform_core::client::Response;
use platform_core::probe::{Problem, Reason};

use super::xml;

/// How far apart the clocks may be before a refused signature is put down to them. AWS tolerates 5 to 15 minutes.
const TOLERATED_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What to know of a request to judge its refusal.
pub(super) struct Asked<'a> {
    /// For people: the operation.
    pub(super) what: &'a str,
    pub(super) region: &'a str,
    /// What the answer may repeat, and nobody may see.
    pub(super) secrets: &'a [&'a str],
}

impl Asked<'_> {
    /// Why the request was refused.
    pub(super) fn refused(&self, response: &Response) -> Problem {
        let body = String::from_utf8_lossy(&response.body);
        let code = xml::text(&body, "Code").unwrap_or_default();
        let message = xml::text(&body, "Message").unwrap_or_default();
        let told = self.detail(response.status, &code, &message);
        if let Some(actual) = self.actual_region(response, &body) {
            let detail = format!("the bucket is in {actual}, but `region` is {}; {told}", self.region);
            return Problem::new(Reason::WrongRegion, detail);
        }
        let reason = code_reason(&code, &message).unwrap_or_else(|| status_reason(response.status));
        match skew(response).filter(|&skew| may_come_from(reason, skew)) {
            Some(skew) => {
                let seconds = skew.as_secs().unsigned_abs();
                let side = if skew.is_negative() { "behind" } else { "ahead of" };
                let detail = format!("this host's clock is {seconds} s {side} the server's; {told}");
                Problem::new(Reason::ClockSkew, detail)
            }
            None => Problem::new(reason, told),
        }
    }

    /// The region that the answer names, where it is not the one that was asked.
    fn actual_region(&self, response: &Response, body: &str) -> Option<String> {
        let named = response.header("x-amz-bucket-region").map(str::to_owned);
        let named = named.or_else(|| xml::text(body, "Region")).filter(|region| !region.is_empty())?;
        let named = xml::short(&named);
        (named != self.region && matches!(response.status, 301 | 307 | 400 | 403)).then_some(named)
    }

    /// One line, without the credentials: some answers repeat the whole request that they could not verify.
    fn detail(&self, status: u16, code: &str, message: &str) -> String {
        let line = message.lines().next().unwrap_or_default();
        let holds_secret =
            |text: &str| self.secrets.iter().any(|secret| !secret.is_empty() && text.contains(secret));
        let mut detail = format!("{}: status {status}", self.what);
        for part in [code, line] {
            if !part.is_empty() && !holds_secret(part) {
                detail.push_str(": ");
                detail.extend(part.chars().take(200));
            }
        }
        detail
    }
}

fn code_reason(code: &str, message: &str) -> Option<Reason> {
    let of_time = ["Signature expired", "Signature not yet current", "Request has expired", "not yet valid"];
    if of_time.iter().any(|words| message.contains(words)) {
        return Some(Reason::ClockSkew);
    }
    Some(match code {
        "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "InvalidToken"
        | "UnrecognizedClientException"
        | "IncompleteSignature" => Reason::CredentialsInvalid,
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired" => {
            Reason::CredentialsExpired
        }
        "RequestTimeTooSkewed" => Reason::ClockSkew,
        "AccessDenied"
        | "AccessDeniedException"
        | "AllAccessDisabled"
        | "AccountProblem"
        | "NotSignedUp"
        | "OptInRequired" => Reason::Permission,
        "NoSuchBucket" => Reason::BucketMissing,
        "NoSuchKey" | "NoSuchVersion" => Reason::NotFound,
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            Reason::WrongRegion
        }
        "SlowDown" | "ServiceUnavailable" | "RequestLimitExceeded" | "Throttling" | "ThrottlingException" => {
            Reason::RateLimited
        }
        _ if code.starts_with("KMS.") => Reason::Permission,
        _ => return None,
    })
}

/// An answer to HEAD has no body, and so no code.
fn status_reason(status: u16) -> Reason {
    match status {
        301 => Reason::WrongRegion,
        401 | 403 => Reason::Permission,
        404 => Reason::BucketMissing,
        429 | 503 => Reason::RateLimited,
        500..=599 => Reason::Alarm,
        _ => Reason::Protocol,
    }
}

/// How far this machine's clock is ahead of the one that dated the answer.
fn skew(response: &Response) -> Option<SignedDuration> {
    let date = jiff::fmt::rfc2822::parse(response.header("date")?).ok()?;
    Some(Timestamp::now().duration_since(date.timestamp()))
}

/// Whether clocks this far apart explain the refusal. A signed URL outside of its time is merely denied by S3.
fn may_come_from(reason: Reason, skew: SignedDuration) -> bool {
    let tolerated = match reason {
        Reason::CredentialsInvalid | Reason::CredentialsExpired | Reason::ClockSkew => TOLERATED_SKEW,
        Reason::Permission => super::store::VALIDITY,
        _ => return false,
    };
    skew.abs() > tolerated
}
