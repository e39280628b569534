//! Estimates of what a configuration costs.

use std::fmt::Write;

use platform_exporter::capacity::Estimate;
use platform_exporter::registry::Kind;

fn estimate(text: &str) -> Estimate {
    let config = testkit::config::load(text, "platform.yml", &|_| None);
    Estimate::of(&config.unwrap_or_else(|faults| panic!("{faults}")))
}

#[test]
fn sources_and_queries_cost_what_their_kind_and_cadence_say() {
    let one = estimate("sources: {a: {redis: {url: redis://a}, interval: 15s}}");
    let cost = Kind::Redis.facts().cost;
    assert!((one.runs - 1.0 / 15.0).abs() < 1e-9);
    assert!((one.cpu - cost.cpu.as_secs_f64() / 15.0).abs() < 1e-9);
    assert!((one.wire - f64::from(cost.wire) / 15.0).abs() < 1e-9);

    let mut text = "sources: {a: {redis: {url: redis://a}, interval: 15s}}\nqueries:\n".to_owned();
    for number in 0..100 {
        writeln!(
            text,
            "  - {{name: q{number}, source: a, every: 10s, redis: {{command: [LLEN, k]}}, \
             metrics: [{{name: acme_{number}, value: value, help: A length.}}]}}"
        )
        .unwrap();
    }
    let many = estimate(&text);
    assert!((many.runs - one.runs - 10.0).abs() < 1e-9);
    assert!(many.cpu > one.cpu && many.memory > one.memory);
    assert_eq!((many.wire, many.series), (one.wire, one.series));
}

#[test]
fn an_estimate_is_a_line() {
    let text = estimate("sources: {a: {http: {url: http://a}, interval: 1s}}").to_string();
    assert_eq!(
        text,
        "1.0 probes and queries per second, 0.0 % of a core, 0 kB/s, 17 series from probes, 22 MiB of memory"
    );
}
