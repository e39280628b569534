//! Lines of the exposition, and the names in it.

use std::sync::Arc;

use platform_core::metric::{Desc, Exposition, Format, LabelName, Lines, MetricName, encode};

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
