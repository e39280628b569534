//! What is exported, named as in blackbox_exporter.

use platform_core::metric::Desc;

pub(super) const UP: Desc = Desc::gauge(
    "probe_success",
    &[],
    "Whether the endpoint answered as expected: 1 or 0 (as in blackbox_exporter).",
);
pub(super) const WHOLE_DURATION: Desc =
    Desc::gauge("probe_duration_seconds", &[], "Duration of the whole probe.");
pub(super) const LOOKUP: Desc = Desc::gauge(
    "probe_dns_lookup_time_seconds",
    &[],
    "Duration of the first DNS lookup; none is made for an IP address.",
);
pub(super) const IP_PROTOCOL: Desc =
    Desc::gauge("probe_ip_protocol", &[], "Version of IP with which the first request was made: 4 or 6.");
pub(super) const IP_HASH: Desc = Desc::gauge(
    "probe_ip_addr_hash",
    &[],
    "Hash of the IP address of the first request, to notice that it changed (FNV-1a).",
);
pub(super) const STATUS_CODE: Desc =
    Desc::gauge("probe_http_status_code", &[], "Status code of the last response, after redirects.");
pub(super) const DURATION: Desc = Desc::gauge(
    "probe_http_duration_seconds",
    &["phase"],
    "Duration of each phase of the HTTP exchange, summed over redirects.",
);
pub(super) const CONTENT_LENGTH: Desc =
    Desc::gauge("probe_http_content_length", &[], "Content-Length of the last response, if present.");
pub(super) const BODY_LENGTH: Desc = Desc::gauge(
    "probe_http_uncompressed_body_length",
    &[],
    "Length of the last response's body, as read; absent if it is longer than what is read. No response is compressed, since none is asked for.",
);
pub(super) const LAST_MODIFIED: Desc = Desc::gauge(
    "probe_http_last_modified_timestamp_seconds",
    &[],
    "Last-Modified of the last response in Unix time, if present.",
);
pub(super) const VERSION: Desc = Desc::gauge("probe_http_version", &[], "HTTP version of the last response.");
pub(super) const REDIRECTS: Desc = Desc::gauge("probe_http_redirects", &[], "Number of redirects followed.");
pub(super) const SSL: Desc =
    Desc::gauge("probe_http_ssl", &[], "Whether the last response came over TLS: 1 or 0.");
pub(super) const EXPIRY: Desc = Desc::gauge(
    "probe_ssl_earliest_cert_expiry",
    &[],
    "Earliest expiry of the certificates presented by the server, in Unix time.",
);
pub(super) const TLS_VERSION: Desc = Desc::gauge(
    "probe_tls_version_info",
    &["version"],
    "TLS version of the last response, as a label; always 1.",
);
pub(super) const CIPHER: Desc = Desc::gauge(
    "probe_tls_cipher_info",
    &["cipher"],
    "TLS cipher suite of the last response, as a label; always 1.",
);
pub(super) const CERTIFICATE: Desc = Desc::gauge(
    "probe_ssl_last_chain_info",
    &["fingerprint_sha256", "subject", "issuer", "subjectalternative", "serialnumber"],
    "The server's own certificate in the last response, described by labels; always 1.",
);
pub(super) const FAILED_REGEX: Desc = Desc::gauge(
    "probe_failed_due_to_regex",
    &[],
    "Whether `expect.body` or `expect.not_body` failed: 1 or 0.",
);

/// All but `probe_success`.
pub(super) const CATALOGUE: [Desc; 17] = [
    WHOLE_DURATION,
    LOOKUP,
    IP_PROTOCOL,
    IP_HASH,
    STATUS_CODE,
    DURATION,
    CONTENT_LENGTH,
    BODY_LENGTH,
    LAST_MODIFIED,
    VERSION,
    REDIRECTS,
    SSL,
    EXPIRY,
    TLS_VERSION,
    CIPHER,
    CERTIFICATE,
    FAILED_REGEX,
];
