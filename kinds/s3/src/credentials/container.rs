//! The credentials that ECS, EKS Pod Identity and Greengrass serve to a container.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use std::net::IpAddr;
use std::path::PathBuf;

use platform_core::client::{HttpClient, Request};
use platform_core::deadline::Deadline;
use platform_core::probe::{Problem, Reason};
use platform_core::setting::{Secret, SecretOrigin};
use platform_core::tls::Tls;
use rusty_s3::credentials::Ec2SecurityCredentialsMetadataResponse;
use url::{Host, Url};

use super::step::{Held, Miss, Step};

/// The base of ECS's relative addresses.
const ECS: &str = "http://169.254.170.2";
/// Addresses other than loopback to which a token may be sent in clear text: ECS and EKS Pod Identity.
const PLAIN: [&str; 3] = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"];

const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

pub(super) struct Container {
    address: Option<String>,
    token: Option<Secret>,
    client: HttpClient,
}

impl Container {
    pub(super) fn new(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("{ECS}{path}"));
        let file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        let token = || {
            let token = variable(TOKEN)?;
            Some(Secret::Value(token.into(), SecretOrigin::variable(TOKEN)))
        };
        Self {
            address: relative.or_else(|| variable("AWS_CONTAINER_CREDENTIALS_FULL_URI")),
            token: file.map(|file| Secret::file(PathBuf::from(file))).or_else(token),
            client: HttpClient::new(Tls::default()),
        }
    }
}

#[async_trait::async_trait]
impl Step for Container {
    fn name(&self) -> &'static str {
        "container"
    }

    async fn find(&mut self, deadline: Deadline) -> Result<Held, Miss> {
        let Some(address) = &self.address else {
            let why = "no AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI";
            return Err(Miss::Absent(why.to_owned()));
        };
        let url = trusted(address).map_err(|reported| Problem::new(Reason::Auth, reported))?;
        let mut request =
            Request::get(url.as_str()).header("accept", "application/json").largest_body(64 << 10);
        if let Some(token) = &self.token {
            request = request.header("authorization", token.read().await.map_err(Problem::from)?);
        }
        // Without query and user: contains no secret.
        let place = &url[..url::Position::AfterPath];
        let response = self.client.send(request, deadline.left()).await;
        let response = response.map_err(|problem| problem.context(place))?;
        if response.status != 200 {
            let problem = Problem::new(Reason::Auth, format!("status {}", response.status));
            return Err(problem.context(place).into());
        }
        let answer = response.json::<Ec2SecurityCredentialsMetadataResponse>();
        Ok(answer.map_err(|problem| problem.context(place))?.into())
    }
}

/// An address to which the token may be sent.
fn trusted(address: &str) -> Result<Url, String> {
    let url = Url::parse(address)
        .map_err(|error| format!("AWS_CONTAINER_CREDENTIALS_FULL_URI is not a URL: {error}"))?;
    let is_plain =
        |address: IpAddr| address.is_loopback() || PLAIN.iter().any(|known| known.parse() == Ok(address));
    let is_trusted = match (url.scheme(), url.host()) {
        ("https", _) => true,
        ("http", Some(Host::Ipv4(address))) => is_plain(address.into()),
        ("http", Some(Host::Ipv6(address))) => is_plain(address.into()),
        ("http", Some(Host::Domain(name))) => name == "localhost",
        _ => false,
    };
    if !url.username().is_empty() || url.password().is_some() || !is_trusted {
        return Err(
            "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or http to this host, ECS or EKS".to_owned()
        );
    }
    Ok(url)
}
