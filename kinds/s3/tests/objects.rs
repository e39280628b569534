//! The objects below prefixes.

use std::time::{Duration, SystemTime};

use kind_s3::reason;
use platform_core::probe::Reason;

use super::{failure, of_objects, probe, problems, source, store, up};
use testkit::proxy::Proxy;
use testkit::s3::S3;
use testkit::subject;

const NEWEST: &str = "s3_last_modified_object_date";
const OBJECTS: &str = "s3_objects";
const TRUNCATED: &str = "s3_list_truncated";
const SUCCESS: &str = "s3_list_success";

fn hours_ago(hours: u64) -> SystemTime {
    SystemTime::now() - Duration::from_secs(hours * 3600)
}

#[tokio::test]
async fn the_newest_is_found_wherever_the_alphabet_has_it() {
    let s3 = store().await;
    for (key, size, hours) in [("a", 10, 30), ("b & <c>", 300, 2), ("ü/d", 20, 50)] {
        s3.add_old_object("backups", &format!("nightly/{key}"), &vec![0; size], hours_ago(hours));
    }
    s3.add_object("backups", "other/newer", b"12345");
    let observation =
        probe(&s3.endpoint(), "objects: [{prefix: nightly/, max_age: 26h}, {prefix: none/}]").await;
    assert_eq!((failure(&observation), problems(&observation)), (None, vec![]));
    let nightly = |family| of_objects(&observation, family, "nightly/");
    assert_eq!(nightly(SUCCESS), Some(1.0));
    assert_eq!(nightly(TRUNCATED), Some(0.0));
    assert_eq!(nightly(OBJECTS), Some(3.0));
    assert_eq!(nightly("s3_objects_size_sum_bytes"), Some(330.0));
    assert_eq!(nightly("s3_biggest_object_size_bytes"), Some(300.0));
    assert_eq!(nightly("s3_last_modified_object_size_bytes"), Some(300.0));
    assert_eq!(nightly("s3_objects_max_age_seconds"), Some(26.0 * 3600.0));
    let since = hours_ago(2).duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs_f64();
    assert!((nightly(NEWEST).expect("there is one") - since).abs() < 10.0);
    // Nothing is as old as nothing.
    let none = |family| of_objects(&observation, family, "none/");
    assert_eq!((none(SUCCESS), none(OBJECTS), none(NEWEST)), (Some(1.0), Some(0.0), None));
    assert_eq!(none("s3_objects_max_age_seconds"), None);
}

#[tokio::test]
async fn all_pages_are_read_and_a_listing_that_is_cut_claims_nothing() {
    let s3 = store().await;
    for object in 0..2_100 {
        s3.add_object("backups", &format!("many/{object:04}"), b"1");
    }
    let observation = probe(&s3.endpoint(), "objects: [{prefix: many/, pages: 3}]").await;
    assert_eq!(problems(&observation), []);
    assert_eq!(of_objects(&observation, OBJECTS, "many/"), Some(2100.0));

    let observation = probe(&s3.endpoint(), "objects: [{prefix: many/, pages: 2, max_age: 1h}]").await;
    assert_eq!((failure(&observation), problems(&observation)), (None, vec![reason::LISTING_TRUNCATED]));
    let detail = &observation.problems[0].detail;
    for part in ["\"many/\"", "more than 2000 objects", "`pages: 2`", "a longer `prefix`"] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    let many = |family| of_objects(&observation, family, "many/");
    assert_eq!((many(TRUNCATED), many(SUCCESS)), (Some(1.0), Some(0.0)));
    for family in [OBJECTS, NEWEST, "s3_objects_size_sum_bytes", "s3_biggest_object_size_bytes"] {
        assert_eq!(many(family), None, "{family}");
    }
    assert_eq!(many("s3_objects_max_age_seconds"), Some(3600.0));
    assert_eq!((up(&observation, "head"), up(&observation, "list")), (Some(1.0), Some(1.0)));
}

/// A store whose key may list `allowed/` only, by the policy that is handed out.
async fn limited() -> S3 {
    let policy = std::fs::read_to_string(testkit::root().join("kinds/s3/policy-objects.json"));
    let policy =
        policy.expect("it is there").replace("BUCKET", "backups").replace("OBJECTS_PREFIX", "allowed/");
    let store = S3::with_policy(super::KEY, super::SECRET, &policy).await;
    store.add_bucket("backups");
    store.add_object("backups", "allowed/dump", b"123");
    store.add_object("backups", "denied/dump", b"123");
    store
}

