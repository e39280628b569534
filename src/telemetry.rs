//! Logs: to standard error, by tracing, in logfmt or JSON.

use tracing::level_filters::LevelFilter;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::cli::{LogFormat, LogLevel};

/// Lines that wait for whoever reads standard error. Their places take memory from the start.
const MOST_LINES: usize = 4096;

/// What the names of our own crates begin with.
const OWN_CRATES: [&str; 2] = ["platform_", "kind_"];

/// Starts logging. Lines are written as long as the guard lives; those that nobody takes are lost, and nobody waits for
/// them.
///
/// # Errors
/// When logging has been started already.
pub fn init(level: LogLevel, format: LogFormat) -> Result<WorkerGuard, TryInitError> {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
    };
    // The drivers' own lines stay out: they repeat each failure, and may hold what they were connected with.
    let own = Targets::new().with_targets(OWN_CRATES.map(|prefix| (prefix, level)));
    let registry = tracing_subscriber::registry().with(own);
    let (writer, guard) =
        NonBlockingBuilder::default().buffered_lines_limit(MOST_LINES).finish(std::io::stderr());
    match format {
        LogFormat::Logfmt => registry
            .with(tracing_logfmt::builder().with_target(false).layer().with_writer(writer))
            .try_init()?,
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_target(false);
            registry.with(layer.with_writer(writer)).try_init()?;
        }
    }
    Ok(guard)
}

/// Reports a panic by its place alone: its message may hold a value that nobody should see.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(event = "panic", place);
    }));
}
