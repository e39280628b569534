//! Lines of the exposition, and the names in it.

use std::sync::Arc;

use platform_core::metric::{
    Desc, Exposition, Family, Format, HistogramSample, LabelName, Lines, MetricName, MetricType, encode,
};

const UP: Desc = Desc::gauge("acme_up", &[], "1 when up.");
const ODD: Desc = Desc::unknown("acme_odd", &["label"], "A counter under an old name.");

#[test]
fn a_family_with_another_type_is_left_out() {
    const OTHER: Desc = Desc::unknown("acme_up", &[], "Another type.");
    let mut exposition = Exposition::default();
    for (source, family) in [("b", OTHER.value(1.0)), ("a", UP.value(1.0))] {
        let source = Arc::from(source);
        exposition.put(Some(&source), Lines::renew(&[], Some(&source), [family]));
    }
    let text = encode(&exposition, Format::Text);
    assert_eq!(text, "# HELP acme_up 1 when up.\n# TYPE acme_up gauge\nacme_up{source=\"a\"} 1\n");
}

/// Prometheus 3 fails a scrape without a content type that it knows.
#[test]
fn a_format_names_its_content_type() {
    assert_eq!(Format::Text.content_type(), "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
    assert_eq!(
        Format::OpenMetrics.content_type(),
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
    );
}

#[test]
fn whole_numbers_have_no_fraction_as_long_as_they_are_exact() {
    const GAUGE: Desc = Desc::gauge("g", &[], "A gauge.");
    const COUNTER: Desc = Desc::counter("c_total", &[], "A counter.");
    let exact = 9_007_199_254_740_991.0;
    for (desc, value, expected) in [
        (GAUGE, 3.0, "g 3\n"),
        (GAUGE, -3.0, "g -3\n"),
        (GAUGE, 1.5, "g 1.5\n"),
        (GAUGE, exact, "g 9007199254740991\n"),
        (GAUGE, exact + 1.0, "g 9007199254740992.0\n"),
        (GAUGE, -exact, "g -9007199254740991\n"),
        (GAUGE, 1e300, "g 1e300\n"),
        (COUNTER, 3.0, "c_total 3\n"),
        (COUNTER, 2.5, "c_total 2.5\n"),
        (COUNTER, 0.0, "c_total 0\n"),
        (COUNTER, -1.0, "c_total -1.0\n"),
        (COUNTER, exact + 1.0, "c_total 9007199254740992.0\n"),
    ] {
        assert_eq!(Lines::encode(None, desc.value(value)).to_string(), expected, "{value}");
    }
}

#[test]
fn quotes_in_a_help_text_are_escaped_in_openmetrics_alone() {
    const QUOTED: Desc = Desc::gauge("acme_up", &[], "\"Up\" or C:\\down\nand out.");
    let mut exposition = Exposition::default();
    exposition.put(None, Lines::renew(&[], None, [QUOTED.value(1.0)]));
    let help = |format| encode(&exposition, format).lines().next().map(str::to_owned);
    assert_eq!(help(Format::Text).as_deref(), Some(r#"# HELP acme_up "Up" or C:\\down\nand out."#));
    assert_eq!(help(Format::OpenMetrics).as_deref(), Some(r#"# HELP acme_up \"Up\" or C:\\down\nand out."#));
}

#[test]
fn odd_labels_stay_what_they_are() {
    let source = Arc::from("a");
    let odd = ["plain", "with,label=\"plain\"", "back\\", "line\nbreak", "label=\"plain"];
    let family = odd
        .iter()
        .zip([1.0, 2.0, 4.0, 8.0, 16.5])
        .fold(ODD.family(), |family, (label, value)| family.with([label], value));
    let lines = Lines::encode(Some(&source), family.clone());
    assert!((lines.sum() - 31.5).abs() < f64::EPSILON);
    let values = |label: &str| {
        let labels = [("label".to_owned(), label.to_owned())].into();
        family.with_labels(&labels).map(|sample| sample.value).collect::<Vec<_>>()
    };
    for (label, value) in odd.iter().zip([1.0, 2.0, 4.0, 8.0, 16.5]) {
        assert_eq!(values(label), [value], "{label}");
    }
    assert_eq!(values("other"), [0.0; 0]);
    assert_eq!(lines.without_source(), Lines::encode(None, family));
    let up = Lines::encode(Some(&source), UP.value(1.0));
    assert_eq!(up.without_source().to_string(), "acme_up 1\n");
}

/// OpenMetrics has no counter without `_total`; Prometheus' own format has.
#[test]
fn a_counter_without_total_is_one_where_the_format_allows_it() {
    const COMMITS: Desc = Desc::counter("pg_stat_database_xact_commit", &[], "Commits.");
    let mut exposition = Exposition::default();
    exposition.put(None, Lines::renew(&[], None, [COMMITS.value(3.0)]));
    let name = "pg_stat_database_xact_commit";
    for (format, of_type, end) in [(Format::Text, "counter", ""), (Format::OpenMetrics, "unknown", "# EOF\n")]
    {
        let expected = format!("# HELP {name} Commits.\n# TYPE {name} {of_type}\n{name} 3\n{end}");
        assert_eq!(encode(&exposition, format), expected);
    }
}

#[test]
fn a_histogram_has_its_series_together_with_and_without_labels() {
    let desc = |labels| Desc {
        metric_type: MetricType::Histogram,
        ..Desc::gauge("acme_seconds", labels, "Seconds.")
    };
    let histogram = |desc: Desc, labels: &[&str]| Family {
        histograms: vec![HistogramSample::new(
            labels.iter().map(|&label| label.to_owned()).collect(),
            [(0.5, 2), (10.0, 1)],
            1.25,
            0,
        )],
        ..desc.family()
    };
    let source = Arc::from("a");
    let bare = histogram(desc(&[]), &[]);
    // What falls is raised.
    let expected = "acme_seconds_sum 1.25\nacme_seconds_count 2\nacme_seconds_bucket{le=\"0.5\"} 2\n\
                    acme_seconds_bucket{le=\"10.0\"} 2\nacme_seconds_bucket{le=\"+Inf\"} 2\n";
    assert_eq!(Lines::encode(None, bare.clone()).to_string(), expected);
    let labelled = histogram(desc(&["plan"]), &["a,le=\"1\""]);
    for family in [bare, labelled, histogram(desc(&[]), &[]).labelled("host", "b")] {
        let of_source = Lines::encode(Some(&source), family.clone());
        assert_eq!(of_source.to_string().matches("source=\"a\"").count(), 5);
        assert_eq!(of_source.without_source(), Lines::encode(None, family));
    }
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
