use super::{KINDS, SECRET, subject};
use testkit::fake_broker::FakeBroker;
use testkit::web::{Web, reply, with};

/// An `http` source follows, and leaves its secrets behind: see `kinds::http::redirects`.
#[tokio::test]
async fn are_not_followed() {
    let (broker, elsewhere) = (FakeBroker::start().await, Web::start(|_| reply(200, "[]")).await);
    for kind in KINDS.into_iter().filter(|kind| *kind != "http") {
        for status in [301, 302, 303, 307, 308] {
            let target = elsewhere.url("/");
            let web = Web::start(move |_| with(reply(status, ""), "location", &target)).await;
            let result = subject(kind, &broker, web.address()).probe().await;
            let bad =
                result.as_ref().map_or(true, |seen| seen.failure.is_some() || !seen.problems.is_empty());
            assert!(bad, "{kind} {status}: {result:?}");
            assert!(!web.asked().is_empty(), "{kind} {status}");
            assert_eq!(elsewhere.asked().len(), 0, "{kind} {status}");
            assert!(!format!("{result:?}").contains(SECRET), "{kind} {status}");
        }
    }
}
