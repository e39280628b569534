//! The files that AWS's tools share: `~/.aws/credentials` and `~/.aws/config`.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use platform_core::deadline::Deadline;
use platform_core::off_thread::{CurrentFile, OffThread};
use platform_core::probe::{Problem, Reason};
use platform_core::setting::{Secret, SecretOrigin};
use secrecy::{ExposeSecret, SecretString};

use super::step::{Held, Miss, Step};
use crate::keys::Keys;

const DEFAULT: &str = "default";
/// At most this much of a file is read.
const LARGEST: u64 = 1 << 20;

pub(super) struct Profile {
    /// The path from the environment.
    name: Option<String>,
    credentials: Option<PathBuf>,
    config: Option<PathBuf>,
    reading: OffThread<Result<Files, Problem>>,
}

/// The texts of both files.
#[derive(Clone)]
struct Files {
    credentials: Option<SecretString>,
    config: Option<SecretString>,
}

/// The keys of a profile.
type Section = BTreeMap<String, String>;

impl Profile {
    pub(super) fn new(variable: &dyn Fn(&str) -> Option<String>) -> Self {
        let file = |name: &str, default: &str| {
            let at_home = || variable("HOME").map(|home| Path::new(&home).join(".aws").join(default));
            variable(name).map(PathBuf::from).or_else(at_home)
        };
        Self {
            name: variable("AWS_PROFILE"),
            credentials: file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            config: file("AWS_CONFIG_FILE", "config"),
            reading: OffThread::default(),
        }
    }

    /// The keys of a profile from both files; the credentials file takes precedence.
    async fn section(&self, name: &str) -> Result<Option<Section>, Problem> {
        let title = if name == DEFAULT { name.to_owned() } else { format!("profile {name}") };
        let (credentials, config) = (self.credentials.clone(), self.config.clone());
        let read = move |file: &CurrentFile| {
            Ok(Files {
                credentials: read(credentials.as_deref(), file)?,
                config: read(config.as_deref(), file)?,
            })
        };
        let files = self.reading.run(read).await??;
        let config = files.config.and_then(|text| section(text.expose_secret(), &title));
        let credentials = files.credentials.and_then(|text| section(text.expose_secret(), name));
        Ok(match (config, credentials) {
            (Some(mut config), Some(credentials)) => {
                config.extend(credentials);
                Some(config)
            }
            (config, credentials) => config.or(credentials),
        })
    }

    /// The names of the files, for people.
    fn files(&self) -> String {
        let files = self.credentials.iter().chain(&self.config).map(|path| path.display().to_string());
        let files: Vec<_> = files.collect();
        if files.is_empty() { "no HOME".to_owned() } else { files.join(" and ") }
    }
}

#[async_trait::async_trait]
impl Step for Profile {
    fn name(&self) -> &'static str {
        "profile"
    }

    async fn find(&mut self, _: Deadline) -> Result<Held, Miss> {
        let name = self.name.as_deref().unwrap_or(DEFAULT);
        let Some(mut section) = self.section(name).await? else {
            let detail = format!("no `{name}` in {}", self.files());
            return Err(match self.name {
                Some(_) => {
                    Miss::Failed(Problem::new(Reason::Auth, format!("{detail}, which AWS_PROFILE selects")))
                }
                None => Miss::Absent(detail),
            });
        };
        let file = self.credentials.as_ref().or(self.config.as_ref());
        let origin = SecretOrigin::File(file.cloned().unwrap_or_default());
        let mut secret =
            |key: &str| section.remove(key).map(|value| Secret::Value(value.into(), origin.clone()));
        let (id, key) = (secret("aws_access_key_id"), secret("aws_secret_access_key"));
        let session_token = secret("aws_session_token");
        let (Some(access_key_id), Some(secret_access_key)) = (id, key) else {
            let detail = format!("`{name}` has no aws_access_key_id with aws_secret_access_key");
            // A default profile often contains only a region.
            let other = ["role_arn", "credential_process", "sso_session", "sso_start_url"];
            return Err(match other.iter().find(|key| section.contains_key(**key)) {
                Some(other) => {
                    let detail = format!(
                        "{detail}, and its {other} is not supported: use keys, or a role via web identity, container or instance"
                    );
                    Miss::Failed(Problem::new(Reason::Auth, detail))
                }
                None if self.name.is_some() => Miss::Failed(Problem::new(Reason::Auth, detail)),
                None => Miss::Absent(detail),
            });
        };
        let keys = Keys { access_key_id, secret_access_key, session_token };
        Ok(Held { credentials: keys.read().await?, end: None })
    }
}

fn read(path: Option<&Path>, current: &CurrentFile) -> Result<Option<SecretString>, Problem> {
    let Some(path) = path else { return Ok(None) };
    current.set(path);
    let mut text = String::new();
    match File::open(path).and_then(|file| file.take(LARGEST).read_to_string(&mut text)) {
        Ok(_) => Ok(Some(text.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::new(Reason::Auth, format!("cannot read {}: {error}", path.display()))),
    }
}

/// The keys of a section. In this dialect of INI, an inline comment needs a space before it, and indented lines belong
/// to nested values, which credentials do not have.
fn section(text: &str, title: &str) -> Option<Section> {
    let is_title = |line: &str| {
        let inner = line.strip_prefix('[')?.split_once(']')?.0;
        Some(inner.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let mut lines = text.lines();
    lines.find(|line| is_title(line).is_some_and(|found| found == title))?;
    let own = lines.take_while(|line| is_title(line).is_none());
    let pairs = own.filter(|line| !line.starts_with([' ', '\t', '#', ';'])).filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        let comment = [" #", " ;", "\t#", "\t;"].into_iter().filter_map(|mark| value.find(mark)).min();
        let value = comment.map_or(value, |start| &value[..start]).trim();
        (!value.is_empty()).then(|| (key.trim().to_ascii_lowercase(), value.to_owned()))
    });
    Some(pairs.collect())
}
