use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use platform_exporter::registry::{Kind, SourceConfig};
use tracing_subscriber::fmt::MakeWriter;

use testkit::subject::{config, source};

fn faults(keys: &str) -> String {
    config(&format!("stripe: {{{keys}}}")).expect_err("it is wrong").to_string()
}

fn right(keys: &str) -> SourceConfig {
    config(&format!("stripe: {{{keys}}}")).unwrap_or_else(|faults| panic!("{faults}"))
}

#[test]
fn a_key_is_enough() {
    let config = right("api_key: rk_live_s3cr3t");
    assert_eq!(config.kind(), Kind::Stripe);
    assert_eq!(config.definition().target(), "https://api.stripe.com");
    assert!(!format!("{config:?}").contains("s3cr3t"), "{config:?}");
    let config = right("api_key_file: /nowhere, account: acct_1, api_base: 'http://localhost:1/stripe/'");
    assert_eq!(config.definition().target(), "http://localhost:1/stripe as acct_1");
}

#[test]
fn what_is_wrong_is_reported_with_what_was_expected() {
    for (keys, words) in [
        ("", "missing key: set `api_key_file`"),
        ("api_key: rk_live_a, api_key_file: /key", "not both"),
        ("api_key: pk_live_a", "found a publishable key (pk_…)"),
        ("api_key: whsec_a", "found the signing secret of a webhook"),
        ("api_key: rk_", "expected a restricted key (rk_…)"),
        ("api_key: rk_live a", "expected a restricted key (rk_…)"),
        ("api_key: hunter2", "expected a restricted key (rk_…)"),
        ("api_key: rk_live_a, lookback: 3d", "expected more than 3d"),
        ("api_key: rk_live_a, lookback: 31d", "at most 30d"),
        ("api_key: rk_live_a, max_pages: 0", "expected 1 to 100"),
        ("api_key: rk_live_a, max_pages: 101", "expected 1 to 100"),
        ("api_key: rk_live_a, account: example", "acct_…"),
        ("api_key: rk_live_a, api_base: 'api.stripe.com'", "as in https://api.stripe.com"),
        ("api_key: rk_live_a, api_base: 'https://a:b@api.stripe.com'", "without user"),
        ("api_key: rk_live_a, api_base: 'https://api.stripe.com?a=b'", "query"),
        ("api_key: rk_live_a, event_types: [other]", "such as invoice.paid"),
        ("api_key: rk_live_a, event_types: ['*']", "such as invoice.paid"),
        ("api_key: rk_live_a, event_types: ['invoice.p*']", "such as invoice.paid"),
        ("api_key: rk_live_a, event_types: [invoice.paid, invoice.paid]", "listed twice"),
        ("api_key: rk_live_a, event_type: [invoice.paid]", "event_types"),
        ("api_key: rk_live_a, subscriptions: true, prices: [prod_1]", "ids of prices (price_…)"),
        ("api_key: rk_live_a, subscriptions: true, prices: ['price_1&status=active']", "ids of prices"),
        ("api_key: rk_live_a, prices: [price_1]", "needs `subscriptions: true`"),
    ] {
        let faults = faults(keys);
        assert!(faults.contains(words), "{keys}: {faults}");
    }
}

#[test]
fn faults_hold_no_secret() {
    for keys in [
        "api_key: pk_live_s3cr3t",
        "api_key: s3cr3t",
        "api_key: rk_live_s3cr3t, api_key_file: /key",
        "api_key: rk_live_a, api_base: 'https://a:s3cr3t@api.stripe.com'",
    ] {
        let faults = faults(keys);
        assert!(!faults.contains("s3cr3t"), "{faults}");
    }
}

/// A log that tests can read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_key_that_may_do_everything_is_warned_about_once() {
    for (key, warnings) in [("sk_live_s3cr3t", 1), ("rk_live_s3cr3t", 0)] {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
        {
            let _log = tracing::subscriber::set_default(subscriber);
            let mut source = source(&format!("stripe: {{api_key: {key}, api_base: 'http://127.0.0.1:1'}}"));
            for _ in 0..2 {
                source.probe().await.expect_err("nobody listens there");
            }
        }
        let text = String::from_utf8(log.0.lock().clone()).expect("text");
        assert_eq!(text.matches("WARN").count(), warnings, "{text}");
        assert!(!text.contains("s3cr3t"), "{text}");
    }
}
