//! The objects below prefixes, counted by boto3.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::{NO_CANARY, Watched};
use crate::kinds::s3::{KEY, SECRET, store};
use testkit::process::command;
use testkit::recount::{Recounts, Series, series};
use testkit::s3::S3;

const RECOUNT: &str = r#"
import boto3, json, sys
from botocore.config import Config
endpoint, key, secret, *prefixes = sys.argv[1:]
s3 = boto3.client("s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret,
                  region_name="us-east-1", config=Config(s3={"addressing_style": "path"}))
counts = {}
for prefix in prefixes:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="backups", Prefix=prefix)
    objects = [object for page in pages for object in page.get("Contents", [])]
    newest = max(objects, key=lambda object: object["LastModified"], default=None)
    counts[prefix] = {
        "s3_objects": len(objects),
        "s3_objects_size_sum_bytes": sum(object["Size"] for object in objects),
        "s3_biggest_object_size_bytes": max((object["Size"] for object in objects), default=0),
    }
    if newest:
        counts[prefix]["s3_last_modified_object_date"] = newest["LastModified"].timestamp()
        counts[prefix]["s3_last_modified_object_size_bytes"] = newest["Size"]
print(json.dumps(counts))
"#;

const SUCCESS: &str = "s3_list_success";

/// The prefixes that were listed.
pub(super) fn prefixes(objects: &Series) -> impl Iterator<Item = &str> {
    let of_success = |name: &str| name.starts_with(SUCCESS);
    let names = objects.keys().filter(move |name| of_success(name));
    names.filter_map(|name| name.split_once(", ")?.1.strip_suffix('}'))
}

/// What boto3 counts below these prefixes.
async fn recount(s3: &S3, prefixes: &[&str]) -> Series {
    let mut command = command(testkit::dependency("venv/bin/python"));
    command.args(["-c", RECOUNT, &s3.endpoint(), KEY, SECRET]).args(prefixes);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    let output = output.expect("python starts: `make deps` installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counts: BTreeMap<String, BTreeMap<String, f64>> =
        serde_json::from_slice(&output.stdout).expect("it prints JSON");
    let mut all = Series::new();
    for (prefix, counts) in counts {
        let labels = ["backups", prefix.as_str()];
        all.extend(counts.into_iter().map(|(name, value)| (series(&name, &labels), value)));
        all.insert(series(SUCCESS, &labels), 1.0);
        all.insert(series("s3_list_truncated", &labels), 0.0);
    }
    all
}

pub(super) async fn check(recounts: &mut Recounts) {
    let s3 = store().await;
    let before = |hours: u64| SystemTime::now() - Duration::from_secs(hours * 3600);
    for object in 0..1_500_u16 {
        let content = vec![0; usize::from(object % 97)];
        s3.add_old_object("backups", &format!("daily/{object:04}"), &content, before(u64::from(object)));
    }
    for (key, hours) in [("weekly/ü & <b>+", 200), ("weekly/c%20d", 30), ("weekly/sub/e", 100)] {
        s3.add_old_object("backups", key, key.as_bytes(), before(hours));
    }
    let keys = "objects: [{prefix: daily/, max_age: 26h}, {prefix: weekly/, interval: 1ms}, {prefix: none/}]";
    let mut watched = Watched::new(&s3.endpoint(), keys);
    watched.objects = recount(&s3, &["daily/", "weekly/", "none/"]).await;
    watched.objects.insert(series("s3_objects_max_age_seconds", &["backups", "daily/"]), 26.0 * 3600.0);
    watched.check(recounts, "objects below three prefixes", &NO_CANARY, false).await;

    s3.add_object("backups", "weekly/new", b"new");
    let weekly = recount(&s3, &["weekly/"]).await;
    watched.objects.extend(weekly);
    watched.check(recounts, "a new object, and listings that are kept", &NO_CANARY, false).await;

    let mut cut = Watched::new(&s3.endpoint(), "objects: [{prefix: daily/, pages: 1}]");
    let daily = |name| series(name, &["backups", "daily/"]);
    cut.objects = Series::from([(daily(SUCCESS), 0.0), (daily("s3_list_truncated"), 1.0)]);
    cut.check(recounts, "a listing that is cut", &NO_CANARY, false).await;
}
