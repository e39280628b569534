//! Listings that no store should send.

use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use kind_s3::reason;
use platform_core::probe::{Observation, Reason};

use super::ladder::LISTING;
use super::{failure, of_objects, probe, problems, source};
use testkit::web::{Asked, Reply, Web, reply};

/// A page with these contents, and what follows them.
fn page(contents: &str, rest: &str) -> Reply {
    reply(
        200,
        format!(
            "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{contents}{rest}</ListBucketResult>"
        ),
    )
}

fn object(key: &str, time: &str, size: &str) -> String {
    format!("<Contents><Key>{key}</Key><LastModified>{time}</LastModified><Size>{size}</Size></Contents>")
}

const TIME: &str = "2026-01-01T00:00:00.000Z";
const MORE: &str = "<IsTruncated>true</IsTruncated><NextContinuationToken>more</NextContinuationToken>";

/// A store whose checks are good, and whose listings of objects are these.
async fn store_with(listing: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Web {
    Web::start(move |asked| match asked.path.contains("list-type") && !asked.path.contains("max-keys") {
        true => listing(asked),
        false => reply(200, LISTING),
    })
    .await
}

/// How many pages were requested since the last time.
fn listings(web: &Web) -> usize {
    web.asked()
        .iter()
        .filter(|asked| asked.path.contains("list-type") && !asked.path.contains("max-keys"))
        .count()
}

async fn observe(web: &Web) -> Observation {
    probe(&web.url(""), "objects: [{prefix: a/, pages: 5}]").await
}

#[tokio::test]
async fn what_is_no_listing_is_a_protocol_problem_and_claims_nothing() {
    let cases = [
        object("a/b", "yesterday", "1"),
        object("a/b", "", "1"),
        object("a/b", TIME, "-1"),
        object("a/b", TIME, "much"),
        object("a/b", TIME, "99999999999999999999999"),
        format!("<Contents><Key>a/b</Key><LastModified>{TIME}</LastModified></Contents>"),
        "<Contents>".to_owned(),
        "<!DOCTYPE a [<!ENTITY b \"c\">]>".to_owned() + &object("&b;", TIME, "1"),
        "<a>".repeat(100_000),
        "<IsTruncated>true</IsTruncated>".to_owned(),
    ];
    for contents in cases {
        let shown: String = contents.chars().take(80).collect();
        let web = store_with(move |_| page(&contents, "")).await;
        let observation = observe(&web).await;
        let found = (failure(&observation), problems(&observation));
        assert_eq!(found, (None, vec![Reason::Protocol]), "{shown}");
        assert_eq!(of_objects(&observation, "s3_list_success", "a/"), Some(0.0), "{shown}");
        assert_eq!(of_objects(&observation, "s3_objects", "a/"), None, "{shown}");
    }
}

#[tokio::test]
async fn escapes_and_encoded_keys_are_objects_like_others() {
    let contents = [
        object("a/%26%3C%C3%BC+%0A", TIME, "1"),
        object("a/&amp;&lt;&#66;", "2026-01-02T00:00:00Z", "2"),
        object("a/future", "2999-01-01T00:00:00+02:00", "3"),
    ]
    .concat();
    let web = store_with(move |_| page(&contents, "<EncodingType>url</EncodingType>")).await;
    let observation = observe(&web).await;
    assert_eq!(problems(&observation), []);
    assert_eq!(of_objects(&observation, "s3_objects", "a/"), Some(3.0));
    assert_eq!(of_objects(&observation, "s3_last_modified_object_size_bytes", "a/"), Some(3.0));
}

#[tokio::test]
async fn a_listing_without_an_end_takes_its_pages_and_no_more() {
    let counter = AtomicUsize::new(0);
    let web = store_with(move |_| {
        let number = counter.fetch_add(1, Ordering::Relaxed);
        let token =
            format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{number}</NextContinuationToken>");
        page(&object("a/b", TIME, "1"), &token)
    })
    .await;
    let observation = observe(&web).await;
    assert_eq!(problems(&observation), [reason::LISTING_TRUNCATED]);
    assert_eq!(listings(&web), 5);
}

#[tokio::test]
async fn a_token_that_comes_back_ends_the_listing() {
    let web = store_with(|_| page(&object("a/b", TIME, "1"), MORE)).await;
    let observation = observe(&web).await;
    assert_eq!(problems(&observation), [Reason::Protocol]);
    assert!(observation.problems[0].detail.contains("repeats its token"), "{observation:?}");
    assert_eq!(listings(&web), 2);
}

#[tokio::test]
async fn a_page_that_is_too_long_is_not_read() {
    let mut contents = String::new();
    while contents.len() < 5 << 20 {
        write!(contents, "{}", object("a/b", TIME, "1")).expect("a text");
    }
    let web = store_with(move |_| page(&contents, "")).await;
    let observation = observe(&web).await;
    assert_eq!((failure(&observation), problems(&observation)), (None, vec![Reason::Protocol]));
}

#[tokio::test]
async fn a_listing_that_fails_is_not_repeated_at_once() {
    let web = store_with(|asked| match asked.path.contains("continuation-token") {
        true => reply(503, "<Error><Code>SlowDown</Code></Error>"),
        false => page(&object("a/b", TIME, "1"), MORE),
    })
    .await;
    let mut subject = source(&web.url(""), "objects: [{prefix: a/}]");
    for requests in [2, 0] {
        let observation = subject.probe().await.expect("an observation");
        assert_eq!((failure(&observation), problems(&observation)), (None, vec![Reason::RateLimited]));
        assert_eq!(of_objects(&observation, "s3_list_success", "a/"), Some(0.0));
        assert_eq!(listings(&web), requests);
    }
}
