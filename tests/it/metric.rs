//! The exposition formats, read by the parsers of others.

mod declared;
mod round_trip;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use platform_core::metric::{
    Desc, Exposition, Family, Format, HistogramSample, LabelNames, Lines, MetricType, encode,
};

use testkit::dependency;

const UP: Desc = Desc::gauge("acme_up", &[], "1 when up.");
const JOBS: Desc =
    Desc::counter("acme_jobs_total", &["queue"], "Jobs with \"quotes\", a \\ and\na line break.");
const BARE: Desc = Desc::gauge("acme_bare", &[], "A value without labels.");
const ODD: Desc = Desc::unknown("acme_odd", &["label"], "A counter under an old name.");

fn exposition() -> Exposition {
    let mut exposition = Exposition::default();
    let odd =
        ODD.family().with(["nan"], f64::NAN).with(["inf"], f64::INFINITY).with(["-inf"], f64::NEG_INFINITY);
    put(&mut exposition, "b", [UP.value(1.0), JOBS.family().with(["x\\y\"z\nü {}=,"], 1e18)]);
    put(&mut exposition, "a", [UP.value(0.0), JOBS.family().with(["mail"], 3.0).with(["push"], 0.1 + 0.2)]);
    let own = [odd.with(["small"], 5e-324).with(["negative"], -12.0), BARE.value(2.0)];
    exposition.put(None, Lines::renew(&[], None, own));
    put(&mut exposition, "c", [seconds()]);
    exposition
}

fn seconds() -> Family {
    let labels = LabelNames::Fixed(&["plan"]);
    let desc =
        Desc { metric_type: MetricType::Histogram, labels, ..Desc::gauge("acme_seconds", &[], "Durations.") };
    let of = |plan: &str, buckets: [(f64, u64); 2], sum, count| {
        HistogramSample::new([plan.to_owned()].into(), buckets, sum, count)
    };
    let histograms =
        vec![of("free", [(0.1, 7), (10.0, 9)], 4.5, 12), of("pro", [(0.1, 0), (10.0, 0)], 0.0, 0)];
    Family { histograms, ..desc.family() }
}

fn put(exposition: &mut Exposition, source: &str, families: impl IntoIterator<Item = Family>) {
    let source = Arc::from(source);
    exposition.put(Some(&source), Lines::renew(&[], Some(&source), families));
}

#[test]
fn text_has_each_family_once_with_its_samples_together() {
    assert_eq!(
        encode(&exposition(), Format::Text),
        "\
# HELP acme_bare A value without labels.
# TYPE acme_bare gauge
acme_bare 2
# HELP acme_jobs_total Jobs with \"quotes\", a \\\\ and\\na line break.
# TYPE acme_jobs_total counter
acme_jobs_total{source=\"a\",queue=\"mail\"} 3
acme_jobs_total{source=\"a\",queue=\"push\"} 0.30000000000000007
acme_jobs_total{source=\"b\",queue=\"x\\\\y\\\"z\\nü {}=,\"} 1000000000000000000.0
# HELP acme_odd A counter under an old name.
# TYPE acme_odd untyped
acme_odd{label=\"nan\"} NaN
acme_odd{label=\"inf\"} inf
acme_odd{label=\"-inf\"} -inf
acme_odd{label=\"small\"} 5e-324
acme_odd{label=\"negative\"} -12
# HELP acme_seconds Durations.
# TYPE acme_seconds histogram
acme_seconds_sum{source=\"c\",plan=\"free\"} 4.5
acme_seconds_count{source=\"c\",plan=\"free\"} 12
acme_seconds_bucket{le=\"0.1\",source=\"c\",plan=\"free\"} 7
acme_seconds_bucket{le=\"10.0\",source=\"c\",plan=\"free\"} 9
acme_seconds_bucket{le=\"+Inf\",source=\"c\",plan=\"free\"} 12
acme_seconds_sum{source=\"c\",plan=\"pro\"} 0.0
acme_seconds_count{source=\"c\",plan=\"pro\"} 0
acme_seconds_bucket{le=\"0.1\",source=\"c\",plan=\"pro\"} 0
acme_seconds_bucket{le=\"10.0\",source=\"c\",plan=\"pro\"} 0
acme_seconds_bucket{le=\"+Inf\",source=\"c\",plan=\"pro\"} 0
# HELP acme_up 1 when up.
# TYPE acme_up gauge
acme_up{source=\"a\"} 0
acme_up{source=\"b\"} 1
"
    );
}

/// The reference parsers of Prometheus' Python client read both formats, and find the same in them.
#[test]
fn the_reference_parsers_read_what_was_meant() {
    const PARSE: &str = r#"
import json, sys
from prometheus_client.parser import text_string_to_metric_families as text
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
parse = {"text": text, "openmetrics": openmetrics}[sys.argv[1]]
for family in parse(sys.stdin.read()):
    for sample in family.samples:
        print(sample.name, json.dumps(sample.labels, sort_keys=True, ensure_ascii=False), repr(float(sample.value)))
"#;
    let read = |format: Format, name: &str| {
        let mut child = Command::new(dependency("venv/bin/python"))
            .args(["-c", PARSE, name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the Python environment is there: run `make deps`");
        child.stdin.take().unwrap().write_all(encode(&exposition(), format).as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{name} is refused");
        let mut lines: Vec<_> =
            String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let text = read(Format::Text, "text");
    assert_eq!(text, read(Format::OpenMetrics, "openmetrics"));
    assert_eq!(
        text,
        [
            r#"acme_bare {} 2.0"#,
            r#"acme_jobs_total {"queue": "mail", "source": "a"} 3.0"#,
            r#"acme_jobs_total {"queue": "push", "source": "a"} 0.30000000000000004"#,
            r#"acme_jobs_total {"queue": "x\\y\"z\nü {}=,", "source": "b"} 1e+18"#,
            r#"acme_odd {"label": "-inf"} -inf"#,
            r#"acme_odd {"label": "inf"} inf"#,
            r#"acme_odd {"label": "nan"} nan"#,
            r#"acme_odd {"label": "negative"} -12.0"#,
            r#"acme_odd {"label": "small"} 5e-324"#,
            r#"acme_seconds_bucket {"le": "+Inf", "plan": "free", "source": "c"} 12.0"#,
            r#"acme_seconds_bucket {"le": "+Inf", "plan": "pro", "source": "c"} 0.0"#,
            r#"acme_seconds_bucket {"le": "0.1", "plan": "free", "source": "c"} 7.0"#,
            r#"acme_seconds_bucket {"le": "0.1", "plan": "pro", "source": "c"} 0.0"#,
            r#"acme_seconds_bucket {"le": "10.0", "plan": "free", "source": "c"} 9.0"#,
            r#"acme_seconds_bucket {"le": "10.0", "plan": "pro", "source": "c"} 0.0"#,
            r#"acme_seconds_count {"plan": "free", "source": "c"} 12.0"#,
            r#"acme_seconds_count {"plan": "pro", "source": "c"} 0.0"#,
            r#"acme_seconds_sum {"plan": "free", "source": "c"} 4.5"#,
            r#"acme_seconds_sum {"plan": "pro", "source": "c"} 0.0"#,
            r#"acme_up {"source": "a"} 0.0"#,
            r#"acme_up {"source": "b"} 1.0"#,
        ]
    );
}
