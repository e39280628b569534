//! What the driver needs to log in, and the limits of the session on the server.

use platform_core::deadline::Deadline;
use platform_core::probe::{Problem, Reason};
use secrecy::{ExposeSecret, SecretString};
use sqlx::ConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::config::Config;
use super::transaction::milliseconds;

pub(super) async fn connect_options(
    config: &Config,
    deadline: Deadline,
) -> Result<PgConnectOptions, Problem> {
    let password = match &config.password {
        Some(password) => password.read().await?,
        None => SecretString::default(),
    };
    // Sets everything: omitted values would come from the environment.
    let options = PgConnectOptions::new_without_pgpass()
        .host(&config.host)
        .port(config.port)
        .username(&config.user)
        .password(password.expose_secret())
        .database(&config.database)
        .application_name("platform_exporter")
        .statement_cache_capacity(0)
        .ssl_mode(PgSslMode::Disable)
        .disable_statement_logging();
    if options.get_options().is_some() {
        // The driver reads it from there, and that cannot be turned off.
        let detail = "the environment variable PGOPTIONS would change every source: unset it";
        return Err(Problem::new(Reason::Internal, detail));
    }
    if config.pgbouncer {
        // PgBouncer rejects startup parameters that it does not know.
        return Ok(options.extra_float_digits(None));
    }
    let limit = deadline.server_limit();
    let [statement, lock] = [limit, limit / 2].map(milliseconds);
    Ok(options.options([
        ("statement_timeout", statement.to_string()),
        ("lock_timeout", lock.to_string()),
        ("idle_in_transaction_session_timeout", statement.to_string()),
        ("default_transaction_read_only", "on".to_owned()),
    ]))
}
