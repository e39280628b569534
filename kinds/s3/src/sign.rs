//! AWS Signature Version 4 in the `Authorization` header, for services other than S3, whose URLs `rusty-s3` signs.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use jiff::{SignedDuration, Timestamp};
use ring::{digest, hmac};
use rusty_s3::Credentials;

/// How long a presigned URL is valid: as AWS accepts for signed headers, so that a clock good enough for an
/// application's client is good enough here.
pub(super) const VALIDITY: SignedDuration = SignedDuration::from_mins(15);

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The scope of a signature.
pub(super) struct SigningScope<'a> {
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) time: Timestamp,
}

/// The signed request. Path and query as sent; header names in lower case and sorted.
pub(super) struct SignedRequest<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: &'a [u8],
}

impl SigningScope<'_> {
    /// The value of the `x-amz-date` header, which must be signed.
    pub(super) fn date_header(&self) -> String {
        self.time.strftime("%Y%m%dT%H%M%SZ").to_string()
    }

    fn date(&self) -> String {
        self.time.strftime("%Y%m%d").to_string()
    }

    fn text(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date(), self.region, self.service)
    }
}

/// The value of the `Authorization` header.
pub(super) fn authorization(
    message: &SignedRequest<'_>,
    scope: &SigningScope<'_>,
    credentials: &Credentials,
) -> String {
    let names = signed_names(message);
    let to_sign = format!(
        "{ALGORITHM}\n{}\n{}\n{}",
        scope.date_header(),
        scope.text(),
        sha256(canonical(message, &names).as_bytes()),
    );
    let signature = hex::encode(hmac::sign(&key(scope, credentials), to_sign.as_bytes()));
    let who = credentials.key();
    format!("{ALGORITHM} Credential={who}/{}, SignedHeaders={names}, Signature={signature}", scope.text())
}

fn canonical(message: &SignedRequest<'_>, names: &str) -> String {
    let SignedRequest { method, path, query, headers, body } = message;
    let headers: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{}", sha256(body))
}

fn signed_names(message: &SignedRequest<'_>) -> String {
    let names: Vec<_> = message.headers.iter().map(|&(name, _)| name).collect();
    names.join(";")
}

fn key(scope: &SigningScope<'_>, credentials: &Credentials) -> hmac::Key {
    let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{}", credentials.secret()).as_bytes());
    let parts = [scope.date(), scope.region.to_owned(), scope.service.to_owned(), "aws4_request".to_owned()];
    parts.iter().fold(first, |key, part| {
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref())
    })
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// AWS's own examples: the Signature Version 4 test suite, and the example request of its guide.
#[cfg(test)]
mod tests {
    use super::*;

    fn signature(message: &SignedRequest<'_>, service: &str) -> String {
        let time = "2015-08-30T12:36:00Z".parse().unwrap();
        let scope = SigningScope { region: "us-east-1", service, time };
        let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        authorization(message, &scope, &credentials)
    }

    #[test]
    fn get_vanilla() {
        let message = SignedRequest {
            method: "GET",
            path: "/",
            query: "",
            headers: &[("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")],
            body: b"",
        };
        assert_eq!(
            signature(&message, "service"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
    }

    #[test]
    fn post_x_www_form_urlencoded() {
        let message = SignedRequest {
            method: "POST",
            path: "/",
            query: "",
            headers: &[
                ("content-type", "application/x-www-form-urlencoded"),
                ("host", "example.amazonaws.com"),
                ("x-amz-date", "20150830T123600Z"),
            ],
            body: b"Param1=value1",
        };
        assert!(
            signature(&message, "service")
                .ends_with("=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a")
        );
    }

    #[test]
    fn post_sts_header_before() {
        let token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
        let message = SignedRequest {
            method: "POST",
            path: "/",
            query: "",
            headers: &[
                ("host", "example.amazonaws.com"),
                ("x-amz-date", "20150830T123600Z"),
                ("x-amz-security-token", token),
            ],
            body: b"",
        };
        assert!(
            signature(&message, "service")
                .ends_with("=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead")
        );
    }

    #[test]
    fn list_users() {
        let message = SignedRequest {
            method: "GET",
            path: "/",
            query: "Action=ListUsers&Version=2010-05-08",
            headers: &[
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
                ("host", "iam.amazonaws.com"),
                ("x-amz-date", "20150830T123600Z"),
            ],
            body: b"",
        };
        assert!(
            signature(&message, "iam")
                .ends_with("=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7")
        );
    }
}
