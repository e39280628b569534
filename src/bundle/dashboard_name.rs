//! The names of dashboards, and their uids in Grafana.

use platform_core::setting::SourceName;

use crate::registry::Kind;

pub(super) const OVERVIEW: &str = "overview";
pub(super) const EXPORTER: &str = "exporter";

/// The longest uid that Grafana accepts.
const LONGEST_UID: usize = 40;

/// The dashboard's uid in Grafana, and in its URL.
pub(super) fn uid(name: &str) -> String {
    format!("platform-{name}")
}

/// The path in Grafana of the dashboard of all sources.
pub fn overview_dashboard() -> String {
    format!("/d/{}", uid(OVERVIEW))
}

/// The path in Grafana of the dashboard of a source.
pub fn source_dashboard(kind: Kind, source: &SourceName) -> String {
    format!("/d/{}?var-source={source}", uid(kind.as_str()))
}

/// The name of a pack's restricted dashboard.
pub(super) fn restricted(pack: &str) -> String {
    format!("{pack}-users")
}

/// Checks whether a pack's name can be that of its dashboards.
///
/// # Errors
/// What was expected.
pub(super) fn check(pack: &str) -> Result<(), String> {
    let is_taken = [OVERVIEW, EXPORTER].contains(&pack) || Kind::ALL.iter().any(|kind| kind.as_str() == pack);
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let is_short = uid(&restricted(pack)).len() <= LONGEST_UID;
    if !is_taken && is_short && pack.bytes().all(is_allowed) {
        return Ok(());
    }
    Err(format!(
        "the name of the pack, `{pack}`, becomes the dashboard's address: expected at most {} letters, digits, `-` and \
         `_`, and not the name of a kind, `{OVERVIEW}` or `{EXPORTER}`",
        LONGEST_UID - uid(&restricted("")).len()
    ))
}