#[tokio::test]
async fn the_policy_for_a_prefix_is_enough_for_it_and_no_more() {
    let s3 = limited().await;
    let observation = probe(&s3.endpoint(), "objects: [{prefix: allowed/}]").await;
    assert_eq!((failure(&observation), problems(&observation)), (None, vec![]));
    assert_eq!(of_objects(&observation, OBJECTS, "allowed/"), Some(1.0));
    // HEAD has no prefix, so the policy denies it, which is nobody's problem.
    assert_eq!((up(&observation, "head"), up(&observation, "list")), (None, Some(1.0)));
}

#[tokio::test]
async fn a_prefix_that_may_not_be_listed_degrades_until_it_may() {
    let s3 = limited().await;
    let mut subject = source(&s3.endpoint(), "objects: [{prefix: allowed/}, {prefix: denied/}]");
    let observation = subject.probe().await.expect("an observation");
    assert_eq!((failure(&observation), problems(&observation)), (None, vec![Reason::Permission]));
    let denied = |family| of_objects(&observation, family, "denied/");
    assert_eq!((denied(SUCCESS), denied(TRUNCATED), denied(OBJECTS)), (Some(0.0), Some(0.0), None));
    assert_eq!(of_objects(&observation, OBJECTS, "allowed/"), Some(1.0));
    assert_eq!(up(&observation, "list"), Some(1.0));
    let problem = &observation.problems[0];
    assert!(problem.detail.starts_with("objects \"denied/\": list: status 403"), "{problem}");
    let [statement] = problem.statements().collect::<Vec<_>>()[..] else { panic!("{problem:?}") };
    assert!(statement.contains(r#""StringEquals":{"s3:prefix":"denied/"}"#), "{statement}");
    s3.allow(statement);
    let observation = subject.probe().await.expect("an observation");
    assert_eq!(problems(&observation), [], "in the next probe");
    assert_eq!(of_objects(&observation, OBJECTS, "denied/"), Some(1.0));
}

#[tokio::test]
async fn a_listing_is_kept_for_its_interval_and_forgotten_in_an_outage() {
    let s3 = store().await;
    let proxy = Proxy::start(s3.address()).await;
    let endpoint = format!("http://{}", proxy.address());
    let mut kept = source(&endpoint, "objects: [{prefix: '', interval: 1h}]");
    let mut often = source(&endpoint, "objects: [{prefix: '', interval: 1ms}]");
    for expected in [0.0, 1.0] {
        let observation = kept.probe().await.expect("an observation");
        assert_eq!(of_objects(&observation, OBJECTS, ""), Some(0.0));
        let observation = often.probe().await.expect("an observation");
        assert_eq!(of_objects(&observation, OBJECTS, ""), Some(expected));
        s3.add_object("backups", "one", b"");
    }
    s3.remove_bucket("backups");
    let observation = kept.probe().await.expect("an observation");
    assert_eq!(failure(&observation), Some(reason::BUCKET_MISSING));
    assert_eq!(of_objects(&observation, OBJECTS, ""), None);
    s3.add_bucket("backups");
    s3.add_object("backups", "one", b"");
    let observation = kept.probe().await.expect("an observation");
    assert_eq!(of_objects(&observation, OBJECTS, ""), Some(1.0), "it is listed again");
}

#[test]
fn what_is_wrong_is_reported_with_what_was_expected() {
    for (objects, words) in [
        ("[{max_age: 1h}]", "`prefix` is missing"),
        ("[{prefix: a, pages: 0}]", "from 1 to 100"),
        ("[{prefix: a, pages: 101}]", "a longer `prefix`"),
        ("[{prefix: a, max_age: 5m}]", "longer than `interval`"),
        ("[{prefix: a}, {prefix: a}]", "\"a\" twice"),
        ("[{prefix: a, every: 5m}]", "every"),
    ] {
        let faults = subject::config(&super::yaml("http://127.0.0.1:1", &format!("objects: {objects}")))
            .expect_err("it is wrong")
            .to_string();
        assert!(faults.contains(words), "{objects}: {faults}");
    }
}
