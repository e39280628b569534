//! Maps error responses of S3 or STS to reasons.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use jiff::{SignedDuration, Timestamp};
use platform_core::client::Response;
use platform_core::probe::{Problem, Reason};

use super::reason;
use super::sign::VALIDITY;
use super::xml;

/// The clock skew above which a rejected signature is attributed to it. AWS tolerates 5 to 15 minutes.
const TOLERATED_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// What is needed of a request to interpret its error.
pub(super) struct FailedRequest<'a> {
    /// For people: the operation.
    pub(super) what: &'a str,
    pub(super) region: &'a str,
    /// Secrets that the response may repeat.
    pub(super) secrets: &'a [&'a str],
}

impl FailedRequest<'_> {
    /// Why the request was rejected.
    pub(super) fn refused(&self, response: &Response) -> Problem {
        let body = String::from_utf8_lossy(&response.body);
        let code = xml::text(&body, "Code").unwrap_or_default();
        let message = xml::text(&body, "Message").unwrap_or_default();
        let answered = self.detail(response.status, &code, &message);
        if let Some(actual) = self.actual_region(response, &body) {
            let detail = format!("the bucket is in {actual}, but `region` is {}; {answered}", self.region);
            return Problem::new(reason::WRONG_REGION, detail);
        }
        let reason = code_reason(&code, &message).unwrap_or_else(|| status_reason(response.status));
        match skew(response).filter(|&skew| may_come_from(reason, skew)) {
            Some(skew) => {
                let seconds = skew.as_secs().unsigned_abs();
                let side = if skew.is_negative() { "behind" } else { "ahead of" };
                let detail = format!("this host's clock is {seconds} s {side} the server's; {answered}");
                Problem::new(reason::CLOCK_SKEW, detail)
            }
            None => Problem::new(reason, answered),
        }
    }

    /// The region in the response, if it differs from the requested one.
    fn actual_region(&self, response: &Response, body: &str) -> Option<String> {
        let named = response.header("x-amz-bucket-region").map(str::to_owned);
        let named = named.or_else(|| xml::text(body, "Region")).filter(|region| !region.is_empty())?;
        let named = xml::short(&named);
        (named != self.region && matches!(response.status, 301 | 307 | 400 | 403)).then_some(named)
    }

    /// One line, without the credentials: some responses repeat the whole request that failed verification.
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
        return Some(reason::CLOCK_SKEW);
    }
    Some(match code {
        "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "SignatureDoesNotMatch"
        | "InvalidToken"
        | "UnrecognizedClientException"
        | "IncompleteSignature" => reason::CREDENTIALS_INVALID,
        "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired" => {
            reason::CREDENTIALS_EXPIRED
        }
        "RequestTimeTooSkewed" => reason::CLOCK_SKEW,
        "AccessDenied"
        | "AccessDeniedException"
        | "AllAccessDisabled"
        | "AccountProblem"
        | "NotSignedUp"
        | "OptInRequired" => Reason::Permission,
        "NoSuchBucket" => reason::BUCKET_MISSING,
        "NoSuchKey" | "NoSuchVersion" => Reason::NotFound,
        "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException" => {
            reason::WRONG_REGION
        }
        "SlowDown" | "ServiceUnavailable" | "RequestLimitExceeded" | "Throttling" | "ThrottlingException" => {
            Reason::RateLimited
        }
        _ if code.starts_with("KMS.") => Reason::Permission,
        _ => return None,
    })
}

/// A HEAD response has no body, and so no error code.
fn status_reason(status: u16) -> Reason {
    match status {
        301 => reason::WRONG_REGION,
        401 | 403 => Reason::Permission,
        404 => reason::BUCKET_MISSING,
        429 | 503 => Reason::RateLimited,
        500..=599 => Reason::Alarm,
        _ => Reason::Protocol,
    }
}

/// How far this host's clock is ahead of the server's.
fn skew(response: &Response) -> Option<SignedDuration> {
    let date = jiff::fmt::rfc2822::parse(response.header("date")?).ok()?;
    Some(Timestamp::now().duration_since(date.timestamp()))
}

/// Whether this clock skew explains the error. S3 merely denies a presigned URL outside its validity.
fn may_come_from(reason: Reason, skew: SignedDuration) -> bool {
    let tolerated = match reason {
        reason::CREDENTIALS_INVALID | reason::CREDENTIALS_EXPIRED | reason::CLOCK_SKEW => TOLERATED_SKEW,
        Reason::Permission => VALIDITY,
        _ => return false,
    };
    skew.abs() > tolerated
}
