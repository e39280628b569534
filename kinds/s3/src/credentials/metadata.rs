//! The role of an EC2 instance, from its metadata service (IMDSv2 only: requests forwarded by a proxy get no token).
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>

use std::time::Duration;

use platform_core::client::{HttpClient, Method, Request, Response};
use platform_core::deadline::Deadline;
use platform_core::probe::{Problem, Reason};
use platform_core::tls::Tls;
use rusty_s3::credentials::Ec2SecurityCredentialsMetadataResponse;

use super::step::{Held, Miss, Step};

const ENDPOINT: &str = "http://169.254.169.254";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
/// The token is used once, immediately.
const TOKEN_SECONDS: &str = "60";

pub(super) struct Metadata {
    is_disabled: bool,
    endpoint: String,
    client: HttpClient,
}

impl Metadata {
    pub(super) fn new(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let endpoint = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned());
        let disabled = variable("AWS_EC2_METADATA_DISABLED");
        Self {
            is_disabled: disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            client: HttpClient::new(Tls::default()),
        }
    }

    async fn token(&mut self, limit: Duration) -> Result<String, Miss> {
        let request = Request::new(Method::PUT, format!("{}/latest/api/token", self.endpoint))
            .header("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_SECONDS)
            .largest_body(4 << 10);
        // Outside EC2, there is no such service.
        let absent = |problem: Problem| Miss::Absent(format!("{}: {}", self.endpoint, problem.detail));
        let response = self.client.send(request, limit).await.map_err(absent)?;
        Ok(text(good(response, "token")?))
    }

    async fn get(&mut self, path: &str, token: &str, deadline: Deadline) -> Result<Response, Problem> {
        let request = Request::get(format!("{}{path}", self.endpoint))
            .header("x-aws-ec2-metadata-token", token)
            .largest_body(64 << 10);
        self.client.send(request, deadline.left()).await
    }
}

#[async_trait::async_trait]
impl Step for Metadata {
    fn name(&self) -> &'static str {
        "instance metadata"
    }

    async fn find(&mut self, deadline: Deadline) -> Result<Held, Miss> {
        if self.is_disabled {
            return Err(Miss::Absent("AWS_EC2_METADATA_DISABLED".to_owned()));
        }
        let token = self.token(deadline.of_part().left()).await?;
        let roles = self.get(ROLES, &token, deadline).await?;
        if roles.status == 404 {
            return Err(Miss::Absent("the instance has no role".to_owned()));
        }
        let roles = text(good(roles, "role")?);
        let role = roles.lines().next().unwrap_or_default();
        let answer =
            good(self.get(&format!("{ROLES}{role}"), &token, deadline).await?, "role's credentials")?;
        let answer = answer.json::<Ec2SecurityCredentialsMetadataResponse>();
        let of_role = |problem: Problem| problem.context(format_args!("role {role}"));
        Ok(answer.map_err(|problem| Problem { reason: Reason::Auth, ..of_role(problem) })?.into())
    }
}

fn good(response: Response, what: &str) -> Result<Response, Problem> {
    match response.status {
        200 => Ok(response),
        status => Err(Problem::new(Reason::Auth, format!("status {status} instead of the {what}"))),
    }
}

fn text(response: Response) -> String {
    String::from_utf8_lossy(&response.body).trim().to_owned()
}
