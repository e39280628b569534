use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::json;

use super::{DAY, MINUTE, at, now, undelivered};
use testkit::web::{Reply, Web, reply, with};

/// Stripe's answers when its clock is ahead of ours by so many seconds; one event is 20 minutes old there.
fn ahead(seconds: i64) -> Reply {
    let there = now() + seconds;
    let event = json!({"id": "evt_1", "type": "invoice.paid", "created": there - 20 * MINUTE});
    let body = json!({"data": [event], "has_more": false, "id": "we_1"});
    let date = Timestamp::from_second(there).expect("a time");
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&date).expect("a year of four digits");
    with(reply(200, body.to_string()), "date", &date)
}

#[tokio::test]
async fn ages_and_windows_are_taken_on_stripes_clock() {
    for days in [-10, 0, 10] {
        let api = Web::start(move |_| ahead(days * DAY)).await;
        let mut subject = at(&api.url(""), "event_destinations: false");
        for probe in 0..2 {
            let observation = subject.probe().await.expect("an answer");
            assert_eq!(undelivered(&observation, "invoice.paid", "retrying"), Some(1.0), "{days} {probe}");
        }
        let asked = api.asked();
        let events = asked.iter().rfind(|asked| asked.path.starts_with("/v1/events"));
        let (_, from) =
            events.and_then(|asked| asked.path.split_once("created%5Bgte%5D=")).expect("a window");
        let from: i64 = from.split('&').next().and_then(|from| from.parse().ok()).expect("a time stamp");
        assert!((from - (now() + days * DAY - 4 * DAY)).abs() <= 2, "{from}");
    }
}
