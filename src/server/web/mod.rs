//! The web configuration file: TLS, client certificates, passwords and limits of the exporter's HTTP server. It is
//! reloaded when it, or a file it refers to, has changed; an invalid one changes nothing.

mod certificates;
mod clients;
mod files;
mod passwords;
mod section;
mod settings;
mod tls;

pub(super) use settings::WebSettings;
pub(super) use tls::HTTP2;

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Request, StatusCode};
use parking_lot::Mutex;
use platform_core::off_thread::{CurrentFile, NOTABLE, OffThread};
use platform_core::yaml::{self, Faults};
use secrecy::{ExposeSecret, SecretString};

use super::heartbeat;
use super::response::{ServerResponse, text};
use files::Files;
use passwords::{PasswordVerdict, Passwords};

/// Why a web configuration file is rejected.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// It cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// It has errors.
    #[error("{0}")]
    Faults(Faults),
    /// It lacks a requirement that it had when the exporter started: perhaps it is half written.
    #[error("{} no longer has {given_up}: removing it requires a restart", path.display())]
    GivesUp {
        /// The file.
        path: PathBuf,
        /// What is missing.
        given_up: &'static str,
    },
}

/// What every connection and every request passes.
pub struct Gate {
    loaded: Arc<Loaded>,
    /// Checks for file changes off the serving thread: a file system may hang.
    looking: OffThread<()>,
    passwords: Passwords,
}

/// The current settings, and their origin.
struct Loaded {
    settings: ArcSwap<WebSettings>,
    /// The file, if there is one.
    watched: Option<Mutex<Watched>>,
}

/// A web configuration file as it was last read.
struct Watched {
    path: PathBuf,
    files: Files,
    /// The last error reported, if it is invalid.
    reported: Option<String>,
}

/// Whether a request may pass.
pub(super) enum Admission {
    /// Yes: it is this user's, or there are no users.
    Of(Option<String>),
    /// No, with this response.
    Refused(ServerResponse),
}

impl Gate {
    /// A gate without restrictions.
    #[must_use]
    pub fn open() -> Self {
        Self::of(Loaded { settings: ArcSwap::default(), watched: None })
    }

    /// A gate configured by a web configuration file.
    ///
    /// # Errors
    /// When the file cannot be read, or has errors.
    pub fn load(path: &Path, current: &CurrentFile) -> Result<Self, WebError> {
        let (settings, files) = read(path, current);
        let watched = Some(Mutex::new(Watched { path: path.to_owned(), files, reported: None }));
        Ok(Self::of(Loaded { settings: ArcSwap::from_pointee(settings?), watched }))
    }

    fn of(loaded: Loaded) -> Self {
        Self { loaded: Arc::new(loaded), looking: OffThread::default(), passwords: Passwords::new() }
    }

    /// Whether TLS is enabled.
    pub fn has_tls(&self) -> bool {
        self.loaded.settings.load().tls().is_some()
    }

    /// The settings in the files now, or the last valid ones.
    pub(super) async fn settings(&self) -> Arc<WebSettings> {
        // While the file system hangs, the last loaded settings stay in use.
        if self.loaded.watched.is_some() && !self.looking.hangs() {
            let loaded = Arc::clone(&self.loaded);
            let look = self.looking.run_within(NOTABLE, move |current| loaded.look(current));
            look.await.unwrap_or_default();
        }
        self.loaded.settings.load_full()
    }

    /// Whether a request may pass: the rate limit first, then the password, as exporter-toolkit does.
    pub(super) async fn admit(
        &self,
        settings: &WebSettings,
        peer: IpAddr,
        request: &Request<Incoming>,
    ) -> Admission {
        if settings.rate.as_ref().is_some_and(|rate| !rate.take()) {
            return Admission::Refused(too_many("Too many requests."));
        }
        if settings.users.is_empty() || heartbeat::is_at(request.uri().path()) {
            return Admission::Of(None);
        }
        let Some((user, password)) = credentials(request.headers()) else {
            return Admission::Refused(unauthorized());
        };
        match self.passwords.check(&settings.users, peer, &user, password).await {
            PasswordVerdict::Right => Admission::Of(Some(user)),
            PasswordVerdict::Wrong => Admission::Refused(unauthorized()),
            PasswordVerdict::Busy => Admission::Refused(too_many("Too many passwords are being checked.")),
        }
    }
}

impl Loaded {
    fn look(&self, current: &CurrentFile) {
        let Some(watched) = &self.watched else { return };
        let mut watched = watched.lock();
        watched.files.current.clone_from(current);
        if watched.files.have_changed() {
            self.read_again(&mut watched, current);
        }
    }

    fn read_again(&self, watched: &mut Watched, current: &CurrentFile) {
        let (settings, files) = read(&watched.path, current);
        let before = std::mem::replace(&mut watched.files, files);
        let known = self.settings.load();
        let settings = settings.and_then(|settings| match settings.gives_up(&known) {
            Some(given_up) => Err(WebError::GivesUp { path: watched.path.clone(), given_up }),
            None => Ok(settings),
        });
        match settings {
            Ok(mut settings) => {
                if watched.reported.take().is_some()
                    || before.digest().as_ref() != watched.files.digest().as_ref()
                {
                    tracing::info!(event = "web.config.loaded", file = %watched.path.display());
                }
                settings.keep_counting(&known);
                self.settings.store(Arc::new(settings));
            }
            Err(error) => {
                let error = error.to_string();
                if watched.reported.as_ref() != Some(&error) {
                    tracing::error!(event = "web.config.refused", error, "keeping the current settings");
                    watched.reported = Some(error);
                }
            }
        }
    }
}

fn read(path: &Path, current: &CurrentFile) -> (Result<WebSettings, WebError>, Files) {
    let unreadable = |error| WebError::Unreadable { path: path.to_owned(), error };
    let mut files = Files::of(path.parent().unwrap_or(Path::new("")), current);
    let bytes = files.read(path.file_name().map_or(path, Path::new));
    let settings = bytes.map_err(unreadable).and_then(|bytes| {
        let mut faults = Faults::of(path.display().to_string());
        let text = match yaml::text(bytes) {
            Ok(text) => text,
            Err(error) => {
                faults.at_line(error.place(), error.to_string());
                return Err(WebError::Faults(faults));
            }
        };
        let settings = WebSettings::read(&text, &mut files, &mut faults);
        settings.filter(|_| faults.is_empty()).ok_or(WebError::Faults(faults))
    });
    (settings, files)
}

/// User and password of `Authorization: Basic`.
fn credentials(headers: &HeaderMap) -> Option<(String, SecretString)> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let decoded =
        BASE64_STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = SecretString::from(String::from_utf8(decoded).ok()?);
    let (user, password) = decoded.expose_secret().split_once(':')?;
    Some((user.to_owned(), password.into()))
}

fn unauthorized() -> ServerResponse {
    let mut response = text(StatusCode::UNAUTHORIZED, "Authentication required.");
    let realm = HeaderValue::from_static("Basic realm=\"platform_exporter\", charset=\"UTF-8\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, realm);
    response
}

fn too_many(sentence: &str) -> ServerResponse {
    let mut response = text(StatusCode::TOO_MANY_REQUESTS, sentence);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
