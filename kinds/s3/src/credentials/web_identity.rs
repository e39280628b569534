//! A token that a platform such as Kubernetes writes to a file, exchanged at STS for the credentials of a role.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>

use std::path::PathBuf;

use platform_core::client::{HttpClient, Method, Request, Response};
use platform_core::deadline::Deadline;
use platform_core::probe::{Problem, Reason};
use platform_core::setting::Secret;
use rusty_s3::Credentials;
use secrecy::ExposeSecret;
use url::{Url, form_urlencoded};

use super::step::{Held, Miss, Step};
use crate::config::Config;
use crate::refusal::FailedRequest;
use crate::xml;

/// The default session name in CloudTrail.
const SESSION: &str = "platform_exporter";

pub(super) struct WebIdentity {
    token_file: Option<Secret>,
    role: Option<String>,
    session: String,
    sts: Url,
    region: String,
    client: HttpClient,
}

impl WebIdentity {
    pub(super) fn new(config: &Config, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            token_file: variable("AWS_WEB_IDENTITY_TOKEN_FILE").map(|path| Secret::file(PathBuf::from(path))),
            role: variable("AWS_ROLE_ARN"),
            session: variable("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| SESSION.to_owned()),
            sts: config.sts.clone(),
            region: config.bucket.region().to_owned(),
            client: HttpClient::new(config.sts_tls()),
        }
    }

    fn held(&self, response: &Response, token: &str) -> Result<Held, Problem> {
        if response.status != 200 {
            let what = "STS AssumeRoleWithWebIdentity";
            return Err(FailedRequest { what, region: &self.region, secrets: &[token] }.refused(response));
        }
        let body = String::from_utf8_lossy(&response.body);
        let text = |name: &str| {
            let missing = || Problem::new(Reason::Protocol, format!("the STS response has no {name}"));
            xml::text(&body, name).ok_or_else(missing)
        };
        let credentials = Credentials::new_with_token(
            text("AccessKeyId")?,
            text("SecretAccessKey")?,
            text("SessionToken")?,
        );
        let end = text("Expiration")?.parse().map_err(|error| Problem::new(Reason::Protocol, error))?;
        Ok(Held { credentials, end: Some(end) })
    }
}

#[async_trait::async_trait]
impl Step for WebIdentity {
    fn name(&self) -> &'static str {
        "web identity"
    }

    async fn find(&mut self, deadline: Deadline) -> Result<Held, Miss> {
        let Some(token_file) = &self.token_file else {
            return Err(Miss::Absent("no AWS_WEB_IDENTITY_TOKEN_FILE".to_owned()));
        };
        let Some(role) = &self.role else {
            let detail = "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not";
            return Err(Problem::new(Reason::Auth, detail).into());
        };
        let token = token_file.read().await.map_err(Problem::from)?;
        let token = token.expose_secret();
        let question = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", "AssumeRoleWithWebIdentity")
            .append_pair("Version", "2011-06-15")
            .append_pair("RoleArn", role)
            .append_pair("RoleSessionName", &self.session)
            .append_pair("WebIdentityToken", token)
            .finish();
        let request = Request::new(Method::POST, self.sts.as_str())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(question)
            .largest_body(64 << 10);
        let response = self.client.send(request, deadline.left()).await?;
        Ok(self.held(&response, token)?)
    }
}
