//! What is exported, named as in blackbox_exporter.

use platform_core::metric::Desc;

pub(super) const UP: Desc = Desc::gauge(
    "probe_success",
    &[],
    "Whether the endpoint answered as expected: 1 or 0 (as in blackbox_exporter).",
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
pub(super) const VERSION: Desc = Desc::gauge("probe_http_version", &[], "HTTP version of the last response.");
pub(super) const REDIRECTS: Desc = Desc::gauge("probe_http_redirects", &[], "Number of redirects followed.");
pub(super) const SSL: Desc =
    Desc::gauge("probe_http_ssl", &[], "Whether the last response came over TLS: 1 or 0.");
pub(super) const EXPIRY: Desc = Desc::gauge(
    "probe_ssl_earliest_cert_expiry",
    &[],
    "Earliest expiry of the certificates presented by the server, in Unix time.",
);
pub(super) const FAILED_REGEX: Desc = Desc::gauge(
    "probe_failed_due_to_regex",
    &[],
    "Whether `expect.body` or `expect.not_body` failed: 1 or 0.",
);
