//! Logs: to standard error, by tracing, in logfmt or JSON.

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::cli::{LogFormat, LogLevel};

/// Log lines buffered for standard error. The buffer is allocated at start.
const MOST_LINES: usize = 4096;

/// Prefixes of this project's crates.
const OWN_CRATES: [&str; 2] = ["platform_", "kind_"];

/// Starts logging. Lines are written as long as the guard lives; if standard error is not read, they are dropped rather
/// than block.
///
/// # Errors
/// When logging has already been started.
pub fn init(level: LogLevel, format: LogFormat) -> Result<WorkerGuard, TryInitError> {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    // The drivers' own lines are dropped: they repeat each failure, and may contain credentials.
    let own = Targets::new().with_targets(OWN_CRATES.map(|prefix| (prefix, level)));
    let registry = tracing_subscriber::registry().with(own);
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(MOST_LINES).finish(std::io::stderr());
    match format {
        LogFormat::Logfmt => registry
            .with(
                tracing_logfmt::builder()
                    .with_target(false)
                    .with_span_name(false)
                    .with_span_path(false)
                    .layer()
                    .with_writer(writer),
            )
            .try_init()?,
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false);
            registry.with(layer.with_writer(writer)).try_init()?;
        }
    }
    Ok(guard)
}

/// Logs only the location of a panic: its message may contain a secret.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(event = "panic", place);
    }));
}
