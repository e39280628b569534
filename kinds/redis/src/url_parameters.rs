//! The parameters of a `redis://` URL: the driver's, and those of applications' clients.

use platform_core::url_parameters::{ParameterError, Parameters};

use super::endpoint::RedisEndpoint;

const TLS_KEYS: &str = "set it under the key `tls`: ca_file, cert_file, key_file";
const LOGIN: &str =
    "set it before the host, as in redis://USER:PASSWORD@host, or in `username` and `password_file`";
const DATABASE: &str = "set the database after the host, as in redis://host/3, or in `database`";
const VERIFIED: &str = "with rediss:// the certificate is always verified; set its CA with `tls: {ca_file: …}`, and \
                        remove this parameter";
const NEEDS_TLS: &str = "TLS needs a URL that starts with rediss://";

const OF_A_HOST: Parameters = Parameters {
    honoured: &["protocol", "ssl_cert_reqs", "ssl_check_hostname"],
    ignored: &[
        // redis-py's, ioredis', go-redis', Sidekiq's, Laravel's and other pools'.
        "client_name",
        "conn_max_idle_time",
        "conn_max_lifetime",
        "connect_timeout",
        "connection_pool_size",
        "decode_responses",
        "dial_timeout",
        "encoding",
        "family",
        "health_check_interval",
        "idle_timeout",
        "max_connections",
        "max_idle_conns",
        "max_retries",
        "max_retry_backoff",
        "min_idle_conns",
        "min_retry_backoff",
        "pool_fifo",
        "pool_size",
        "pool_timeout",
        "prefix",
        "read_timeout",
        "retry_on_timeout",
        "socket_connect_timeout",
        "socket_keepalive",
        "socket_timeout",
        "timeout",
        "ttl",
        "write_timeout",
    ],
    refused: &[
        ("database", DATABASE),
        ("db", DATABASE),
        ("pass", LOGIN),
        ("password", LOGIN),
        ("user", LOGIN),
        ("username", LOGIN),
        ("ssl_ca_certs", TLS_KEYS),
        ("ssl_ca_data", TLS_KEYS),
        ("ssl_certfile", TLS_KEYS),
        ("ssl_keyfile", TLS_KEYS),
        ("ssl_min_version", "TLS 1.2 and 1.3 are supported: remove it"),
        ("skip_verify", VERIFIED),
        ("ssl", NEEDS_TLS),
        ("tls", NEEDS_TLS),
    ],
};

const OF_A_SOCKET: Parameters = Parameters {
    honoured: &["db", "user", "pass", "protocol"],
    ignored: OF_A_HOST.ignored,
    refused: &[
        ("database", "use `db=`"),
        ("password", "use `pass=`, or set `password_file`"),
        ("username", "use `user=`"),
    ],
};

/// Whether a parameter may stand in a URL.
///
/// # Errors
/// For what protects and cannot be honoured, and for what may be a misspelling of a parameter that is.
pub(super) fn check(endpoint: &RedisEndpoint, key: &str, value: &str) -> Result<(), ParameterError> {
    let refused = |key, instead| Err(ParameterError::Refused { key, instead });
    let has_tls = match endpoint {
        RedisEndpoint::Unix(_) => return OF_A_SOCKET.check(key),
        RedisEndpoint::Tcp { tls, .. } => *tls,
    };
    match key {
        "ssl_cert_reqs" if !matches!(value, "required" | "CERT_REQUIRED") => {
            refused("ssl_cert_reqs", VERIFIED)
        }
        "ssl_check_hostname" if !value.eq_ignore_ascii_case("true") => {
            refused("ssl_check_hostname", VERIFIED)
        }
        "ssl_cert_reqs" if !has_tls => refused("ssl_cert_reqs", NEEDS_TLS),
        "ssl_check_hostname" if !has_tls => refused("ssl_check_hostname", NEEDS_TLS),
        "ssl" | "tls" if has_tls => Ok(()),
        _ => OF_A_HOST.check(key),
    }
}
