//! Links from numbers, tables and alerts to the application's admin API.

use std::collections::BTreeSet;

use regex::Regex;

use super::loaded;
use crate::bundle::of_bundle;
use platform_exporter::bundle;

const ADMIN: &str = "https://joip.example.com";

/// The endpoints that dashboards and rules link to.
fn endpoints(more: &str) -> BTreeSet<String> {
    let config = format!(
        "sources: {{app-db: {{postgres: {{url: 'postgres://localhost'}}}}}}\npacks: {{joip: {{db: app-db{more}}}}}"
    );
    let files = bundle::render(Some(&loaded(&config))).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(
        of_bundle(files.clone()).iter().filter(|dashboard| dashboard.name.starts_with("joip")).count(),
        2
    );
    let link = Regex::new(r#"([^ "]*)/api/admin/([^"\n]*)"#).unwrap();
    let text: String = files.into_iter().map(|file| file.text).collect();
    let links = link.captures_iter(&text).map(|found| {
        assert_eq!(&found[1], ADMIN);
        found[2].to_owned()
    });
    links.collect()
}

#[test]
fn users_media_and_shares_lead_to_the_admin_api() {
    let expected = [
        "analytics",
        "community/stats",
        "referrals/recent",
        "referrals/stats",
        "usage-analytics",
        "usage-summary",
        "users/${__data.fields.id}/usage",
    ];
    let found = endpoints(&format!(", admin_url: '{ADMIN}'"));
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    assert!(endpoints("").is_empty());
}
