//! AWS Security Token Service: the account of the credentials, and whether they are valid.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>

use std::time::Duration;

use jiff::Timestamp;
use platform_core::client::{HttpClient, Method, Request};
use platform_core::probe::{Problem, Reason};
use platform_core::tls::Tls;
use rusty_s3::Credentials;
use url::Url;

use super::reason;
use super::refusal::FailedRequest;
use super::sign::{SignedRequest, SigningScope, authorization};
use super::xml;

const QUESTION: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

pub(super) struct Sts {
    endpoint: Url,
    region: String,
    client: HttpClient,
}

impl Sts {
    pub(super) fn new(endpoint: Url, region: String, tls: Tls) -> Self {
        Self { endpoint, region, client: HttpClient::new(tls) }
    }

    /// The account of the credentials. The call needs no permission, and no policy can deny it: an error is about the
    /// credentials themselves.
    pub(super) async fn account(
        &mut self,
        credentials: &Credentials,
        limit: Duration,
    ) -> Result<String, Problem> {
        let response = self.client.send(self.request(credentials), limit).await;
        let response = response.map_err(|problem| problem.context("STS"))?;
        if response.status != 200 {
            let secrets = [credentials.secret(), credentials.token().unwrap_or_default()];
            let asked =
                FailedRequest { what: "STS GetCallerIdentity", region: &self.region, secrets: &secrets };
            let mut problem = asked.refused(&response);
            if problem.reason == reason::BUCKET_MISSING {
                // Whatever responded, it is not STS, and no bucket is involved.
                problem.reason = Reason::NotFound;
            }
            return Err(problem);
        }
        xml::text(&String::from_utf8_lossy(&response.body), "Account")
            .map(|account| xml::short(&account))
            .ok_or_else(|| Problem::new(Reason::Protocol, "STS: the response has no account"))
    }

    fn request(&self, credentials: &Credentials) -> Request {
        let scope = SigningScope { region: &self.region, service: "sts", time: Timestamp::now() };
        let date = scope.date_header();
        let mut headers = vec![
            ("content-type", FORM),
            ("host", &self.endpoint[url::Position::BeforeHost..url::Position::AfterPort]),
            ("x-amz-date", &date),
        ];
        headers.extend(credentials.token().map(|token| ("x-amz-security-token", token)));
        let message = SignedRequest {
            method: "POST",
            path: self.endpoint.path(),
            query: "",
            headers: &headers,
            body: QUESTION,
        };
        let signed = authorization(&message, &scope, credentials);
        let request =
            Request::new(Method::POST, self.endpoint.as_str()).body(QUESTION).largest_body(64 << 10);
        let request = request.header("authorization", signed);
        // The client sets the host itself.
        let headers = headers.iter().filter(|(name, _)| *name != "host");
        headers.fold(request, |request, &(name, value)| request.header(name, value))
    }
}
