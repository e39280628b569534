//! The parameters of an `amqp://` URL: those of RabbitMQ's own clients.
//! <https://www.rabbitmq.com/docs/uri-query-parameters>

use platform_core::url_parameters::{ParameterError, Parameters};

const TLS_KEYS: &str = "set it under the key `tls`: ca_file, cert_file, key_file";
const VERIFIED: &str = "with amqps:// the certificate is always verified; set its CA with `tls: {ca_file: …}`, and \
                        remove this parameter";
const NEEDS_TLS: &str = "TLS needs a URL that starts with amqps://";

const PARAMETERS: Parameters = Parameters {
    honoured: &["auth_mechanism", "verify"],
    ignored: &[
        "blocked_connection_timeout",
        "channel_max",
        "client_properties",
        "connection_attempts",
        "connection_name",
        "connection_timeout",
        "frame_max",
        "heartbeat",
        "locale",
        "name",
        "reconnect",
        "retry_delay",
        "socket_timeout",
        "timeout",
    ],
    refused: &[
        ("cacertfile", TLS_KEYS),
        ("cafile", TLS_KEYS),
        ("certfile", TLS_KEYS),
        ("keyfile", TLS_KEYS),
        ("ssl_options", TLS_KEYS),
        ("password", "set `tls.key_file` to a key without a password that only the exporter can read"),
        ("server_name_indication", "set `tls: {server_name: …}`"),
        ("fail_if_no_peer_cert", VERIFIED),
        ("depth", "certificate chains of any length are verified: remove it"),
    ],
};

/// Whether a parameter is allowed in a URL.
///
/// # Errors
/// For security parameters that are not supported, and for possible misspellings of supported ones.
pub(super) fn check(encrypted: bool, key: &str, value: &str) -> Result<(), ParameterError> {
    let refused = |key, instead| Err(ParameterError::Refused { key, instead });
    let is_one_of = |known: &[&str]| known.iter().any(|known| value.eq_ignore_ascii_case(known));
    match key {
        "verify" if !encrypted => refused("verify", NEEDS_TLS),
        "verify" if value != "verify_peer" => refused("verify", VERIFIED),
        "auth_mechanism" if !is_one_of(&["plain", "amqplain", "external"]) => {
            refused("auth_mechanism", "only PLAIN and EXTERNAL are supported")
        }
        _ => PARAMETERS.check(key),
    }
}
