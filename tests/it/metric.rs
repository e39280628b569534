//! The exposition formats, read by the parsers of others.

mod round_trip;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use platform_exporter::metric::{Desc, Exposition, Format, LabelName, MetricName, encode};

use crate::support::dependency;

const UP: Desc = Desc::gauge("acme_up", &[], "1 when up.");
const JOBS: Desc =
    Desc::counter("acme_jobs_total", &["queue"], "Jobs with \"quotes\", a \\ and\na line break.");
const ODD: Desc = Desc::unknown("acme_odd", &["label"], "A counter under an old name.");

fn exposition() -> Arc<Exposition> {
    let mut exposition = Exposition::default();
    let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
    exposition
        .add(Some(&b), [Arc::new(UP.value(1.0)), Arc::new(JOBS.family().with(["x\\y\"z\nü {}=,"], 1e18))]);
    exposition.add(
        Some(&a),
        [Arc::new(UP.value(0.0)), Arc::new(JOBS.family().with(["mail"], 3.0).with(["push"], 0.1 + 0.2))],
    );
    let odd =
        ODD.family().with(["nan"], f64::NAN).with(["inf"], f64::INFINITY).with(["-inf"], f64::NEG_INFINITY);
    exposition.add(None, [Arc::new(odd.with(["small"], 5e-324).with(["negative"], -12.0))]);
    Arc::new(exposition)
}

#[test]
fn text_has_each_family_once_with_its_samples_together() {
    assert_eq!(
        encode(&exposition(), Format::Text),
        "\
# HELP acme_jobs_total Jobs with \"quotes\", a \\\\ and\\na line break.
# TYPE acme_jobs_total counter
acme_jobs_total{source=\"b\",queue=\"x\\\\y\\\"z\\nü {}=,\"} 1e18
acme_jobs_total{source=\"a\",queue=\"mail\"} 3
acme_jobs_total{source=\"a\",queue=\"push\"} 0.30000000000000004
# HELP acme_odd A counter under an old name.
# TYPE acme_odd untyped
acme_odd{label=\"nan\"} NaN
acme_odd{label=\"inf\"} +Inf
acme_odd{label=\"-inf\"} -Inf
acme_odd{label=\"small\"} 5e-324
acme_odd{label=\"negative\"} -12
# HELP acme_up 1 when up.
# TYPE acme_up gauge
acme_up{source=\"b\"} 1
acme_up{source=\"a\"} 0
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
            r#"acme_jobs_total {"queue": "mail", "source": "a"} 3.0"#,
            r#"acme_jobs_total {"queue": "push", "source": "a"} 0.30000000000000004"#,
            r#"acme_jobs_total {"queue": "x\\y\"z\nü {}=,", "source": "b"} 1e+18"#,
            r#"acme_odd {"label": "-inf"} -inf"#,
            r#"acme_odd {"label": "inf"} inf"#,
            r#"acme_odd {"label": "nan"} nan"#,
            r#"acme_odd {"label": "negative"} -12.0"#,
            r#"acme_odd {"label": "small"} 5e-324"#,
            r#"acme_up {"source": "a"} 0.0"#,
            r#"acme_up {"source": "b"} 1.0"#,
        ]
    );
}

#[test]
fn a_family_with_another_type_is_left_out() {
    const OTHER: Desc = Desc::unknown("acme_up", &[], "Another type.");
    let mut exposition = Exposition::default();
    exposition.add(Some(&"a".into()), [Arc::new(UP.value(1.0))]);
    exposition.add(Some(&"b".into()), [Arc::new(OTHER.value(1.0))]);
    let text = encode(&Arc::new(exposition), Format::Text);
    assert_eq!(text, "# HELP acme_up 1 when up.\n# TYPE acme_up gauge\nacme_up{source=\"a\"} 1\n");
}

#[test]
fn names_that_would_fail_a_scrape_are_refused() {
    for name in ["", "1a", "a-b", "a.b", "a:b", "ä", "a b", "scrape_x", "process_x", "platform_x"] {
        assert!(MetricName::try_from(name.to_owned()).is_err(), "{name}");
    }
    for name in ["", "1a", "a-b", "a:b", "__name__", "le", "quantile", "source", "job", "instance"] {
        assert!(LabelName::try_from(name.to_owned()).is_err(), "{name}");
    }
    assert!(MetricName::try_from("acme_users".to_owned()).is_ok());
    assert!(LabelName::try_from("_plan1".to_owned()).is_ok());
}
