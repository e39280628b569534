//! Reloading the configuration while the exporter runs.

use std::sync::Arc;
use std::time::SystemTime;

use platform_core::off_thread::{self, CurrentFile, OffThread};
use tokio::runtime::Handle;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::{LONGEST_LOAD, LoadError, Loaded, files, read};
use crate::cli::Flags;
use crate::config::Checks;
use crate::server::{App, Pushes, Reload};

/// Reloads the configuration on request, and applies it to the running exporter.
pub(super) struct Reloader {
    flags: Flags,
    app: Arc<App>,
    requests: mpsc::Receiver<Reload>,
    /// The result of the last read: the fingerprint of a valid configuration, or its errors.
    seen: Result<u64, String>,
    loading: OffThread<Arc<Result<Loaded, LoadError>>>,
}

impl Reloader {
    /// A reloader for an exporter that runs with this configuration.
    pub(super) fn new(
        flags: &Flags,
        loaded: &Loaded,
        app: Arc<App>,
        requests: mpsc::Receiver<Reload>,
    ) -> Self {
        Self {
            flags: flags.clone(),
            app,
            requests,
            seen: Ok(loaded.fingerprint),
            loading: OffThread::default(),
        }
    }

    /// Waits for SIGHUP, for requests, and if the flag is set, for file changes.
    pub(super) async fn run(mut self, mut hang_up: Signal) {
        let mut looks = self.flags.auto_reload_interval.map(|every| {
            let mut looks = interval(every.get());
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            looks
        });
        let mut look = async || match &mut looks {
            Some(looks) => drop(looks.tick().await),
            None => std::future::pending().await,
        };
        loop {
            tokio::select! {
                _ = hang_up.recv() => drop(self.reload("SIGHUP", true).await),
                () = look() => drop(self.reload("file", false).await),
                Some(request) = self.requests.recv() => {
                    let outcome = self.reload("request", true).await;
                    // The client may have disconnected.
                    let _ = request.send(outcome);
                }
            }
        }
    }

    /// An invalid configuration leaves the current one in place. An unchanged one is applied only on request.
    async fn reload(&mut self, cause: &str, is_asked: bool) -> Result<(), String> {
        let flags = self.flags.clone();
        let load = move |current: &CurrentFile| Arc::new(read(&flags, Checks::default(), current));
        let loaded = self.loading.run_within(LONGEST_LOAD, load).await;
        let loaded = loaded.unwrap_or_else(|error| Arc::new(Err(error.into())));
        let holds = Result::as_ref(&loaded).map(|loaded| loaded.fingerprint).map_err(ToString::to_string);
        let is_new = holds != self.seen;
        self.seen = holds;
        if !is_new && !is_asked {
            return Ok(());
        }
        let applied = match &*loaded {
            Ok(Loaded { config, origin, .. }) => {
                self.apply(Arc::clone(&loaded)).await.map(|()| (origin, config.sources().len()))
            }
            Err(error) => Err(error.to_string()),
        };
        self.app.store.config_read(applied.as_ref().err().cloned(), SystemTime::now());
        match applied {
            Ok((config, sources)) => {
                tracing::info!(event = "config.reloaded", cause, config, sources);
                Ok(())
            }
            Err(error) => {
                tracing::error!(event = "config.refused", cause, error, "keeping the current configuration");
                Err(error)
            }
        }
    }

    /// Off the serving thread: with many sources it takes a while.
    async fn apply(&self, loaded: Arc<Result<Loaded, LoadError>>) -> Result<(), String> {
        let (app, runtime) = (Arc::clone(&self.app), Handle::current());
        let apply = tokio::task::spawn_blocking(move || {
            let Ok(Loaded { config, .. }) = &*loaded else { return };
            runtime.block_on(app.schedule.apply(config));
            app.pushes.store(Arc::new(Pushes::from_iter(config.push_tokens())));
            // In a thread of its own, because a file may hang.
            drop(off_thread::spawn(move || loaded.iter().for_each(|loaded| files::warn(&loaded.config))));
        });
        apply.await.map_err(|error| error.to_string())
    }
}
