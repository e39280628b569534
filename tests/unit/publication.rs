//! What `/metrics` has after a change, and after a reload.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, UNIX_EPOCH};

use platform_core::metric::{Desc, Format};
use platform_core::probe::{Observation, Problem, Reason};
use platform_core::query::ResultSet;
use platform_core::setting::SourceName;
use platform_exporter::config::Config;
use platform_exporter::snapshot::{Coding, Outdated, QueryRun, SourceState, Status, Store};
use testkit::exporter::value;

const ORDERS: Desc = Desc::gauge("acme_orders", &[], "Orders.");
const FAILURES: &str = "platform_query_failures_total{source=\"shop\",query=\"NAME\",reason=\"query\"}";

fn config() -> Config {
    let query = |name: &str| {
        format!(
            "{{name: {name}, source: shop, sql: SELECT 1 AS n, metrics: [{{name: acme_{name}, value: n, help: A.}}]}}"
        )
    };
    let text = format!(
        "sources: {{shop: {{postgres: {{url: postgres://admin:geheim@db/shop}}}}}}\nqueries: [{}, {}]",
        query("orders"),
        query("users")
    );
    testkit::config::load(&text, "platform.yml", &|_| None).unwrap_or_else(|faults| panic!("{faults}"))
}

fn shop() -> SourceName {
    SourceName::try_from("shop".to_owned()).unwrap()
}

fn page(store: &Store) -> String {
    store.publish();
    String::from_utf8(store.current().body(Format::Text, Coding::Identity).concat()).unwrap()
}

fn run(store: &Store, query: &str, result: Result<ResultSet, Problem>, max_age: Duration) {
    let encoder = store.look(&shop(), |state| state.encoder_of(query)).unwrap();
    let run = QueryRun {
        result: result.map(|result| encoder.query(result)),
        waited: Duration::ZERO,
        duration: Duration::ZERO,
        every: max_age,
        max_age,
        ended: Instant::now(),
    };
    store.update(&shop(), |state| state.queried(query, run, UNIX_EPOCH)).unwrap();
}

#[test]
fn a_result_that_is_too_old_leaves_the_page_without_a_change() {
    let store = Store::new(&config(), UNIX_EPOCH);
    let orders = || Ok(ResultSet { families: vec![ORDERS.value(7.0)], ..ResultSet::default() });
    run(&store, "orders", orders(), Duration::from_secs(3600));
    let orders_on = |page: &str| value(page, "acme_orders{source=\"shop\"}");
    assert_eq!(orders_on(&page(&store)), Some(7.0));
    assert_eq!(orders_on(&page(&store)), Some(7.0), "nothing has changed");

    run(&store, "orders", orders(), Duration::from_secs(1));
    assert_eq!(orders_on(&page(&store)), Some(7.0));
    let deadline = Instant::now() + Duration::from_secs(20);
    while orders_on(&page(&store)).is_some() {
        assert!(Instant::now() < deadline, "it is still there");
    }
}

#[test]
fn a_reload_forgets_only_queries_that_it_has_replaced() {
    let (store, config) = (Store::new(&config(), UNIX_EPOCH), config());
    for query in ["orders", "users"] {
        run(&store, query, Err(Problem::new(Reason::Query, "no such table")), Duration::from_secs(60));
    }
    let failures = |page: &str, query| value(page, &FAILURES.replace("NAME", query));
    let before = page(&store);
    assert_eq!((failures(&before, "orders"), failures(&before, "users")), (Some(1.0), Some(1.0)), "{before}");
    let outdated = Outdated { queries: BTreeSet::from(["orders".to_owned()]), ..Outdated::default() };
    store.apply(&config, &outdated);
    let after = page(&store);
    assert_eq!((failures(&after, "orders"), failures(&after, "users")), (Some(0.0), Some(1.0)), "{after}");
}

#[test]
fn every_probe_counts() {
    let store = Store::new(&config(), UNIX_EPOCH);
    for _ in 0..3 {
        let probed = Observation { families: vec![ORDERS.value(7.0)], ..Observation::default() };
        let probed = Ok(store.look(&shop(), SourceState::encoder).unwrap().probe(probed));
        store.update(&shop(), |state| state.probed(probed, Duration::ZERO, UNIX_EPOCH)).unwrap();
    }
    let probes = "platform_probes_total{source=\"shop\",kind=\"postgres\"}";
    assert_eq!(value(&page(&store), probes), Some(3.0));
    let state = store.state("shop").unwrap();
    assert_eq!(state.probe_families().len(), 1);
    assert_eq!((state.status(), state.status().to_string()), (Status::Up, "up".to_owned()));
    assert!(state.target().contains("db") && !state.target().contains("geheim"), "{}", state.target());
}
