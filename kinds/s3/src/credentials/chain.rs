//! AWS's default chain: the first step with credentials is used.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>

use platform_core::deadline::Deadline;
use platform_core::probe::{Problem, Reason};
use platform_core::setting::{Secret, SecretOrigin};

use super::container::Container;
use super::metadata::Metadata;
use super::profile::Profile;
use super::step::{Held, Miss, Step};
use super::web_identity::WebIdentity;
use crate::config::Config;
use crate::keys::Keys;
use crate::reason;

pub(crate) struct Chain {
    steps: Vec<Box<dyn Step>>,
}

impl Chain {
    /// `variable` reads the environment; an empty variable counts as unset.
    pub(super) fn new(config: &Config, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        Self {
            steps: vec![
                Box::new(Environment::new(&variable)),
                Box::new(WebIdentity::new(config, &variable)),
                Box::new(Profile::new(&variable)),
                Box::new(Container::new(&variable)),
                Box::new(Metadata::new(&variable)),
            ],
        }
    }

    /// Credentials, and the name of the step that has them.
    pub(super) async fn find(&mut self, deadline: Deadline) -> Result<(Held, &'static str), Problem> {
        let mut tried = Vec::new();
        for step in &mut self.steps {
            match step.find(deadline).await {
                Ok(held) => return Ok((held, step.name())),
                Err(Miss::Absent(why)) => tried.push(format!("{} ({why})", step.name())),
                Err(Miss::Failed(problem)) => {
                    let before = if tried.is_empty() { "" } else { "; tried before: " };
                    let detail = format!("{}: {}{before}{}", step.name(), problem.detail, tried.join(", "));
                    return Err(Problem::new(reason(problem.reason), detail));
                }
            }
        }
        Err(Problem::new(Reason::Auth, format!("no credentials found; tried: {}", tried.join(", "))))
    }
}

/// Whatever the cause, missing credentials are an authentication problem.
fn reason(reason: Reason) -> Reason {
    match reason {
        reason::CREDENTIALS_INVALID | reason::CREDENTIALS_EXPIRED | reason::CLOCK_SKEW => reason,
        _ => Reason::Auth,
    }
}

/// An access key in the environment.
struct Environment {
    id: Option<Secret>,
    key: Option<Secret>,
    token: Option<Secret>,
}

impl Environment {
    fn new(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let secret = |name: &str| {
            variable(name).map(|value| Secret::Value(value.into(), SecretOrigin::variable(name)))
        };
        Self {
            id: secret("AWS_ACCESS_KEY_ID"),
            key: secret("AWS_SECRET_ACCESS_KEY"),
            token: secret("AWS_SESSION_TOKEN"),
        }
    }
}

#[async_trait::async_trait]
impl Step for Environment {
    fn name(&self) -> &'static str {
        "environment"
    }

    async fn find(&mut self, _: Deadline) -> Result<Held, Miss> {
        let keys = match (&self.id, &self.key) {
            (None, None) => return Err(Miss::Absent("no AWS_ACCESS_KEY_ID".to_owned())),
            (Some(id), Some(key)) => Keys {
                access_key_id: id.clone(),
                secret_access_key: key.clone(),
                session_token: self.token.clone(),
            },
            (Some(_), None) | (None, Some(_)) => {
                let detail = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set together";
                return Err(Problem::new(Reason::Auth, detail).into());
            }
        };
        Ok(Held { credentials: keys.read().await?, end: None })
    }
}
