//! `status`: what the status page shows, in a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use platform_core::client::{HttpClient, Request, Response};
use platform_core::probe::Problem;
use platform_core::setting::{Secret, SecretError};
use platform_core::tls::Tls;
use secrecy::ExposeSecret;
use serde_json::Value;

use super::local::{local, reachable};
use super::status_table::StatusAnswer;
use crate::cli::{Flags, StatusFlags, StatusFormat};

const PATH: &str = "/api/v1/status";
const TIMEOUT: Duration = Duration::from_secs(10);
/// The answer has less than a kilobyte for each source that is well.
const LARGEST_ANSWER: usize = 64 << 20;

/// Why there is no status.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// There is no answer, or not one of an exporter.
    #[error("{url}: {problem}")]
    Unreachable {
        /// The URL.
        url: String,
        /// Why.
        problem: Problem,
    },
    /// The exporter does not give its status to this client.
    #[error("{url}: {reason}")]
    Refused {
        /// The URL.
        url: String,
        /// Why, and what to do about it.
        reason: String,
    },
    /// The password file cannot be read.
    #[error(transparent)]
    Password(#[from] SecretError),
}

/// The status of a running exporter.
pub struct ExporterStatus {
    /// What is printed.
    pub text: String,
    /// Whether all sources are up.
    pub is_all_up: bool,
}

/// Reads the status of the exporter that the flags name, or else of the one on this machine.
///
/// # Errors
/// When it does not answer, or not with its status.
pub async fn status(flags: &Flags, own: &StatusFlags) -> Result<ExporterStatus, StatusError> {
    let authorization = authorization(own).await?;
    let mut client = HttpClient::new(Tls { ca_file: own.ca_file.clone(), ..Tls::default() });
    let mut last = None;
    for url in urls(flags, own) {
        let mut request = Request::get(url.as_str()).largest_body(LARGEST_ANSWER);
        if let Some(authorization) = &authorization {
            request = request.header("authorization", authorization.as_str());
        }
        match client.send(request, TIMEOUT).await {
            Ok(response) => return read(url, &response, own),
            Err(problem) => last = Some(StatusError::Unreachable { url, problem }),
        }
    }
    Err(last.expect("there is at least one URL"))
}

/// Where to look, in this order.
fn urls(flags: &Flags, own: &StatusFlags) -> Vec<String> {
    if let Some(url) = &own.url {
        return vec![format!("{url}{PATH}")];
    }
    let local = local(flags);
    let prefix = local.address().prefix;
    let addresses = local.listen().iter().flat_map(|address| reachable(*address));
    addresses.map(|address| format!("http://{address}{prefix}{PATH}")).collect()
}

async fn authorization(own: &StatusFlags) -> Result<Option<String>, SecretError> {
    let (Some(username), Some(file)) = (&own.username, &own.password_file) else { return Ok(None) };
    let password = Secret::file(file.clone()).read().await?;
    let credentials = BASE64_STANDARD.encode(format!("{username}:{}", password.expose_secret()));
    Ok(Some(format!("Basic {credentials}")))
}

fn read(url: String, response: &Response, own: &StatusFlags) -> Result<ExporterStatus, StatusError> {
    let reason = match response.status {
        200 => None,
        400 if response.body.windows(5).any(|word| word == b"HTTPS") => Some(
            "the exporter has TLS: give the URL that its certificate is for, as in `--url https://exporter.example.com:9884`"
                .to_owned(),
        ),
        401 if own.username.is_some() => Some("the user or the password is wrong".to_owned()),
        401 => Some("a password is required: `--username` and `--password-file`".to_owned()),
        404 if own.url.is_some() => {
            Some("not found: if the paths of the exporter have a prefix, its `--web.external-url`, add it to `--url`".to_owned())
        }
        404 => Some("not found: if the paths of the exporter have a prefix, `--web.external-url` names it".to_owned()),
        status => Some(format!("the answer has status {status}")),
    };
    if let Some(reason) = reason {
        return Err(StatusError::Refused { url, reason });
    }
    let shown = response.json::<StatusAnswer>().and_then(|answer| {
        let text = match own.format {
            StatusFormat::Text => answer.text(has_colours()),
            StatusFormat::Json => format!("{:#}\n", response.json::<Value>()?),
        };
        Ok(ExporterStatus { text, is_all_up: answer.is_all_up() })
    });
    shown.map_err(|problem| StatusError::Unreachable { url, problem })
}

/// Colours are for people: <https://no-color.org>
fn has_colours() -> bool {
    std::io::stdout().is_terminal() && super::variable("NO_COLOR").is_none_or(|value| value.is_empty())
}
