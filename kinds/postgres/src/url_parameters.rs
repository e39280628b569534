//! The parameters of a `postgres://` URL: libpq's own, all of them, and those of applications' clients.

use platform_core::url_parameters::{ParameterError, Parameters};

const SEARCH_PATH: &str = "write the schema in the query, as in `SELECT … FROM app.users`, or set it on the account: \
                           `ALTER ROLE … SET search_path = app`";
const SETTINGS: &str = "set it on the account, as in `ALTER ROLE … SET search_path = app`, and write the \
                        schema of a table in the query, as in `SELECT … FROM app.users`";
const TLS_KEYS: &str = "set it under the key `tls`: ca_file, cert_file, key_file";
const REVOCATION: &str = "certificate revocation is not checked: remove it if you do not need that";
const FILES: &str = "set user and password in the URL, or the password in `password_file`";
const SCRAM_KEYS: &str = "set the password in `password_file`";

const PARAMETERS: Parameters = Parameters {
    honoured: &[
        "host",
        "hostaddr",
        "port",
        "user",
        "password",
        "dbname",
        "sslmode",
        "pgbouncer",
        // In some of their values.
        "channel_binding",
        "gssencmode",
        "require_auth",
        "target_session_attrs",
        "sslnegotiation",
        "sslcertmode",
        "ssl_min_protocol_version",
    ],
    ignored: &[
        // libpq's, without effect on what a probe reads or on security.
        "application_name",
        "client_encoding",
        "connect_timeout",
        "fallback_application_name",
        "gssdelegation",
        "gsslib",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "krbsrvname",
        "load_balance_hosts",
        "max_protocol_version",
        "min_protocol_version",
        "replication",
        "sslcompression",
        "sslkeylogfile",
        "sslsni",
        "ssl_max_protocol_version",
        "tcp_user_timeout",
        // Prisma's.
        "connection_limit",
        "pool_timeout",
        "schema",
        "socket_timeout",
        "statement_cache_size",
        // SQLAlchemy's, asyncpg's, Rails', pgx's, JDBC's, node-postgres' and other pools'.
        "binary_parameters",
        "checkout_timeout",
        "command_timeout",
        "currentSchema",
        "default_query_exec_mode",
        "encoding",
        "idle_timeout",
        "loginTimeout",
        "max_overflow",
        "pool",
        "pool_max_conn_lifetime",
        "pool_max_conn_idle_time",
        "pool_max_conns",
        "pool_min_conns",
        "pool_recycle",
        "pool_size",
        "prepareThreshold",
        "prepared_statement_cache_size",
        "prepared_statements",
        "reaping_frequency",
        "reconnect",
        "server_version",
        "serverVersion",
        "socketTimeout",
        "statement_cache_capacity",
        "statement_cache_mode",
        "statement_timeout",
        "supa",
        "tcpKeepAlive",
        "timeout",
        "timezone",
        "uselibpqcompat",
        "variables",
        "workaround",
    ],
    refused: &[
        ("options", SETTINGS),
        ("search_path", SEARCH_PATH),
        ("passfile", FILES),
        ("service", FILES),
        ("servicefile", FILES),
        ("requirepeer", "the peer of a UNIX socket cannot be checked: remove it if you do not need that"),
        ("scram_client_key", SCRAM_KEYS),
        ("scram_server_key", SCRAM_KEYS),
        ("sslcert", TLS_KEYS),
        ("sslkey", TLS_KEYS),
        ("sslrootcert", TLS_KEYS),
        ("sslcrl", REVOCATION),
        ("sslcrldir", REVOCATION),
        ("sslpassword", "set `tls.key_file` to a key without a password that only the exporter can read"),
    ],
};

/// Parameters with some acceptable values: each with these values, and advice for the others.
const CONDITIONAL: [(&str, &[&str], &str); 11] = [
    ("channel_binding", &["disable", "prefer"], "use sslmode=verify-full instead"),
    ("gssencmode", &["disable", "prefer"], "use sslmode=verify-full instead"),
    (
        "require_auth",
        &[],
        "the authentication method cannot be required; use sslmode=verify-full instead, so that only the right server gets the password",
    ),
    ("target_session_attrs", &["any"], "one source is one server: configure one source per server"),
    ("sslnegotiation", &["postgres"], "TLS always starts with an SSLRequest: remove it"),
    (
        "sslcertmode",
        &["allow", "disable"],
        "the server cannot be required to request a certificate: set `tls: {cert_file: …, key_file: …}`",
    ),
    (
        "ssl_min_protocol_version",
        &["TLSv1", "TLSv1.1", "TLSv1.2"],
        "TLS 1.2 and 1.3 are supported; to require 1.3, set the server's ssl_min_protocol_version",
    ),
    ("requiressl", &["0"], "say sslmode=require or sslmode=verify-full"),
    ("ssl", &["false", "0", "disable"], "say sslmode=require or sslmode=verify-full"),
    ("sslaccept", &["accept_invalid_certs"], "say sslmode=verify-full"),
    ("tls", &["false", "0", "disable"], "say sslmode=require or sslmode=verify-full"),
];

/// Whether a parameter is allowed in a URL.
///
/// # Errors
/// For security parameters that are not supported, and for possible misspellings of supported ones.
pub(super) fn check(key: &str, value: &str) -> Result<(), ParameterError> {
    match CONDITIONAL.into_iter().find(|(known, ..)| *known == key) {
        Some((_, harmless, _)) if harmless.contains(&value) => Ok(()),
        Some((key, _, instead)) => Err(ParameterError::Refused { key, instead }),
        None => PARAMETERS.check(key),
    }
}
