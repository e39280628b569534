//! The samples of other exporters, looked for in ours at the same moment.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use crate::cycles::FRESH_PROBE;
use crate::peers::{self, Peer};
use crate::report::{Section, Table};
use crate::{ours, samples};
use testkit::platform::Platform;

/// What has another value in each exporter: their own sessions, and when they asked.
const OWN: [&str; 3] =
    ["probe_duration_seconds", "probe_dns_lookup_time_seconds", "probe_http_duration_seconds"];

type Labels = BTreeMap<String, String>;

/// The samples of an exposition, by name.
type Page = BTreeMap<String, Vec<(Labels, f64)>>;

#[derive(Default)]
struct Counts {
    samples: usize,
    found: usize,
    equal: usize,
    missing: BTreeSet<String>,
    different: BTreeSet<String>,
}

pub(crate) async fn run(title: &'static str) -> Section {
    let mut section = Section::new(title);
    section.text(
        "Each peer is scraped, then `/probe` of platform_exporter, then the peer again, all on the same services. A \
         sample of the peer is found if ours has one with its name whose labels do not contradict it, and equal if its \
         value lies between the two of the peer.",
    );
    let platform = Platform::start().await;
    let exporter = ours::start_all_kinds(&platform, &ours::all_kinds("1h"), platform.environment()).await;
    let mut table = Table::new(&["peer", "names", "ours has", "samples", "found", "equal"]);
    let mut remarks = Vec::new();
    for (source, peer) in [
        ("orders-db", peers::postgres(&platform.postgres.url(), 0).await),
        ("cache", peers::redis(&platform.redis.url()).await),
        ("website", peers::blackbox(&platform.website.url("/")).await),
    ] {
        let ours = exporter.url(&format!("/probe?source={source}"));
        let (names, counts) = compare(&peer, &ours).await;
        let answered = names - counts.missing.len();
        let cells =
            [names, answered, counts.samples, counts.found, counts.equal].map(|count| count.to_string());
        table.row([peer.name.to_owned()].into_iter().chain(cells));
        remarks.push(remark(peer.name, &counts));
    }
    section.table(&table);
    remarks.iter().for_each(|remark| section.text(remark));
    section
}

async fn compare(peer: &Peer, ours: &str) -> (usize, Counts) {
    // A result that is a second old would be given again.
    tokio::time::sleep(FRESH_PROBE).await;
    let before = page(&peer.scrape().await);
    let probed = page(&testkit::http::text(testkit::http::client().get(ours)).await);
    let after = page(&peer.scrape().await);
    let mut counts = Counts::default();
    for (name, theirs) in &before {
        let Some(of_ours) = probed.get(name) else {
            counts.missing.insert(name.clone());
            counts.samples += theirs.len();
            continue;
        };
        for (labels, value) in theirs {
            counts.samples += 1;
            let Some((_, found)) = of_ours.iter().find(|(ours, _)| agree(ours, labels)) else { continue };
            counts.found += 1;
            let later = after.get(name).and_then(|all| all.iter().find(|(other, _)| other == labels));
            let later = later.map_or(*value, |(_, later)| *later);
            if OWN.contains(&name.as_str()) || is_between(*found, *value, later) {
                counts.equal += 1;
            } else {
                counts.different.insert(name.clone());
            }
        }
    }
    (before.len(), counts)
}

/// Whether no label has another value.
fn agree(ours: &Labels, theirs: &Labels) -> bool {
    theirs.iter().all(|(name, value)| ours.get(name).is_none_or(|own| own == value))
}

/// With room for what the three scrapes do themselves.
fn is_between(found: f64, before: f64, after: f64) -> bool {
    let room = 0.02 * before.abs().max(after.abs()) + 5.0 * f64::from(u8::from(before != after));
    (before.min(after) - room..=before.max(after) + room).contains(&found)
}

fn page(text: &str) -> Page {
    let label = Regex::new(r#"(\w+)="((?:[^"\\]|\\.)*)""#).expect("a regular expression");
    let mut page = Page::new();
    for line in samples::of_service(text) {
        let Some((series, value)) = line.rsplit_once(' ') else { continue };
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = label.captures_iter(labels).map(|found| (found[1].to_owned(), found[2].to_owned()));
        let value = value.parse().unwrap_or(f64::NAN);
        page.entry(name.to_owned()).or_default().push((labels.collect(), value));
    }
    page
}

fn remark(peer: &str, counts: &Counts) -> String {
    let list = |names: &BTreeSet<String>| {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    };
    format!(
        "Only {peer} has: {}. Other values than {peer}'s: {}.",
        list(&counts.missing),
        list(&counts.different)
    )
}
